"""Stands where setuptools stands while `tools/setup` lets pip fetch a source archive.

pip asks the build backend for an archive's name and version even when it only downloads it, and the real backend would run
the archive's setup.py for that. This one answers from the archive's PKG-INFO and runs nothing.
"""

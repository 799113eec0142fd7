"""Replaces setuptools while `tools/setup` downloads a source archive with pip.

pip asks the build backend for the name and version of an archive even if it only downloads it. The original backend would run
the archive's setup.py for that. This one reads the archive's PKG-INFO and runs no code.
"""

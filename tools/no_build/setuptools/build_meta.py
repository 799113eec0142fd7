"""The only hook of PEP 517 that `pip download` needs."""

import email
import os
import shutil
import sys

__legacy__ = sys.modules[__name__]  # the name that pip uses for archives without pyproject.toml


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    with open("PKG-INFO", encoding="utf-8") as file:
        package = email.message_from_file(file)
    folder = "%s-%s.dist-info" % (package["Name"].replace("-", "_"), package["Version"])
    os.makedirs(os.path.join(metadata_directory, folder))
    shutil.copyfile("PKG-INFO", os.path.join(metadata_directory, folder, "METADATA"))
    return folder

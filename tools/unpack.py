"""Extracts selected members of a wheel, a source archive or an npm package.

    unpack.py ARCHIVE FOLDER RULE...

A rule is `REGEX=>NAME`: a member whose whole name matches REGEX is written to FOLDER/NAME. NAME may
use the groups of REGEX (`\\1`). The first matching rule is used; members without a matching rule are skipped. Each rule must
match at least once, so that a changed layout of a package is detected here.
"""

import os
import re
import shutil
import sys
import tarfile
import zipfile


def unpack(archive, folder, rules):
    """Writes the selected members of `archive` below `folder` and returns their number."""
    compiled = [(re.compile(pattern), name) for pattern, name in (rule.split("=>", 1) for rule in rules)]
    unused = {pattern.pattern for pattern, _ in compiled}
    count = 0
    for member, open_member in members(archive):
        for pattern, name in compiled:
            match = pattern.fullmatch(member)
            if match:
                unused.discard(pattern.pattern)
                write(inside(folder, match.expand(name)), open_member)
                count += 1
                break
    if unused:
        raise ValueError("%s: no member matches %s" % (archive, ", ".join(sorted(unused))))
    return count


def members(archive):
    """Yields (name, function that opens it) of each plain file in a zip or tar archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            for info in pack.infolist():
                if not info.is_dir():
                    yield info.filename, lambda: pack.open(info)
    else:
        with tarfile.open(archive) as pack:
            for info in pack:
                if info.isfile():
                    yield info.name, lambda: pack.extractfile(info)


def inside(folder, name):
    root = os.path.abspath(folder)
    path = os.path.abspath(os.path.join(root, name))
    if not path.startswith(root + os.sep):
        raise ValueError("%s would be written outside %s" % (name, folder))
    return path


def write(path, open_member):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open_member() as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    try:
        unpack(sys.argv[1], sys.argv[2], sys.argv[3:])
    except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        sys.exit("unpack.py: %s: %s" % (sys.argv[1], error))

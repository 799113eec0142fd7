"""Tests tools/unpack.py with small archives."""

import io
import os
import sys
import tarfile
import tempfile
import unittest
import zipfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from unpack import unpack


class Unpack(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.out = os.path.join(self.folder, "out")

    def archives(self, members):
        """The same members as a zip archive and as a compressed tar archive."""
        wheel, tgz = os.path.join(self.folder, "a.whl"), os.path.join(self.folder, "a.tgz")
        with zipfile.ZipFile(wheel, "w") as pack:
            for name, content in members.items():
                pack.writestr(name, content)
        with tarfile.open(tgz, "w:gz") as pack:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                pack.addfile(info, io.BytesIO(content))
        return wheel, tgz

    def test_only_matching_members_are_written_under_their_new_name(self):
        for archive in self.archives({"p/lib/a.so": b"one", "p/lib/b.py": b"two", "other/a.so": b"three"}):
            self.assertEqual(unpack(archive, self.out, [r"p/(lib/.*\.so)=>\1"]), 1)
            found = [os.path.join(at, name) for at, _, names in os.walk(self.out) for name in names]
            self.assertEqual(found, [os.path.join(self.out, "lib", "a.so")])
            with open(found[0], "rb") as file:
                self.assertEqual(file.read(), b"one")

    def test_a_rule_without_a_member_is_an_error(self):
        for archive in self.archives({"a": b""}):
            with self.assertRaisesRegex(ValueError, "no member matches b"):
                unpack(archive, self.out, ["a=>a", "b=>b"])

    def test_nothing_is_written_outside_the_folder(self):
        for archive in self.archives({"x/../../escaped": b"!"}):
            with self.assertRaisesRegex(ValueError, "outside"):
                unpack(archive, self.out, [r"x/(.*)=>\1"])
            self.assertFalse(os.path.exists(os.path.join(self.folder, "escaped")))


if __name__ == "__main__":
    unittest.main()

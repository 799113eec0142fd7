"""Reads flatbuffers: tables with a list of field offsets.

A table starts with a signed offset back to its field list (the "vtable"): u16 length, u16 size, then for each field the
u16 offset of its value in the table, 0 for the default value. Everything is little-endian.
"""

import struct

from .graph import ConvertError


def root(data):
    """The root table of a file."""
    return Table(data, struct.unpack_from("<I", data, 0)[0])


class Table:
    """A table. Fields have the numbers of the schema. Damage raises struct.error or ConvertError."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.fields = at - struct.unpack_from("<i", data, at)[0]
        if self.fields < 0:
            raise ConvertError("the table at byte %d has its field list before the start of the file" % at)
        self.count = (struct.unpack_from("<H", data, self.fields)[0] - 4) // 2

    def scalar(self, field, form, default=0):
        place = self._place(field)
        return default if place is None else struct.unpack_from(form, self.data, place)[0]

    def table(self, field):
        place = self._place(field)
        if place is None:
            raise ConvertError("the table at byte %d lacks field %d" % (self.at, field))
        return Table(self.data, self._follow(place))

    def tables(self, field):
        start, count = self._vector(field, 4)
        return [Table(self.data, self._follow(start + 4 * i)) for i in range(count)]

    def integers(self, field):
        start, count = self._vector(field, 4)
        return list(struct.unpack_from("<%di" % count, self.data, start))

    def bytes(self, field):
        start, count = self._vector(field, 1)
        return self.data[start : start + count]

    def _place(self, field):
        """The place of the value of a field, or None for the default value."""
        if field >= self.count:
            return None
        offset = struct.unpack_from("<H", self.data, self.fields + 4 + 2 * field)[0]
        return self.at + offset if offset else None

    def _vector(self, field, width):
        place = self._place(field)
        if place is None:
            return 0, 0
        start = self._follow(place)
        count = struct.unpack_from("<I", self.data, start)[0]
        if start + 4 + count * width > len(self.data):
            raise ConvertError("a list of %d items at byte %d exceeds the end of the file" % (count, start))
        return start + 4, count

    def _follow(self, place):
        return place + struct.unpack_from("<I", self.data, place)[0]

"""Reads the tensors of a PyTorch state dictionary in the file format without zip archives (PyTorch < 1.6).

The file has five pickles (magic number, protocol version, machine, the dictionary, the storage keys), then for each
key a u64 count and the numbers. The unpickler builds only the classes listed below, so a
malicious file cannot run code.
"""

import io
import pickle
import struct
from array import array
from collections import OrderedDict, namedtuple

from .graph import ConvertError, Tensor, floats

MAGIC = 0x1950A86A20F9469CFC6C
Storage = namedtuple("Storage", "key count")
View = namedtuple("View", "storage offset shape strides")


def read(data):
    """Tensors by name, in the order of the file."""
    file = io.BytesIO(data)
    try:
        head = [Restricted(file).load() for _ in range(5)]
        if head[0] != MAGIC:
            raise ConvertError("not a PyTorch file in the format before 1.6: magic number %r" % (head[0],))
        state, keys = head[3], head[4]
        storages = {key: storage(file) for key in keys}
        return {name: tensor(name, view, storages) for name, view in state.items()}
    except (pickle.UnpicklingError, struct.error, EOFError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise ConvertError("the PyTorch file is damaged or truncated: %s" % error) from error


def storage(file):
    count = struct.unpack("<Q", file.read(8))[0]
    values = floats(file.read(4 * count))
    if len(values) != count:
        raise ConvertError("the PyTorch file is truncated: it has %d numbers of %d" % (len(values), count))
    return values


def tensor(name, view, storages):
    data = array("f")
    gather(storages[view.storage.key], view.offset, view.shape, view.strides, data)
    count = 1
    for length in view.shape:
        count *= length
    if len(data) != count:
        raise ConvertError("tensor %s exceeds its storage" % name)
    return Tensor(list(view.shape), data)


def gather(values, offset, shape, strides, data):
    """Appends the numbers of a view with any strides, so that the last axis varies fastest."""
    if len(shape) > 1:
        for index in range(shape[0]):
            gather(values, offset + index * strides[0], shape[1:], strides[1:], data)
    else:
        data.extend(values[offset : offset + shape[0] * strides[0] : strides[0]])


class Restricted(pickle.Unpickler):
    ALLOWED = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "FloatStorage"): "FloatStorage",
        ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *_: View(
            storage, offset, shape, strides
        ),
    }

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise ConvertError("the PyTorch file uses %s.%s, which weights do not need" % (module, name))
        return self.ALLOWED[module, name]

    def persistent_load(self, key):
        kind, storage_type, name, _, count = key[:5]
        if (kind, storage_type) != ("storage", "FloatStorage"):
            raise ConvertError("the PyTorch file contains numbers other than 32-bit floats")
        return Storage(name, count)

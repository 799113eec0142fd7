"""Writes safetensors: the u64 length of a JSON header, the header, then the little-endian bytes of the tensors without gaps."""

import json
import struct
import sys


def write(path, tensors, metadata):
    """Writes float32 `tensors` (name -> Tensor) in the given order. The same input gives the same bytes."""
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in tensors.items():
        end = offset + 4 * len(tensor.data)
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the numbers must begin at a multiple of 8
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            values = tensor.data
            if sys.byteorder == "big":
                values = values[:]
                values.byteswap()
            file.write(values.tobytes())

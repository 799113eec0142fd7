"""Tests the parsers of tools/convert with small complete and damaged files."""

import json
import os
import pickle
import struct
import sys
import tempfile
import unittest
from array import array

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from convert import dlib_resnet, flatbuffer, onnx, safetensors, tflite, torch_pickle
from convert.graph import ConvertError, Graph, Tensor, floats, metadata


def numbers(*values):
    return array("f", values)


class Safetensors(unittest.TestCase):
    def test_what_is_written_can_be_read_by_the_published_rules(self):
        tensors = {"a": Tensor([2, 2], numbers(1, 2, 3, 4)), "b": Tensor([1], numbers(-0.5))}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.safetensors")
            safetensors.write(path, tensors, {"k": "v"})
            with open(path, "rb") as file:
                data = file.read()
        length = struct.unpack_from("<Q", data)[0]
        header = json.loads(data[8 : 8 + length])
        self.assertEqual(length % 8, 0)
        self.assertEqual(header.pop("__metadata__"), {"k": "v"})
        self.assertEqual(header["a"], {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]})
        start, end = header["b"]["data_offsets"]
        self.assertEqual(list(floats(data[8 + length + start : 8 + length + end])), [-0.5])
        self.assertEqual(8 + length + end, len(data))


class Graphs(unittest.TestCase):
    def test_operations_name_their_tensors(self):
        graph = Graph(channels=3, side=8, prefix="net.")
        x = graph.conv("input", Tensor([1, 3, 1, 1], numbers(1, 2, 3)), Tensor([1], numbers(4)), stride=[2, 2])
        graph.outputs = [graph.prelu(x, numbers(0.25))]
        description = json.loads(metadata(graph.description(), "here")["graph"])
        self.assertEqual(description["outputs"], ["prelu_00"])
        self.assertEqual([op["weight"] for op in description["ops"]], ["net.conv_00.weight", "net.prelu_00.weight"])
        self.assertEqual(set(graph.tensors), {"net.conv_00.weight", "net.conv_00.bias", "net.prelu_00.weight"})

    def test_a_bias_of_the_wrong_length_is_refused(self):
        with self.assertRaisesRegex(ConvertError, "2 biases for 1 outputs"):
            Graph(3, 8).conv("input", Tensor([1, 1, 1, 1], numbers(1)), Tensor([2], numbers(1, 2)))


def field(number, value):
    """One protocol-buffer field: an integer, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def onnx_tensor(name, shape, values):
    dims = b"".join(field(1, length) for length in shape)
    return field(5, dims + field(2, 1) + field(8, name) + field(9, numbers(*values).tobytes()))


def onnx_model(kind=b"Conv"):
    pads = field(5, field(1, b"pads") + b"".join(field(8, p) for p in (1, 2, 3, 4)))
    strides = field(5, field(1, b"strides") + field(8, varint(2) + varint(3)))  # packed
    node = field(1, b"x") + field(1, b"w") + field(1, b"b") + field(2, b"y") + field(4, kind) + pads + strides
    graph = (
        field(1, node)
        + onnx_tensor(b"w", [300, 1, 1, 1], [0.5] * 300)
        + onnx_tensor(b"b", [300], [1] * 300)
        + field(11, field(1, b"x"))
        + field(12, field(1, b"y"))
    )
    return field(7, graph)


class Onnx(unittest.TestCase):
    def test_a_convolution_keeps_its_attributes(self):
        graph = onnx.convert(onnx_model(), side=4)
        self.assertEqual(graph.ops[0]["pad"], [1, 2, 3, 4])
        self.assertEqual(graph.ops[0]["stride"], [2, 3])
        self.assertEqual(graph.tensors["conv_00.weight"].shape, [300, 1, 1, 1])
        self.assertEqual(graph.outputs, ["conv_00"])

    def test_an_unknown_operator_is_named(self):
        with self.assertRaisesRegex(ConvertError, "Warp"):
            onnx.convert(onnx_model(b"Warp"), side=4)

    def test_a_file_cut_anywhere_is_refused(self):
        whole = onnx_model()
        for end in range(len(whole)):
            with self.assertRaises(ConvertError, msg=end):
                onnx.convert(whole[:end], side=4)


class Flatbuffer(unittest.TestCase):
    # root offset; field list (three fields, the second at its default); table; a vector of two integers
    DATA = struct.pack("<I", 16) + struct.pack("<HHHHH", 10, 12, 4, 0, 8) + b"\0\0" + struct.pack("<iiI", 12, -7, 4)
    DATA += struct.pack("<Iii", 2, 5, 6)

    def test_fields_are_found_or_have_their_default(self):
        table = flatbuffer.root(self.DATA)
        self.assertEqual(table.scalar(0, "<i"), -7)
        self.assertEqual(table.scalar(1, "<i", 42), 42)
        self.assertEqual(table.scalar(9, "<i", 43), 43)
        self.assertEqual(table.integers(2), [5, 6])

    def test_a_list_that_passes_the_end_is_refused(self):
        with self.assertRaisesRegex(ConvertError, "exceeds the end"):
            flatbuffer.root(self.DATA[:-1]).integers(2)


class TensorFlowLite(unittest.TestCase):
    def test_same_padding_puts_the_odd_pixel_last(self):
        self.assertEqual(tflite.same_padding(112, 3, 2), (0, 1))
        self.assertEqual(tflite.same_padding(56, 3, 1), (1, 1))
        self.assertEqual(tflite.same_padding(7, 1, 1), (0, 0))

    def test_channels_come_first(self):
        tensor = tflite.channels_first(Tensor([1, 1, 2, 3], numbers(0, 1, 2, 3, 4, 5)))
        self.assertEqual((tensor.shape, list(tensor.data)), ([1, 3, 1, 2], [0, 3, 1, 4, 2, 5]))

    def test_other_files_are_refused(self):
        for data in (b"", b"abcdefgh", b"\xff\xff\xff\xffTFL3" + b"\xff" * 32):
            with self.assertRaises(ConvertError):
                tflite.convert(data)


class Reference:
    """Pickles itself as a reference to a storage, as PyTorch does."""

    def __init__(self, key, count):
        self.id = ("storage", Global("torch", "FloatStorage"), key, "cpu", count, None)


class Global:
    """Pickles itself as the class `name` of `module`."""

    def __init__(self, module, name, *arguments):
        self.path, self.arguments = (module, name), arguments


def pickled(value):
    """Protocol 2, written by hand because the class may not be installed."""
    if isinstance(value, Global):
        head = ("c%s\n%s\n" % value.path).encode()
        return head + pickled(value.arguments) + b"R" if value.arguments else head
    if isinstance(value, Reference):
        return pickled(value.id) + b"Q"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(pickled, value)) + b"t"
    if isinstance(value, dict):
        return b"}(" + b"".join(pickled(k) + pickled(v) for k, v in value.items()) + b"u"
    return pickle.dumps(value, 2)[2:-1].split(b"q\0")[0]


def state_file(tensors, storages):
    heads = [torch_pickle.MAGIC, 1001, {}, tensors, list(storages)]
    data = b"".join(b"\x80\x02" + pickled(head) + b"." for head in heads[:4]) + pickle.dumps(heads[4], 2)
    return data + b"".join(struct.pack("<Q", len(v)) + numbers(*v).tobytes() for v in storages.values())


def view(key, count, offset, shape, strides):
    return Global("torch._utils", "_rebuild_tensor_v2", Reference(key, count), offset, shape, strides, False, None)


class TorchPickle(unittest.TestCase):
    def test_views_come_out_in_row_order(self):
        data = state_file({"t": view("7", 7, 1, (2, 3), (1, 2))}, {"7": [9, 0, 1, 2, 3, 4, 5]})
        tensor = torch_pickle.read(data)["t"]
        self.assertEqual((tensor.shape, list(tensor.data)), ([2, 3], [0, 2, 4, 1, 3, 5]))

    def test_a_view_past_its_storage_is_refused(self):
        with self.assertRaisesRegex(ConvertError, "past|exceeds its storage"):
            torch_pickle.read(state_file({"t": view("7", 2, 0, (3,), (1,))}, {"7": [1, 2]}))

    def test_nothing_else_can_be_called(self):
        harm = state_file({"t": Global("os", "system", "exit 1")}, {})
        with self.assertRaisesRegex(ConvertError, "os.system"):
            torch_pickle.read(harm)

    def test_a_file_cut_anywhere_is_refused(self):
        whole = state_file({"t": view("7", 2, 0, (2,), (1,))}, {"7": [1, 2]})
        for end in range(len(whole)):
            with self.assertRaises(ConvertError, msg=end):
                torch_pickle.read(whole[:end])


def dlib_integer(value):
    sign, value = (0x80, -value) if value < 0 else (0, value)
    size = max((value.bit_length() + 7) // 8, 1)
    return bytes([size | sign]) + value.to_bytes(size, "little")


def dlib_tensor(*values):
    shape = (len(values), 1, 1, 1)
    return b"".join(map(dlib_integer, (2,) + shape)) + numbers(*values).tobytes()


class Dlib(unittest.TestCase):
    CONVOLUTION = dlib_resnet.tag(b"con_4") + dlib_tensor(1, 2, 3, 4, 10, 20) + b"".join(map(dlib_integer, (2, 1, 2, 1, 3)))
    AFFINE = dlib_resnet.tag(b"affine_") + dlib_tensor(2, 3, 0.5, 0.25)
    DENSE = dlib_resnet.tag(b"fc_2") + b"".join(map(dlib_integer, (2, 3))) + dlib_tensor(1, 2, 3, 4, 5, 6)

    def test_layers_are_found_between_other_bytes(self):
        found = list(dlib_resnet.read(b"head" + self.CONVOLUTION + b"between" + self.AFFINE + self.DENSE + b"tail"))
        self.assertEqual([type(layer) for layer in found], [dlib_resnet.Convolution, dlib_resnet.Affine, Tensor])
        self.assertEqual((found[0].weight.shape, found[0].stride), ([2, 1, 1, 2], [1, 3]))
        self.assertEqual((found[2].shape, list(found[2].data)), ([2, 3], [1, 3, 5, 2, 4, 6]))

    def test_the_affine_layer_is_folded(self):
        weight, bias, _ = dlib_resnet.folded(*dlib_resnet.read(self.CONVOLUTION + self.AFFINE))
        self.assertEqual(list(weight.data), [2, 4, 9, 12])
        self.assertEqual(list(bias.data), [20.5, 60.25])

    def test_integers_have_a_sign(self):
        self.assertEqual(dlib_resnet.Stream(dlib_integer(-300), 0).integer(), -300)

    def test_a_layer_cut_short_is_refused(self):
        for end in range(8, len(self.CONVOLUTION) - 1):
            with self.assertRaises(ConvertError, msg=end):
                list(dlib_resnet.read(self.CONVOLUTION[:end]))

    def test_a_network_without_layers_is_refused(self):
        with self.assertRaisesRegex(ConvertError, "fewer layers"):
            dlib_resnet.convert(b"nothing")


if __name__ == "__main__":
    unittest.main()

"""Reads a TensorFlow Lite model with the field numbers of TensorFlow's `schema.fbs`.

Only the parts for a float network of convolutions are supported. Such files write PReLU as relu(x) + c * (x - |x|), so its
slope is 2c. TensorFlow's "same" padding adds the odd pixel at the right and bottom.
"""

import struct
from array import array
from collections import namedtuple

from . import flatbuffer
from .graph import ConvertError, Graph, Tensor, floats

Operator = namedtuple("Operator", "kind inputs out options")
Options = namedtuple("Options", "same stride")

# BuiltinOperator and TensorType.
KINDS = {0: "add", 3: "conv", 4: "depthwise", 18: "mul", 19: "relu", 22: "reshape", 41: "sub", 101: "abs"}
FLOAT32 = 0
IDENTIFIER = b"TFL3"


class Model:
    """The first subgraph: operators in order, the shape of every tensor, and the constant tensors, by number."""

    def __init__(self, data):
        if data[4:8] != IDENTIFIER:
            raise ConvertError("not a TensorFlow Lite file: bytes 4 to 8 are %r, expected %r" % (data[4:8], IDENTIFIER))
        try:
            self._read(flatbuffer.root(data))
        except (struct.error, IndexError) as error:
            raise ConvertError("the TensorFlow Lite file is damaged or truncated: %s" % error) from error

    def _read(self, model):
        codes = [max(code.scalar(0, "<b"), code.scalar(3, "<i")) for code in model.tables(1)]
        subgraph = model.tables(2)[0]
        buffers = model.tables(4)
        self.inputs, self.outputs = subgraph.integers(1), subgraph.integers(2)
        self.shapes, self.constants = [], {}
        for number, tensor in enumerate(subgraph.tables(0)):
            self.shapes.append(tensor.integers(0))
            content = buffers[tensor.scalar(2, "<I")].bytes(0)
            if content and tensor.scalar(1, "<b") == FLOAT32:
                self.constants[number] = Tensor(self.shapes[-1], floats(content))
        self.operators = [operator(table, codes[table.scalar(0, "<I")]) for table in subgraph.tables(3)]


def operator(table, code):
    kind = KINDS.get(code)
    if kind is None:
        raise ConvertError("TensorFlow Lite operator %d is not supported" % code)
    options = None
    if kind in ("conv", "depthwise"):
        chosen = table.table(4)
        activation, dilation = (3, (4, 5)) if kind == "conv" else (4, (5, 6))
        if chosen.scalar(activation, "<b") or any(chosen.scalar(field, "<i", 1) != 1 for field in dilation):
            raise ConvertError("a %s with a fused activation or with dilation is not supported" % kind)
        options = Options(chosen.scalar(0, "<b") == 0, [chosen.scalar(2, "<i"), chosen.scalar(1, "<i")])
    return Operator(kind, table.integers(1), table.integers(2)[0], options)


def convert(data):
    """The graph of a network of convolutions, PReLU and additions with a flat vector as output."""
    model = Model(data)
    side = model.shapes[model.inputs[0]][1]
    graph = Graph(channels=3, side=side)
    values = {model.inputs[0]: "input"}
    slopes = {}  # the output of c * (x - |x|) -> (x, c)
    makers = {op.out: op for op in model.operators}
    for op in model.operators:
        if op.kind in ("conv", "depthwise"):
            values[op.out] = convolution(graph, model, op, values[op.inputs[0]])
        elif op.kind == "mul":
            slopes[op.out] = prelu_slope(model, makers, op)
        elif op.kind == "add" and op.inputs[1] in slopes:
            x, slope = slopes[op.inputs[1]]
            relu = makers[op.inputs[0]]
            if relu.kind != "relu" or relu.inputs[0] != x:
                raise ConvertError("an addition resembles a PReLU but is not one")
            values[op.out] = graph.prelu(values[x], array("f", (2 * c for c in slope.data)))
        elif op.kind == "add":
            values[op.out] = graph.op("add", [values[i] for i in op.inputs])
        elif op.kind == "reshape":
            values[op.out] = graph.op("flatten", [values[op.inputs[0]]], order="HWC")
    graph.outputs = [values[model.outputs[0]]]
    return graph


def prelu_slope(model, makers, mul):
    """(x, c) of c * (x - |x|)."""
    constant, difference = mul.inputs
    sub = makers.get(difference)
    if constant in model.constants and sub is not None and sub.kind == "sub":
        absolute = makers.get(sub.inputs[1])
        if absolute is not None and absolute.kind == "abs" and absolute.inputs[0] == sub.inputs[0]:
            return sub.inputs[0], model.constants[constant]
    raise ConvertError("a multiplication is not part of a PReLU")


def convolution(graph, model, op, x):
    weight, groups = channels_first(model.constants[op.inputs[1]]), 1
    kernel = weight.shape[2:]
    if op.kind == "depthwise":  # 1 x H x W x C in the file: every channel is a separate group
        groups = weight.shape[1]
        weight = Tensor([groups, 1] + kernel, weight.data)
    rows, columns = (0, 0), (0, 0)
    if op.options.same:
        height_width = model.shapes[op.inputs[0]][1:3]
        rows, columns = map(same_padding, height_width, kernel, op.options.stride)
    pad = [rows[0], columns[0], rows[1], columns[1]]
    return graph.conv(x, weight, model.constants[op.inputs[2]], op.options.stride, pad, groups)


def same_padding(length, kernel, stride):
    """(before, after) so that the output has ceil(length / stride) items; an odd item is added after."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def channels_first(tensor):
    """O x H x W x I -> O x I x H x W."""
    outputs, height, width, inputs = tensor.shape
    size = height * width * inputs
    data = array("f")
    for start in range(0, outputs * size, size):
        for channel in range(inputs):
            data.extend(tensor.data[start + channel : start + size : inputs])
    return Tensor([outputs, inputs, height, width], data)

"""Reads an ONNX model: protocol-buffer messages with the field numbers of ONNX's `onnx.proto`.

A message is a sequence of fields: a varint of (number << 3 | wire type), then a varint (type 0), 8 bytes (1), a varint length
and that number of bytes (2), or 4 bytes (5). Only the parts for a float network of convolutions are read.
"""

from collections import namedtuple

from .graph import ConvertError, Graph, Tensor, floats

Node = namedtuple("Node", "kind inputs outputs attributes")

FLOAT32 = 1  # TensorProto.DataType


def convert(data, side):
    """The graph of a network of Conv, PRelu, Relu, Add and a final Reshape to a flat vector."""
    nodes, constants, inputs, outputs = read(data)
    entry = [name for name in inputs if name not in constants]
    if len(entry) != 1 or len(outputs) != 1:
        raise ConvertError("expected one input and one output, got %s and %s" % (entry, outputs))
    graph = Graph(channels=3, side=side)
    values = {entry[0]: "input"}

    def constant(name):
        if name not in constants:
            raise ConvertError("%s must be a constant float tensor of the ONNX file" % name)
        return constants[name]

    for node in nodes:
        if len(node.outputs) != 1 or any(name not in values and name not in constants for name in node.inputs[:1]):
            raise ConvertError("%s makes %s from values not made yet" % (node.kind, node.outputs))
        if node.kind == "Constant":
            continue
        x = values[node.inputs[0]]
        attributes = node.attributes
        if node.kind == "Conv":
            if attributes.get("auto_pad", b"NOTSET") != b"NOTSET" or set(attributes.get("dilations", [1])) != {1}:
                raise ConvertError("automatic padding and dilation of Conv are not supported")
            bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
            made = graph.conv(
                x,
                constant(node.inputs[1]),
                bias,
                stride=attributes.get("strides", [1, 1]),
                pad=attributes.get("pads", [0, 0, 0, 0]),
                groups=attributes.get("group", 1),
            )
        elif node.kind == "PRelu":
            made = graph.prelu(x, constant(node.inputs[1]).data)
        elif node.kind == "Relu":
            made = graph.op("relu", [x])
        elif node.kind == "Add":
            made = graph.op("add", [x, values[node.inputs[1]]])
        elif node.kind in ("Reshape", "Flatten"):
            made = graph.op("flatten", [x], order="CHW")
        else:
            raise ConvertError("ONNX operator %s is not supported" % node.kind)
        values[node.outputs[0]] = made
    graph.outputs = [values[outputs[0]]]
    return graph


def read(data):
    """(nodes in order, constant float tensors by name, input names, output names)"""
    model = fields(data)
    graph = fields(one(model, 7, "ModelProto.graph"))
    nodes = [node(item) for item in graph.get(1, [])]
    constants = dict(pair for pair in map(tensor, graph.get(5, [])) if pair)
    return nodes, constants, names(graph, 11), names(graph, 12)


def fields(data):
    """The fields of one message: number -> list of values, integers or bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire in (1, 2, 5):
            size = 8 if wire == 1 else 4
            if wire == 2:
                size, at = varint(data, at)
            value, at = data[at : at + size], at + size
            if at > len(data):
                raise ConvertError("the ONNX file is damaged or truncated: a field exceeds the end of its message")
        else:
            raise ConvertError("the ONNX file is damaged: wire type %d at byte %d of a message" % (wire, at))
        found.setdefault(key >> 3, []).append(value)
    return found


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ConvertError("the ONNX file is damaged or truncated: a number has no end")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def one(message, number, what):
    if number not in message:
        raise ConvertError("not an ONNX model: there is no %s" % what)
    return message[number][-1]


def names(graph, number):
    return [one(fields(item), 1, "ValueInfoProto.name").decode() for item in graph.get(number, [])]


def node(data):
    message = fields(data)
    attributes = dict(attribute(item) for item in message.get(5, []))
    kind = one(message, 4, "NodeProto.op_type").decode()
    return Node(kind, [i.decode() for i in message.get(1, [])], [o.decode() for o in message.get(2, [])], attributes)


def attribute(data):
    message = fields(data)
    name = one(message, 1, "AttributeProto.name").decode()
    for number in (3, 4):  # i, s
        if number in message:
            return name, message[number][-1]
    return name, integers(message.get(8, []))


def integers(values):
    """A repeated integer field, packed or not."""
    found = []
    for value in values:
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            found.append(number)
    return found


def tensor(data):
    """(name, Tensor), or None for a constant of another kind (the shape for Reshape)."""
    message = fields(data)
    if message.get(2, [0])[-1] != FLOAT32:
        return None
    shape, count = integers(message.get(1, [])), 1
    for length in shape:
        count *= length
    content = b"".join(message.get(9, message.get(4, [])))
    values = floats(content)
    name = one(message, 8, "TensorProto.name").decode()
    if len(values) != count:
        raise ConvertError("tensor %s has %d numbers, its shape %s needs %d" % (name, len(values), shape, count))
    return name, Tensor(shape, values)

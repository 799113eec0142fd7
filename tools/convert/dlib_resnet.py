"""Reads dlib's face recognition network (`dlib_face_recognition_resnet_model_v1.dat`) and rebuilds its graph.

dlib serialises layers starting at the input, each as a tag (a string) followed by its fields. Only layers with weights are
read; the data between them is not needed. An integer is one byte of length (bit 7: negative) and that number of
little-endian bytes. A tensor is a version, four integers of shape, and raw little-endian floats. The architecture
is that of dlib's `dnn_face_recognition_ex.cpp`: a ResNet whose batch norms are affine layers after training.
"""

from array import array
from collections import namedtuple

from .graph import ConvertError, Graph, Tensor, floats

# (blocks, whether the first one halves the image) for 32, 64, 128, 256 and again 256 channels.
LEVELS = [(3, False), (4, True), (3, True), (3, True), (1, True)]
SIDE = 150

Convolution = namedtuple("Convolution", "weight bias stride")
Affine = namedtuple("Affine", "gamma beta")


def convert(data):
    layers = iter(read(data))
    graph = Graph(channels=3, side=SIDE)

    def convolution(x, padded):
        """A convolution and the affine layer after it, merged."""
        weight, bias, stride = folded(next(layers), next(layers))
        half = weight.shape[2] // 2 if padded else 0
        return graph.conv(x, weight, bias, stride, [half] * 4)

    try:
        x = graph.op("relu", [convolution("input", padded=False)])
        x = graph.op("max_pool", [x], kernel=[3, 3], stride=[2, 2], pad=[0, 0, 0, 0], ceil=False)
        for blocks, halves in LEVELS:
            for block in range(blocks):
                down = halves and block == 0
                inner = graph.op("relu", [convolution(x, padded=not down)])
                inner = convolution(inner, padded=True)
                if down:
                    x = graph.op("avg_pool", [x], kernel=[2, 2], stride=[2, 2], pad=[0, 0, 0, 0], ceil=False)
                    x = graph.op("zero_pad_to", [x, inner])
                    inner = graph.op("zero_pad_to", [inner, x])
                x = graph.op("relu", [graph.op("add", [inner, x])])
        x = graph.op("flatten", [graph.op("global_avg_pool", [x])], order="CHW")
        graph.outputs = [graph.linear(x, next(layers), None)]
    except StopIteration:
        raise ConvertError("the dlib network has fewer layers than expected") from None
    if next(layers, None) is not None:
        raise ConvertError("the dlib network has more layers than expected")
    return graph


def folded(convolution, affine):
    """gamma * (w x + b) + beta as one convolution."""
    if not isinstance(convolution, Convolution) or not isinstance(affine, Affine):
        raise ConvertError("the layers of the dlib network do not alternate between con and affine")
    gamma, beta = affine
    weight, bias, stride = convolution
    size = len(weight.data) // weight.shape[0]
    if len(gamma) != weight.shape[0]:
        raise ConvertError("an affine layer has %d channels, its convolution %d" % (len(gamma), weight.shape[0]))
    data = array("f")
    for channel, scale in enumerate(gamma):
        data.extend(scale * w for w in weight.data[channel * size : (channel + 1) * size])
    shifted = array("f", (scale * b + shift for scale, b, shift in zip(gamma, bias, beta)))
    return Tensor(weight.shape, data), Tensor([len(shifted)], shifted), stride


def read(data):
    """The layers with weights in order: Convolution, Affine, or the last Tensor (out x in)."""
    readers = {tag(b"con_4"): convolution, tag(b"affine_"): affine, tag(b"fc_2"): dense}
    at = 0
    while True:
        found = [(data.find(name, at), name) for name in readers]
        found = [item for item in found if item[0] >= 0]
        if not found:
            return
        start, name = min(found)
        layer, at = readers[name](Stream(data, start + len(name)))
        yield layer


def tag(name):
    return b"\x01" + bytes([len(name)]) + name


def convolution(stream):
    params = stream.tensor()
    filters, height, width, stride_y, stride_x = (stream.integer() for _ in range(5))
    size = len(params.data) - filters
    inputs, rest = divmod(size, filters * height * width) if filters * height * width else (0, 1)
    if rest or inputs < 1:
        raise ConvertError("%d numbers do not make %d filters of %d x %d" % (len(params.data), filters, height, width))
    weight = Tensor([filters, inputs, height, width], params.data[:size])
    return Convolution(weight, params.data[size:], [stride_y, stride_x]), stream.at


def affine(stream):
    values = stream.tensor().data
    half = len(values) // 2
    return Affine(values[:half], values[half:]), stream.at


def dense(stream):
    outputs, inputs = stream.integer(), stream.integer()
    values = stream.tensor().data
    if len(values) != outputs * inputs:
        raise ConvertError("%d numbers do not make a matrix of %d x %d without biases" % (len(values), inputs, outputs))
    transposed = array("f")
    for column in range(outputs):
        transposed.extend(values[column::outputs])
    return Tensor([outputs, inputs], transposed), stream.at


class Stream:
    """Reads dlib's serialisation from a position."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, size):
        start, self.at = self.at, self.at + size
        if size < 0 or self.at > len(self.data):
            raise ConvertError("the dlib file is damaged or truncated at byte %d" % start)
        return self.data[start : self.at]

    def integer(self):
        control = self.take(1)[0]
        value = int.from_bytes(self.take(control & 0x0F), "little")
        return -value if control & 0x80 else value

    def tensor(self):
        version = self.integer()
        if version != 2:
            raise ConvertError("a dlib tensor has version %d before byte %d, expected 2" % (version, self.at))
        shape = [self.integer() for _ in range(4)]
        count = 1
        for length in shape:
            count *= length
        return Tensor(shape, floats(self.take(4 * count)))

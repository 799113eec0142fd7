"""Networks as data: named tensors, and a list of operations that the engine runs in order.

The safetensors metadata of a converted model contains `format` = FORMAT and `graph`, a JSON text:

    {"input": {"channels": 3, "side": 112 or null}, "outputs": ["value", ...], "ops": [OP, ...]}

(`mtcnn.safetensors` contains three such graphs: {"pnet": ..., "rnet": ..., "onet": ...}.) The value "input" is N x C x H x W,
RGB, already normalised; `side` is null if any size is permitted. An OP is {"op": KIND, "in": [values], "out": value, ...}:

    conv             weight (O x I/groups x H x W), bias; stride [h, w]; pad [top, left, bottom, right], zeros; groups
    linear           weight (out x in), bias
    prelu            weight: one slope per channel (axis 1); used on N x C x H x W and on N x F
    relu, add        add takes two values of equal shape
    max_pool         kernel [h, w], stride [h, w], pad, ceil (true: a window may extend beyond the end)
    avg_pool         the same; padding is not counted
    global_avg_pool  N x C x H x W -> N x C x 1 x 1
    zero_pad_to      (x, like): appends zeros to x at the END of channels, rows and columns up to the size of `like`;
                     never reduces x
    flatten          N x C x H x W -> N x F; order "CHW", "HWC" or "WHC" names the axes from slowest to fastest
    softmax          axis

Absent keys: `bias` of a layer without bias. All tensors are float32. Encoders return embeddings without normalisation.
"""

import json
import sys
from array import array
from collections import namedtuple

FORMAT = "gallerist-graph-1"


class ConvertError(Exception):
    """A model file is invalid. The text is for the user."""


# shape: list of int; data: array('f'), the last axis varies fastest.
Tensor = namedtuple("Tensor", "shape data")


class Graph:
    """One network under construction. Every method adds an operation and returns the name of its output."""

    def __init__(self, channels, side, prefix=""):
        self.input = {"channels": channels, "side": side}
        self.prefix = prefix
        self.ops, self.outputs, self.tensors = [], [], {}

    def op(self, kind, inputs, out=None, **attributes):
        out = out or "%s_%02d" % (kind, sum(op["op"] == kind for op in self.ops))
        self.ops.append({"op": kind, "in": list(inputs), "out": out, **attributes})
        return out

    def conv(self, x, weight, bias, stride=(1, 1), pad=(0, 0, 0, 0), groups=1, out=None):
        if len(weight.shape) != 4:
            raise ConvertError("the weight of a convolution has shape %s, not four axes" % weight.shape)
        return self._layer("conv", x, weight, bias, out, stride=list(stride), pad=list(pad), groups=groups)

    def linear(self, x, weight, bias, out=None):
        return self._layer("linear", x, weight, bias, out)

    def prelu(self, x, slopes):
        out = self.op("prelu", [x])
        self.ops[-1]["weight"] = self._keep(out + ".weight", Tensor([len(slopes)], slopes))
        return out

    def _layer(self, kind, x, weight, bias, out, **attributes):
        out = self.op(kind, [x], out)
        self.ops[-1]["weight"] = self._keep(out + ".weight", weight)
        if bias is not None:
            if len(bias.data) != weight.shape[0]:
                raise ConvertError("%s has %d biases for %d outputs" % (out, len(bias.data), weight.shape[0]))
            self.ops[-1]["bias"] = self._keep(out + ".bias", Tensor([len(bias.data)], bias.data))
        self.ops[-1].update(attributes)
        return out

    def _keep(self, name, tensor):
        self.tensors[self.prefix + name] = tensor
        return self.prefix + name

    def description(self):
        return {"input": self.input, "outputs": self.outputs, "ops": self.ops}


def metadata(description, source):
    """The metadata of a model file. `source` is one line: package, version and source file."""
    return {"format": FORMAT, "graph": json.dumps(description, separators=(",", ":")), "source": source}


def floats(content):
    """The little-endian 32-bit floats in `content`."""
    if len(content) % 4:
        raise ConvertError("%d bytes are not a whole number of 32-bit floats" % len(content))
    values = array("f", bytes(content))
    if sys.byteorder == "big":
        values.byteswap()
    return values

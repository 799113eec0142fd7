"""The three networks of MTCNN (Zhang et al. 2016) with the weights of `facenet-pytorch`."""

from . import torch_pickle
from .graph import Graph

PAIR = [2, 2]
TRIPLE = [3, 3]


def convert(pnet, rnet, onet):
    """The graphs of the proposal, refinement and output networks, from their three files."""
    return {"pnet": proposal(pnet), "rnet": refinement(rnet), "onet": output(onet)}


def proposal(data):
    net = Stage("pnet", data, side=None)
    x = net.convolution("input", 1, pool=PAIR)
    x = net.convolution(x, 2)
    x = net.convolution(x, 3)
    return net.finish(net.head("conv", "conv4_1", x), net.layer("conv", "conv4_2", x, "regression"))


def refinement(data):
    net = Stage("rnet", data, side=24)
    x = net.convolution("input", 1, pool=TRIPLE)
    x = net.convolution(x, 2, pool=TRIPLE)
    x = net.convolution(x, 3)
    x = net.dense(x, 4)
    return net.finish(net.head("linear", "dense5_1", x), net.layer("linear", "dense5_2", x, "regression"))


def output(data):
    net = Stage("onet", data, side=48)
    x = net.convolution("input", 1, pool=TRIPLE)
    x = net.convolution(x, 2, pool=TRIPLE)
    x = net.convolution(x, 3, pool=PAIR)
    x = net.convolution(x, 4)
    x = net.dense(x, 5)
    return net.finish(
        net.head("linear", "dense6_1", x),
        net.layer("linear", "dense6_2", x, "regression"),
        net.layer("linear", "dense6_3", x, "landmarks"),
    )


class Stage:
    """A graph under construction, with the weights of its file."""

    def __init__(self, name, data, side):
        self.weights = torch_pickle.read(data)
        self.graph = Graph(channels=3, side=side, prefix=name + ".")

    def layer(self, kind, name, x, out=None):
        add = getattr(self.graph, kind)
        return add(x, self.weights[name + ".weight"], self.weights[name + ".bias"], out=out or name)

    def activation(self, number, x):
        return self.graph.prelu(x, self.weights["prelu%d.weight" % number].data)

    def convolution(self, x, number, pool=None):
        x = self.activation(number, self.layer("conv", "conv%d" % number, x))
        if pool:
            x = self.graph.op("max_pool", [x], kernel=pool, stride=PAIR, pad=[0, 0, 0, 0], ceil=True)
        return x

    def dense(self, x, number):
        x = self.graph.op("flatten", [x], order="WHC")
        return self.activation(number, self.layer("linear", "dense%d" % number, x))

    def head(self, kind, name, x):
        return self.graph.op("softmax", [self.layer(kind, name, x)], out="probability", axis=1)

    def finish(self, *outputs):
        self.graph.outputs = list(outputs)
        return self.graph

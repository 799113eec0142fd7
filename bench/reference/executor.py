"""Runs the networks of `tools/convert` in PyTorch, as the plain counterpart of the executor of the engine."""

import json

import torch
import torch.nn.functional as F
from safetensors import safe_open


def load(path):
    """The network in a converted file, or a dictionary of networks if it contains several (mtcnn)."""
    with safe_open(path, "pt") as file:
        graph = json.loads(file.metadata()["graph"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if "ops" in graph:
        return Network(graph, tensors)
    return {name: Network(part, tensors) for name, part in graph.items()}


class Network(torch.nn.Module):
    def __init__(self, graph, tensors):
        super().__init__()
        self.graph, self.tensors = graph, tensors

    @torch.no_grad()
    def forward(self, x):
        values = {"input": x}
        for op in self.graph["ops"]:
            values[op["out"]] = self.step(op, *(values[name] for name in op["in"]))
        outputs = [values[name] for name in self.graph["outputs"]]
        return outputs[0] if len(outputs) == 1 else outputs

    def step(self, op, x, other=None):
        kind = op["op"]
        weight, bias = self.tensors.get(op.get("weight")), self.tensors.get(op.get("bias"))
        if kind == "conv":
            top, left, bottom, right = op["pad"]
            if (top, left) == (bottom, right):
                return F.conv2d(x, weight, bias, op["stride"], (top, left), 1, op["groups"])
            return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, op["stride"], 0, 1, op["groups"])
        if kind == "linear":
            return F.linear(x, weight, bias)
        if kind == "prelu":
            return F.prelu(x, weight)
        if kind == "relu":
            return F.relu(x)
        if kind == "add":
            assert x.shape == other.shape, (op, x.shape, other.shape)
            return x + other
        if kind == "max_pool":
            assert not any(op["pad"])
            return F.max_pool2d(x, op["kernel"], op["stride"], ceil_mode=op["ceil"])
        if kind == "avg_pool":
            assert not any(op["pad"])
            return F.avg_pool2d(x, op["kernel"], op["stride"], ceil_mode=op["ceil"])
        if kind == "global_avg_pool":
            return x.mean((2, 3), keepdim=True)
        if kind == "zero_pad_to":
            c, h, w = (max(b - a, 0) for a, b in zip(x.shape[1:], other.shape[1:]))
            return F.pad(x, (0, w, 0, h, 0, c))
        if kind == "flatten":
            return x.permute([0] + [" CHW".index(axis) for axis in op["order"]]).flatten(1)
        if kind == "softmax":
            return x.softmax(op["axis"])
        raise ValueError("unknown operation " + kind)

"""Writes face encoders of the usual architectures with random weights as ONNX files, with the outputs of ONNX Runtime.

    onnx_models.py FOLDER [--small | --seeds] [--only NAME,...] [--opsets 11,17,20]

For each architecture of onnx_networks.py: every operator set of OPSETS, with and without constant folding by the exporter, with a
dynamic and (one operator set) a fixed batch, in half precision, and by the exporter of torch.export. FOLDER receives NAME.onnx and NAME.f32: the outputs for the
five pictures of `pictures`, as little-endian floats. `--small` writes the few narrow ones that are committed in tests/onnx, `--seeds` the tiny ones for fuzzing in tests/fuzz/corpus/onnx.

Needs torch 2.11.0, onnx 1.23.2, onnxruntime 1.32.0, onnxscript 0.7.2, numpy. The weights are random; batch normalisations have random
statistics, and are then set so that the activations of the pictures have a mean near 0 and a deviation near 1.
"""

import argparse
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx_networks import FULL, SEEDS, SMALL
from torch import nn

OPSETS = (11, 13, 17, 18, 20)
CROPS = 5


def pictures(side):
    """Five pictures, (value - 127.5) / 127.5, in the order R, G, B. The Rust side computes the same ones."""
    n, y, x, c = np.meshgrid(*(np.arange(size) for size in (CROPS, side, side, 3)), indexing="ij")
    values = (x * (7 + n) + y * 13 + c * 29 + ((x * y) >> 3) + n * 41) & 255
    return ((values.astype(np.float32) - np.float32(127.5)) * np.float32(1 / 127.5)).transpose(0, 3, 1, 2).copy()


def prepare(model):
    """Random weights and statistics, then batch normalisations for activations of deviation 1."""
    generator = torch.Generator().manual_seed(1)
    random = lambda like, low, high: low + (high - low) * torch.rand(like.shape, generator=generator)
    for module in model.modules():
        if isinstance(module, nn.PReLU):
            module.weight.data = random(module.weight, 0.05, 0.4)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = None
            module.weight.data, module.bias.data = random(module.weight, 0.5, 1.5), random(module.bias, -0.5, 0.5)
    model.train()
    with torch.no_grad():
        model(torch.from_numpy(pictures(model.side)))
    model.eval()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean += random(module.running_mean, -0.1, 0.1)
            module.running_var *= random(module.running_var, 0.8, 1.25)
            module.running_var += 0.01
    return model


def export(model, file, opset, fold=True, batch=True, dynamo=False, half=False):
    names = dict(input_names=["input"], output_names=["embedding"])
    sample = torch.from_numpy(pictures(model.side)[: 2 if dynamo else 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            shapes = {"x": {0: torch.export.Dim("batch")}} if batch else None
            torch.onnx.export(model, (sample,), str(file), opset_version=opset, dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False, **names)
            without_notes(file)
        else:
            axes = {"input": {0: "batch"}, "embedding": {0: "batch"}} if batch else None
            torch.onnx.export(model, (sample,), str(file), opset_version=opset, do_constant_folding=fold, dynamo=False, dynamic_axes=axes, **names)
    if half:
        halve(file)


def without_notes(file):
    """The exporter writes the stack of every node, with the paths of this machine, into the file."""
    model = onnx.load(file)
    graph = model.graph
    for part in [model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output]:
        part.ClearField("metadata_props")
    onnx.save(model, file)


def halve(file):
    """Stores the weights in half precision, with a Cast in front of each, as converters that keep the computation in single precision do."""
    model = onnx.load(str(file))
    nodes = []
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1:
            values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
            name = tensor.name
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, name + "_half"))
            nodes.append(onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    onnx.save(model, str(file))


def run(file, side):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    inputs = pictures(side)
    if isinstance(entry.shape[0], int):
        parts = [inputs[at : at + entry.shape[0]] for at in range(0, CROPS, entry.shape[0])]
        return np.concatenate([session.run(None, {entry.name: part})[0] for part in parts])
    return session.run(None, {entry.name: inputs})[0]


def variants(name, set_of, opsets):
    """(suffix, arguments of `export`)"""
    if set_of == "seeds":
        for opset, fold in ((11, True), (18, False)):
            yield "-%d" % opset, dict(opset=opset, fold=fold)
        return
    if set_of == "small":
        chosen = {"iresnet18": (11, False), "mobilenetv3": (20, False), "vit": (11, True), "vit-fused": (18, False)}
        opset, fold = chosen.get(name, (17, True))
        yield "", dict(opset=opset, fold=fold, batch=name != "vit", half=name == "ghostnet")
        if name == "vit":
            yield "-export", dict(opset=20, dynamo=True)
        return
    for opset in opsets:
        if name == "vit-fused" and opset < 14:
            continue  # the exporter has no fused attention there
        for fold in (True, False):
            yield "-%d%s" % (opset, "" if fold else "-unfolded"), dict(opset=opset, fold=fold)
    yield "-17-fixed", dict(opset=17, batch=False)
    yield "-17-half", dict(opset=17, half=True)
    if name != "iresnet100":
        yield "-20-export", dict(opset=20, dynamo=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--small", dest="set_of", action="store_const", const="small", default="full")
    arguments.add_argument("--seeds", dest="set_of", action="store_const", const="seeds")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--opsets", default=",".join(map(str, OPSETS)))
    arguments = arguments.parse_args()
    opsets = [int(opset) for opset in arguments.opsets.split(",")]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, make in dict(full=FULL, small=SMALL, seeds=SEEDS)[arguments.set_of].items():
        if arguments.only and name not in arguments.only.split(","):
            continue
        torch.manual_seed(7)
        model = prepare(make())
        for suffix, options in variants(name, arguments.set_of, opsets):
            file = arguments.folder / (name + suffix + ".onnx")
            export(model, file, **options)
            outputs = run(file, model.side)
            with torch.no_grad():
                own = model(torch.from_numpy(pictures(model.side))).numpy()
            apart = np.abs(outputs - own).max() / np.abs(own).max()
            assert apart < (0.05 if options.get("half") else 1e-3), (file, apart)
            file.with_suffix(".f32").write_bytes(outputs.astype("<f4").tobytes())
            print(file.name, file.stat().st_size, outputs.shape, "%.1e" % apart, flush=True)


if __name__ == "__main__":
    main()

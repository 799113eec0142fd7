"""Writes SCRFD face detectors with random weights as ONNX files, with the faces that ONNX Runtime and the published post-processing give.

    scrfd.py FOLDER [--small] [--only NAME,...] [--opencv]

The architecture is that of Guo et al. (ICLR 2022) and the published configurations: a residual network with a deep stem and averaged shortcuts
(10g), or MobileNet (500m); a path aggregation pyramid; heads for each of the strides 8, 16, 32 with batch or group normalisation and a
learnt scale of the boxes; scores after a sigmoid. For each architecture: operator sets 11 to 20, an open and a fixed size of the picture, with and
without constant folding, outputs with and without an axis of one picture, one and two anchors, sizes of the pyramid's steps as numbers and computed, and
the exporter of torch.export. FOLDER receives NAME.onnx and NAME.json, and the pictures as PNG files, which all decoders read alike. `--small` writes the
two narrow ones that are committed in tests/onnx/detectors. `--opencv` resizes the pictures with OpenCV (opencv-python-headless 4.13.0.92) instead of NumPy, which gives the same bytes.

Needs torch 2.11.0, onnx 1.23.2, onnxruntime 1.32.0, onnxscript 0.7.2, numpy, pillow. The weights are random. Their statistics and the biases of the heads are
then set so that a few dozen places count as faces, with boxes and landmarks of the size of faces.
"""

import argparse
import json
import pathlib
import warnings

import numpy as np
import onnxruntime
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

SIDE = 640
STRIDES = (8, 16, 32)
THRESHOLD, OVERLAP = 0.5, 0.4
TESTS = pathlib.Path(__file__).resolve().parents[2] / "tests"


def synthetic(width, height):
    """A picture that the Rust side computes too: bands and squares of several sizes."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    values = (x * (3 + c)) // 7 + (y * (5 - c)) // 9 + 60 * (((x // 97) + (y // 61)) % 3) + ((x * y) >> (9 + c))
    return (values & 255).astype(np.uint8)


def pictures(small):
    """(name, picture): R, G, B. A small one that is enlarged, and large ones whose sides are not whole multiples of the reduced ones."""
    yield "four_faces", np.asarray(Image.open(TESTS / "golden" / "four_faces.png").convert("RGB"))
    yield "synthetic-1000x749", synthetic(1000, 749)
    yield "synthetic-611x1303", synthetic(611, 1303)
    if not small:
        for person in ("001", "037", "092"):
            yield "london-" + person, np.asarray(Image.open(TESTS / "faces" / person / "neutral.jpg").convert("RGB"))
        large = Image.open(TESTS / "golden" / "four_faces.png").convert("RGB").resize((4032, 3024), Image.BICUBIC)
        yield "large-4032x3024", np.asarray(large)


def reduced(picture, width, height):
    """Bilinear interpolation with pixel centres at halves. The same bytes as `cv2.resize`, which the published code calls."""
    def taps(count, of):
        at = ((np.arange(count) + 0.5) * (1 / (count / of)) - 0.5).astype(np.float32)
        low = np.floor(at)
        share = np.where((low >= 0) & (low < of - 1), at - low, 0).astype(np.float32)
        weights = [np.rint(weight * 2048).astype(np.int64) for weight in (1 - share, share)]
        return [np.clip(place, 0, of - 1).astype(int) for place in (low, low + 1)], weights

    columns, across = taps(width, picture.shape[1])
    rows, down = taps(height, picture.shape[0])
    values = picture.astype(np.int64)
    lines = [sum(values[row][:, place] * weight[:, None] for place, weight in zip(columns, across)) for row in rows]
    return ((sum(((line >> 4) * weight[:, None, None]) >> 16 for line, weight in zip(lines, down)) + 2) >> 2).astype(np.uint8)


def letterbox(picture, opencv, side=SIDE):
    """The picture reduced or enlarged to fit, in the upper left corner; and pixels of the result for one of the picture."""
    height, width = picture.shape[:2]
    ratio = height / width
    new = (int(side / ratio), side) if ratio > 1 else (side, int(side * ratio))
    if opencv:
        import cv2

        part = cv2.resize(picture, new)
    else:
        part = reduced(picture, *new)
    whole = np.zeros((side, side, 3), np.uint8)
    whole[: new[1], : new[0]] = part
    return (whole.astype(np.float32).transpose(2, 0, 1)[None] - 127.5) / 128, new[1] / height


def suppressed(boxes, scores):
    """Greedy non-maximum suppression; areas count the last pixel."""
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1 + 1) * (y2 - y1 + 1)
    order, kept = np.argsort(-scores, kind="stable"), []
    margin = 1.0
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        w = np.maximum(0, np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest]) + 1)
        h = np.maximum(0, np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest]) + 1)
        overlap = w * h / (areas[best] + areas[rest] - w * h)
        if rest.size:
            margin = min(margin, np.abs(overlap - OVERLAP).min())
        order = rest[overlap <= OVERLAP]
    return kept, margin


def faces(outputs, scale, anchors, side=SIDE):
    """The published post-processing of nine outputs. Returns the faces, the surest first, and the distance to the nearest other decision."""
    scores, boxes, points = [], [], []
    for at, stride in enumerate(STRIDES):
        count = side // stride
        rows, columns = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        centre = np.stack([columns, rows], -1).astype(np.float32).reshape(-1, 2) * stride
        centre = np.repeat(centre, anchors, axis=0)
        distance, kps = (outputs[at + 3 * kind].reshape(len(centre), -1) * stride for kind in (1, 2))
        scores.append(outputs[at].reshape(-1))
        boxes.append(np.concatenate([centre - distance[:, :2], centre + distance[:, 2:]], 1) / np.float32(scale))
        points.append((kps.reshape(-1, 5, 2) + centre[:, None]) / np.float32(scale))
    scores, boxes, points = (np.concatenate(parts) for parts in (scores, boxes, points))
    margin = np.abs(scores - THRESHOLD).min()
    # Only random weights give boxes without an inside. They are left out here and there.
    sure = (scores >= THRESHOLD) & (boxes[:, 2:] > boxes[:, :2]).all(1)
    scores, boxes, points = scores[sure], boxes[sure], points[sure]
    kept, gap = suppressed(boxes, scores)
    found = [dict(box=boxes[at].tolist(), score=float(scores[at]), landmarks=points[at].tolist()) for at in kept]
    return found, float(min(margin, gap))


def normal(channels, groups):
    return nn.GroupNorm(groups, channels) if groups else nn.BatchNorm2d(channels)


def unit(a, b, kernel=1, stride=1, groups=1, norm_groups=0, act=True):
    layers = [nn.Conv2d(a, b, kernel, stride, kernel // 2, groups=groups, bias=False), normal(b, norm_groups)]
    return nn.Sequential(*layers, *([nn.ReLU()] if act else []))


def depthwise(a, b, stride=1):
    return nn.Sequential(unit(a, a, 3, stride, a), unit(a, b))


class Residual(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.body = nn.Sequential(unit(a, b, 3, stride), unit(b, b, 3, act=False))
        pool = [nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)] if stride > 1 else []
        self.skip = nn.Sequential(*pool, unit(a, b, act=False)) if stride > 1 or a != b else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def resnet(base, planes, blocks):
    half = max(4, base // 2)
    stem = nn.Sequential(unit(3, half, 3, 2), unit(half, half, 3), unit(half, base, 3), nn.MaxPool2d(3, 2, 1))
    stages, last = [], base
    for at, (channels, count) in enumerate(zip(planes, blocks)):
        stages.append(nn.Sequential(*[Residual(last if n == 0 else channels, channels, 2 if n == 0 and at else 1) for n in range(count)]))
        last = channels
    return stem, stages


def mobilenet(planes, blocks):
    stem = nn.Sequential(unit(3, planes[0], 3, 2), depthwise(planes[0], planes[1]))
    stages, last = [], planes[1]
    for channels, count in zip(planes[2:], blocks):
        stages.append(nn.Sequential(*[depthwise(last if n == 0 else channels, channels, 2 if n == 0 else 1) for n in range(count)]))
        last = channels
    return stem, stages


class Head(nn.Module):
    def __init__(self, a, b, depth, anchors, separable, groups, scaled):
        super().__init__()
        step = (lambda a, b: depthwise(a, b)) if separable else (lambda a, b: unit(a, b, 3, norm_groups=groups))
        self.body = nn.Sequential(*[step(a if n == 0 else b, b) for n in range(depth)])
        self.cls, self.reg, self.kps = (nn.Conv2d(b, anchors * numbers, 3, padding=1) for numbers in (1, 4, 10))
        self.scale = nn.Parameter(torch.tensor(1.1)) if scaled else None

    def forward(self, x):
        x = self.body(x)
        box = self.reg(x)
        return self.cls(x), box if self.scale is None else box * self.scale, self.kps(x)


class Scrfd(nn.Module):
    def __init__(self, backbone, planes, width, features, depth, anchors=2, separable=False, groups=0, scaled=True, batched=False, factor=False):
        super().__init__()
        self.stem, stages = backbone
        self.stages = nn.ModuleList(stages)
        self.laterals = nn.ModuleList([nn.Conv2d(channels, width, 1) for channels in planes[1:]])
        self.smooth, self.up = (nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(count)]) for count in (3, 2))
        self.down = nn.ModuleList([nn.Conv2d(width, width, 3, 2, 1) for _ in range(2)])
        self.heads = nn.ModuleList([Head(width, features, depth, anchors, separable, groups, scaled) for _ in STRIDES])
        self.anchors, self.batched, self.factor = anchors, batched, factor

    def raw(self, x):
        x, maps = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        maps = [lateral(x) for lateral, x in zip(self.laterals, maps[1:])]
        for at in (2, 1):
            how = dict(scale_factor=2.0) if self.factor else dict(size=maps[at - 1].shape[2:])
            maps[at - 1] = maps[at - 1] + F.interpolate(maps[at], mode="nearest", **how)
        maps = [smooth(x) for smooth, x in zip(self.smooth, maps)]
        for at in (0, 1):
            maps[at + 1] = maps[at + 1] + self.down[at](maps[at])
        maps = [maps[0]] + [up(x) for up, x in zip(self.up, maps[1:])]
        return [head(x) for head, x in zip(self.heads, maps)]

    def forward(self, x):
        def rows(x, numbers):
            if self.batched:
                return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, numbers)
            return x.permute(2, 3, 0, 1).reshape(-1, numbers)

        levels = self.raw(x)
        scores = [rows(level[0], 1).sigmoid() for level in levels]
        return tuple(scores + [rows(level[kind], numbers) for kind, numbers in ((1, 4), (2, 10)) for level in levels])


def model(name, small):
    """(the network, sizes of the landmarks)"""
    if name.startswith("resnet"):
        planes = (8, 12, 12, 16) if small else (56, 88, 88, 224)
        backbone = resnet(8 if small else 56, planes, (1, 1, 1, 1) if small else (3, 4, 2, 3))
        options = dict(width=8, features=8, depth=1) if small else dict(width=56, features=80, depth=3)
        return Scrfd(backbone, planes, groups=8 if "group" in name else 0, factor="factor" in name, batched="batched" in name, **options)
    planes = (8, 8, 12, 16, 24, 32) if small else (16, 16, 40, 72, 152, 288)
    backbone = mobilenet(planes, (1, 1, 1, 1) if small else (2, 3, 2, 6))
    options = dict(width=8, features=16, depth=1) if small else dict(width=16, features=64, depth=2)
    batched, anchors = "batched" in name, 1 if "one" in name else 2
    return Scrfd(backbone, planes[2:], separable=True, scaled=False, batched=batched, anchors=anchors, **options)


def prepare(net, inputs, seed):
    """Random weights and statistics, then heads that find some faces."""
    generator = torch.Generator().manual_seed(seed)
    random = lambda like, low, high: low + (high - low) * torch.rand(like.shape, generator=generator)
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            module.weight.data, module.bias.data = random(module.weight, 0.5, 1.5), random(module.bias, -0.3, 0.5)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    net.train()
    with torch.no_grad():
        net.raw(inputs)
    net.eval()
    layout = torch.tensor([-0.8, -0.7, 0.8, -0.7, 0.0, 0.0, -0.6, 0.8, 0.6, 0.8])
    for level, head in enumerate(net.heads):
        with torch.no_grad():
            for module, spread in ((head.cls, 0.8), (head.reg, 0.35), (head.kps, 0.15)):
                module.bias.zero_()
                kind = (head.cls, head.reg, head.kps).index(module)
                out = net.raw(inputs)[level][kind]
                module.weight *= spread / out.std()
                out = net.raw(inputs)[level][kind]
                module.bias -= out.mean((0, 2, 3))
            for anchor in range(net.anchors):
                size = 1.5 * 2**anchor
                head.reg.bias[4 * anchor : 4 * anchor + 4] += size
                head.kps.bias[10 * anchor : 10 * anchor + 10] += size * layout
            logits = net.raw(inputs)[level][0].flatten(1).sort(descending=True).values
            count = (20, 12, 5)[level]
            head.cls.bias -= (logits[:, count] + logits[:, count + 1]).mean() / 2
    return net


def export(net, file, opset, fold=True, fixed=False, dynamo=False):
    names = [kind + "_%d" % stride for kind in ("score", "bbox", "kps") for stride in STRIDES]
    names = dict(input_names=["input.1"], output_names=names)
    sample = torch.zeros(1, 3, SIDE, SIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            torch.onnx.export(net, (sample,), str(file), opset_version=opset, dynamo=True, external_data=False, verbose=False, **names)
            return
        axes = None
        if not fixed:
            axes = {name: {0: "?", 1: "?"} if net.batched else {0: "?"} for name in names["output_names"]}
            axes["input.1"] = {2: "?", 3: "?", **({0: "?"} if net.batched else {})}
        torch.onnx.export(net, (sample,), str(file), opset_version=opset, do_constant_folding=fold, dynamo=False, dynamic_axes=axes, **names)


SMALL = {"resnet": dict(opset=11), "mobile-batched": dict(opset=18, fixed=True)}
FULL = {
    "resnet": [
        *[("-%d" % opset, dict(opset=opset)) for opset in (11, 13, 16, 18, 20)],
        ("-11-fixed", dict(opset=11, fixed=True)), ("-11-unfolded", dict(opset=11, fold=False)), ("-18-unfolded", dict(opset=18, fold=False)),
    ],
    "resnet-batched": [("-11", dict(opset=11)), ("-18", dict(opset=18)), ("-18-export", dict(opset=18, dynamo=True))],
    "resnet-group": [("-11", dict(opset=11)), ("-18-unfolded", dict(opset=18, fold=False)), ("-20-export", dict(opset=20, dynamo=True))],
    "resnet-factor": [("-11", dict(opset=11)), ("-20", dict(opset=20))],
    "mobile": [("-11", dict(opset=11)), ("-18", dict(opset=18))],
    "mobile-batched": [("-11-fixed", dict(opset=11, fixed=True)), ("-18", dict(opset=18))],
    "mobile-one": [("-17", dict(opset=17))],
}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--small", action="store_true")
    arguments.add_argument("--opencv", action="store_true")
    arguments.add_argument("--only", default="")
    arguments = arguments.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    shown = dict(pictures(arguments.small))
    if not arguments.small:
        for name, picture in shown.items():
            Image.fromarray(picture).save(arguments.folder / (name + ".png"))
    inputs = {name: letterbox(picture, arguments.opencv) for name, picture in shown.items()}
    tuning = torch.from_numpy(np.concatenate([inputs[name][0] for name in ("four_faces", "synthetic-1000x749")]))
    for name, variants in (SMALL if arguments.small else FULL).items():
        if arguments.only and name not in arguments.only.split(","):
            continue
        torch.manual_seed(11)
        net = prepare(model(name, arguments.small), tuning, 3)
        for suffix, options in [("", variants)] if arguments.small else variants:
            file = arguments.folder / (name + suffix + ".onnx")
            export(net, file, **options)
            session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
            entry = session.get_inputs()[0].name
            expected, margins, counts = [], [], []
            for shown_name, (values, scale) in inputs.items():
                found, margin = faces(session.run(None, {entry: values}), scale, net.anchors)
                margins.append(margin)
                counts.append(len(found))
                height, width = shown[shown_name].shape[:2]
                expected.append(dict(picture=shown_name, width=width, height=height, faces=found))
            text = ",\n".join(json.dumps(dict(one, faces=rounded(one["faces"]))) for one in expected)
            file.with_suffix(".json").write_text("[\n" + text + "\n]\n")
            print(file.name, file.stat().st_size, "faces", counts, "nearest decision %.1e" % min(margins), flush=True)


def rounded(found):
    points = lambda numbers: [points(number) if isinstance(number, list) else round(number, 3) for number in numbers]
    return [dict(box=points(face["box"]), score=round(face["score"], 7), landmarks=points(face["landmarks"])) for face in found]


if __name__ == "__main__":
    main()

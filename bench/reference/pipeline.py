"""The plain pipeline for face embeddings in Python: Pillow, facenet-pytorch's MTCNN, an aligned crop, a network.

Every stage is the common choice of the field. Only the weights of the networks are those of the engine.
"""

import os
from collections import namedtuple

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image, ImageOps

import executor

# side: of the square crop; template: places of eyes, nose and mouth corners in it; input = (pixel - mean) / scale.
Encoder = namedtuple("Encoder", "side template mean scale")

# The five points of ArcFace (Deng et al. 2019) in 112 pixels.
ARCFACE = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
# The mean MTCNN points in the 150 pixel chips of dlib.
DLIB = [(48.57, 46.55), (102.80, 46.84), (76.15, 78.90), (51.74, 106.47), (98.95, 106.76)]

ENCODERS = {
    "mobilefacenet-192": Encoder(112, ARCFACE, [127.5] * 3, 128.0),
    "mobilefacenet-512": Encoder(112, ARCFACE, [127.0] * 3, 128.0),
    "dlib-128": Encoder(150, DLIB, [122.782, 117.001, 104.298], 256.0),
}


def models_folder():
    """The folder in which `tools/setup` stores the converted networks."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(os.environ.get("GALLERIST_CACHE") or os.path.join(cache, "gallerist"), "models")


def decode(path):
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def detector(minimum_face=40):
    """facenet-pytorch's defaults: thresholds 0.6, 0.7, 0.7 and factor 0.709; the largest face is first."""
    return MTCNN(min_face_size=minimum_face, keep_all=True, device="cpu")


def portrayed(boxes, size):
    """Position of the most prominent face, by a rule of the engine: visible area, weighted more in the middle."""
    (width, height), boxes = size, np.asarray(boxes, np.float64)
    left, top, right, bottom = boxes.T
    visible = (right.clip(max=width) - left.clip(0)).clip(0) * (bottom.clip(max=height) - top.clip(0)).clip(0)
    away = np.hypot(left + right - width, top + bottom - height) / np.hypot(width, height)
    return int((visible * (1 - away).clip(0)).argmax())


def similarity(points, template):
    """The 2 x 3 matrix of the least-squares similarity from points to template (Umeyama 1991)."""
    source, target = np.asarray(points, np.float64), np.asarray(template, np.float64)
    source_mean, target_mean = source.mean(0), target.mean(0)
    centred = source - source_mean
    u, values, vt = np.linalg.svd((target - target_mean).T @ centred / len(source))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = (values * signs).sum() / centred.var(0).sum()
    return np.column_stack([scale * rotation, target_mean - scale * rotation @ source_mean])


def align(image, points, encoder):
    """The aligned crop (Pillow image), bilinear, black outside the photo."""
    matrix = np.vstack([similarity(points, encoder.template), [0, 0, 1]])
    a, b, c, d, e, f = np.linalg.inv(matrix)[:2].ravel()
    # Pillow has pixel centres at .5, templates have them at whole numbers.
    c, f = c + 0.5 - (a + b) / 2, f + 0.5 - (d + e) / 2
    size = (encoder.side, encoder.side)
    return image.transform(size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


def tensor(crops, encoder):
    """Crops (Pillow images or side x side x 3 arrays) as a normalised N x 3 x side x side batch."""
    pixels = torch.from_numpy(np.stack([np.asarray(crop) for crop in crops])).float()
    pixels = (pixels - torch.tensor(encoder.mean)) / encoder.scale
    return pixels.permute(0, 3, 1, 2).contiguous()


def network(name):
    return executor.load(os.path.join(models_folder(), name + ".safetensors"))

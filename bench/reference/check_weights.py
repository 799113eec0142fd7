"""check_weights.py SOURCES OUT IMAGE...: compares the converted networks with the published files.

Runs aligned crops of the largest faces through each published file in its own runtime (ONNX Runtime, LiteRT, dlib) and through the
converted network. Prints the largest difference and the smallest cosine. Writes to OUT: NAME.safetensors with `crop` (u8, n x side x
side x 3, RGB) and `embedding` (f32, n x d, from the runtime of the published file), and synthetic-NAME.json with the embedding of a
synthetic crop: pixel (x, y, c) = (7x + 13y + 29c + (xy >> 3)) & 255.
"""

import json
import os
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

import pipeline


def onnx(path, crops, encoder):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    batch = pipeline.tensor(crops, encoder).numpy()
    return [session.run(None, {"input": row[None]})[0].ravel() for row in batch]


def tflite(path, crops, encoder):
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(path)
    model.allocate_tensors()
    entry, exit_ = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
    found = []
    for row in pipeline.tensor(crops, encoder).permute(0, 2, 3, 1).numpy():
        model.set_tensor(entry, np.stack([row, row]))  # the file's batch is fixed at two
        model.invoke()
        found.append(model.get_tensor(exit_)[0].copy())
    return found


def dlib(path, crops, encoder):
    import dlib as library

    model = library.face_recognition_model_v1(path)
    return [np.array(model.compute_face_descriptor(crop)) for crop in crops]


RUNTIMES = {
    "mobilefacenet-192": ("MobileFaceNet.tflite", tflite),
    "mobilefacenet-512": ("fr_feature.onnx", onnx),
    "dlib-128": ("dlib_face_recognition_resnet_model_v1.dat", dlib),
}


def synthetic(side):
    y, x, c = np.indices((side, side, 3))
    return ((7 * x + 13 * y + 29 * c + ((x * y) >> 3)) & 255).astype(np.uint8)


def main(sources, out, images):
    os.makedirs(out, exist_ok=True)
    finder = pipeline.detector()
    photos = [pipeline.decode(path) for path in images]
    points = [finder.detect(photo, landmarks=True)[2] for photo in photos]
    for name, (file, runtime) in RUNTIMES.items():
        encoder = pipeline.ENCODERS[name]
        crops = [np.asarray(pipeline.align(photo, p[0], encoder)) for photo, p in zip(photos, points) if p is not None]
        crops.append(synthetic(encoder.side))
        published = np.stack(runtime(os.path.join(sources, file), crops, encoder)).astype(np.float32)
        converted = pipeline.network(name)(pipeline.tensor(crops, encoder)).numpy()
        cosines = (published * converted).sum(1) / np.linalg.norm(published, axis=1) / np.linalg.norm(converted, axis=1)
        difference = np.abs(published - converted).max()
        print("%s: %d crops, largest difference %.2g at norm %.2f, smallest cosine %.9f"
              % (name, len(crops), difference, np.linalg.norm(published, axis=1).mean(), cosines.min()))
        save_file(
            {"crop": np.stack(crops[:-1]), "embedding": np.ascontiguousarray(published[:-1])},
            os.path.join(out, name + ".safetensors"),
        )
        with open(os.path.join(out, "synthetic-%s.json" % name), "w") as target:
            json.dump([float(value) for value in published[-1]], target)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    torch.set_grad_enabled(False)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

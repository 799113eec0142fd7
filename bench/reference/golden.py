"""golden.py OUT.json FOLDER IMAGE...: the faces that facenet-pytorch's MTCNN finds, for the tests of the engine's detector.

Writes a list of {"file", "width", "height", "pixels_sha256", "min_face", "faces": [{"box": [left, top, right, bottom],
"score", "landmarks": [[x, y] * 5]}]}, in pixels, largest face first; IMAGE and `file` are relative to FOLDER.
`pixels_sha256` is that of the decoded RGB rows. It separates a difference in the JPEG decoder from one in the
detector.
"""

import hashlib
import json
import os
import sys

import numpy as np

import pipeline

MINIMUM_FACE = 40


def describe(folder, path, detector):
    image = pipeline.decode(os.path.join(folder, path))
    boxes, scores, points = detector.detect(image, landmarks=True)
    if boxes is None:
        boxes, scores, points = [], [], []
    faces = [
        {"box": rounded(box), "score": round(float(score), 6), "landmarks": [rounded(point) for point in landmarks]}
        for box, score, landmarks in zip(boxes, scores, points)
    ]
    return {
        "file": path,
        "width": image.width,
        "height": image.height,
        "pixels_sha256": hashlib.sha256(np.asarray(image).tobytes()).hexdigest(),
        "min_face": MINIMUM_FACE,
        "faces": faces,
    }


def rounded(numbers):
    return [round(float(number), 4) for number in numbers]


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    finder = pipeline.detector(MINIMUM_FACE)
    found = [describe(sys.argv[2], path, finder) for path in sys.argv[3:]]
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(entry) for entry in found) + "\n]\n")

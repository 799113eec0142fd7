"""same.py OLD NEW: compares the faces and templates of two folders that `gallerist encode --faces all` wrote for the same photos.

Prints the number of photos with another number of faces or another reason, the largest movement of a landmark in pixels, the largest change
of a detector score, and the cosines between the templates: of all faces, and of the largest face of each photo.
"""

import collections
import json
import pathlib
import sys

import numpy as np


def load(folder):
    """({path: [(face, template)]}, {path: reason})"""
    folder = pathlib.Path(folder)
    lines = [json.loads(line) for line in (folder / "templates.jsonl").read_text().splitlines()]
    vectors = np.load(folder / "embeddings.npy").astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    faces = collections.defaultdict(list)
    for line, vector in zip(lines, vectors, strict=True):
        faces[line["path"]].append((line["face"], vector))
    skipped = [json.loads(line) for line in (folder / "skipped.jsonl").read_text().splitlines()]
    return faces, {line["path"]: line["reason"] for line in skipped}


def main():
    (old, old_reasons), (new, new_reasons) = (load(folder) for folder in sys.argv[1:3])
    paths = sorted({*old, *new, *old_reasons, *new_reasons})
    moved, scores, cosines, largest, other = 0.0, 0.0, [], [], []
    for path in paths:
        before, after = old.get(path, []), new.get(path, [])
        if len(before) != len(after) or old_reasons.get(path) != new_reasons.get(path):
            other.append(path)
            continue
        for number, ((a, v), (b, w)) in enumerate(zip(before, after)):
            moved = max(moved, np.abs(np.subtract(a["landmarks"], b["landmarks"])).max())
            scores = max(scores, abs(a["score"] - b["score"]))
            cosines.append(v @ w)
            if number == 0:
                largest.append(v @ w)
    print(f"{len(paths)} photos, {len(other)} with other faces {other[:5]}; {len(cosines)} faces compared")
    print(f"landmarks moved by at most {moved:.4f} px, scores changed by at most {scores:.6f}")
    for name, values in (("all faces", cosines), ("largest faces", largest)):
        if values:
            least, low, median = np.quantile(values, [0, 0.05, 0.5])
            print(f"{name}: cosine least {least:.7f}, 5 % {low:.7f}, median {median:.7f}")


if __name__ == "__main__":
    main()

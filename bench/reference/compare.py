"""compare.py GALLERIST FOLDER PAIRS.tsv [--model NAME] [--first N] [--rounds R]: compares the engine with the plain pipeline.

Both embed one face of each photo in the pairs (lines of PHOTO, PHOTO, 1 or 0), in turn, R times. The engine
uses `gallerist enroll` with a new gallery, durable writes included. Prints one JSON line: images per second of both
with their ratio in each round, and the accuracy of both on the pairs (share decided correctly at the best threshold).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def engine(program, folder, photos, model, scratch):
    """(images per second, embeddings by photo)"""
    gallery, out = os.path.join(scratch, "gallery"), os.path.join(scratch, "out")
    subprocess.run([program, "init", gallery, "--model", model], check=True, capture_output=True)
    paths = [os.path.join(folder, photo) for photo in photos]
    command = [program, "enroll", gallery, *paths, "--subject-from", "photo", "--format", "json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    summary = json.loads(lines[-1])
    subprocess.run([program, "export", gallery, "--out", out], check=True, capture_output=True)
    with open(os.path.join(out, "templates.jsonl")) as file:
        names = [os.path.relpath(json.loads(line)["path"], folder) for line in file]
    return summary["inputs"] / summary["seconds"], dict(zip(names, np.load(os.path.join(out, "embeddings.npy"))))


def plain(folder, photos, model, scratch):
    """(images per second, embeddings by photo)"""
    names, out = os.path.join(scratch, "photos"), os.path.join(scratch, "plain.npy")
    with open(names, "w") as file:
        file.writelines(photo + "\n" for photo in photos)
    command = [sys.executable, os.path.join(HERE, "throughput.py"), folder, names, "--model", model, "--out", out]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows = np.load(out)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = {photo: row for photo, row in zip(photos, rows) if np.isfinite(row).all()}
    return said["images_per_second"], found


def accuracy(pairs, found):
    """Share of the pairs decided correctly at the best threshold, and the number of pairs with a face in both photos."""
    scored = [(found[a] @ found[b], same == "1") for a, b, same in pairs if a in found and b in found]
    scores, same = map(np.array, zip(*sorted(scored, key=lambda pair: pair[0])))
    below = np.concatenate([[0], np.cumsum(~same)])
    above = same.sum() - np.concatenate([[0], np.cumsum(same)])
    return float((below + above).max() / len(scores)), len(scores)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("gallerist", help="the program")
    arguments.add_argument("folder", help="what the paths in the pairs are relative to")
    arguments.add_argument("pairs")
    arguments.add_argument("--model", default="mobilefacenet-192")
    arguments.add_argument("--first", type=int, help="only so many photos")
    arguments.add_argument("--rounds", type=int, default=2)
    chosen = arguments.parse_args()
    with open(chosen.pairs) as file:
        pairs = [fields for fields in (line.rstrip("\n").split("\t") for line in file) if fields[2] in "01"]
    photos = sorted({photo for a, b, _ in pairs for photo in (a, b)})[: chosen.first]
    rounds = []
    for _ in range(chosen.rounds):
        with tempfile.TemporaryDirectory() as scratch:
            ours, our_rows = engine(chosen.gallerist, chosen.folder, photos, chosen.model, scratch)
            theirs, their_rows = plain(chosen.folder, photos, chosen.model, scratch)
        rounds.append({"engine": round(ours, 1), "plain": round(theirs, 1), "ratio": round(ours / theirs, 2)})
    (our_accuracy, our_pairs), (their_accuracy, their_pairs) = accuracy(pairs, our_rows), accuracy(pairs, their_rows)
    print(json.dumps({
        "model": chosen.model,
        "photos": len(photos),
        "processors": len(os.sched_getaffinity(0)),
        "images_per_second": rounds,
        "accuracy": {"engine": round(our_accuracy, 4), "plain": round(their_accuracy, 4)},
        "pairs_with_faces": {"engine": our_pairs, "plain": their_pairs},
    }))


if __name__ == "__main__":
    main()

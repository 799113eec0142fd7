"""peers.py GRAPH DIRECTORY GALLERY.npy PROBES.npy [--mated N] [--degree M] [--build-width EF] [--rounds R]: graphs of others.

GRAPH is the engine's benchmark program (bench/src/bin/graph.rs), DIRECTORY its index. hnswlib and usearch build their graphs over
the same rows with the same M and efConstruction; then, width by width and R times, all answer the same probes in turn, on one
thread: ours, hnswlib, usearch. Queries a second are of processor time, the median of the rounds; recall@10 is against
exact search. Prints one JSON line a system, then one for each peer: our queries a second over its own where both have its
recall (on our curve, between the two nearest points, recall against the logarithm of the rate).
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import time

import hnswlib
import numpy as np
from usearch.index import Index

K = 10
KINDS = ["recall", "recall_mated", "recall_non_mated"]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024]


class Ours:
    def __init__(self, arguments):
        command = [arguments.graph, arguments.directory, arguments.gallery, arguments.probes]
        numbers = [arguments.mated, arguments.degree, arguments.build_width, "-"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*command, *map(str, numbers)], stdin=pipe, stdout=pipe, text=True)
        self.said = []
        while "exact" not in (line := json.loads(self.process.stdout.readline())).values():
            self.said.append(line)

    def about(self):
        return {key: value for line in self.said for key, value in line.items()}

    def ask(self, width):
        self.process.stdin.write(f"{width}\n")
        self.process.stdin.flush()
        line = json.loads(self.process.stdout.readline())
        return line["queries_per_second"], [line["recall"], line["recall_mated"], line["recall_non_mated"]]


class Peer:
    """One whose answers are counted here."""

    def __init__(self, rows, probes, best, mated):
        self.probes, self.best, self.mated = probes, best, mated
        started = time.time()
        self.build(rows)
        self.seconds = time.time() - started

    def about(self):
        return {"build_seconds": self.seconds}

    def ask(self, width):
        self.set_width(width)
        started = time.process_time()
        found = self.search()
        rate = len(self.probes) / (time.process_time() - started)
        right = np.array([len(np.intersect1d(a, b)) for a, b in zip(found, self.best)]) / K
        parts = [right, right[: self.mated], right[self.mated :]]
        return rate, [float(part.mean()) if len(part) else None for part in parts]


class Hnswlib(Peer):
    def build(self, rows):
        self.index = hnswlib.Index(space="ip", dim=rows.shape[1])
        self.index.init_index(max_elements=len(rows), M=OPTIONS.degree, ef_construction=OPTIONS.build_width)
        self.index.add_items(rows, num_threads=os.cpu_count())

    def set_width(self, width):
        self.index.set_ef(width)

    def search(self):
        return self.index.knn_query(self.probes, k=K, num_threads=1)[0]


class Usearch(Peer):
    dtype = "f32"

    def build(self, rows):
        shape = dict(connectivity=OPTIONS.degree, expansion_add=OPTIONS.build_width)
        self.index = Index(ndim=rows.shape[1], metric="ip", dtype=self.dtype, **shape)
        self.index.add(np.arange(len(rows)), rows, threads=os.cpu_count())

    def about(self):
        return super().about() | {"instructions": self.index.hardware_acceleration}

    def set_width(self, width):
        self.index.expansion_search = width

    def search(self):
        return self.index.search(self.probes, K, threads=1).keys


class UsearchI8(Usearch):
    dtype = "i8"


def exact(rows, probes):
    """The ten best rows of each probe."""
    best = np.empty((len(probes), K), dtype=np.int64)
    for at in range(0, len(probes), 100):
        scores = probes[at : at + 100] @ rows.T
        best[at : at + 100] = np.argpartition(-scores, K, axis=1)[:, :K]
    return best


def rate_at(recall, curve):
    """The rate of a curve of (recall, rate) where it has a recall; None beyond its ends."""
    for (low, fast), (high, slow) in zip(curve, curve[1:]):
        if low <= recall <= high:
            part = (recall - low) / (high - low) if high > low else 0
            return math.exp(math.log(fast) + part * (math.log(slow) - math.log(fast)))
    return None


def main():
    rows, probes = np.load(OPTIONS.gallery), np.load(OPTIONS.probes)
    best = exact(rows, probes)
    ours = Ours(OPTIONS)
    systems = {"ours": ours}
    for name, peer in PEERS.items():
        if name in OPTIONS.peers:
            systems[name] = peer(rows, probes, best, OPTIONS.mated)
    asked = {name: {width: [] for width in OPTIONS.widths} for name in systems}
    for _ in range(OPTIONS.rounds):
        for width in OPTIONS.widths:
            for name, system in systems.items():
                asked[name][width].append(system.ask(width))
    ours.process.stdin.close()

    curves = {}
    for name, system in systems.items():
        line = {"system": name, "rows": len(rows), "degree": OPTIONS.degree, "build_width": OPTIONS.build_width}
        line |= system.about()
        curve = [(asked[name][w][0][1], statistics.median(rate for rate, _ in asked[name][w])) for w in OPTIONS.widths]
        line["widths"] = [
            {"width": width, **dict(zip(KINDS, recalls)), "rate": round(rate, 1)}
            for width, (recalls, rate) in zip(OPTIONS.widths, curve)
        ]
        curves[name] = curve
        print(json.dumps(line))
    for name in systems.keys() - {"ours"}:
        line = {"ours_over": name}
        for at, kind in enumerate(KINDS):
            known = [(recalls[at], rate) for recalls, rate in curves["ours"] if recalls[at] is not None]
            points = []
            for recalls, rate in curves[name]:
                own = None if recalls[at] is None else rate_at(recalls[at], known)
                if own:
                    points.append({"recall": round(recalls[at], 4), "ratio": round(own / rate, 3)})
            line[kind] = points
        print(json.dumps(line))


PEERS = {"hnswlib": Hnswlib, "usearch": Usearch, "usearch-i8": UsearchI8}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["graph", "directory", "gallery", "probes"]:
        parser.add_argument(name)
    parser.add_argument("--mated", type=int, default=0, help="of the first rows, in order")
    parser.add_argument("--degree", type=int, default=16)
    parser.add_argument("--build-width", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", type=lambda text: [int(width) for width in text.split(",")], default=WIDTHS)
    parser.add_argument("--peers", type=lambda text: text.split(","), default=list(PEERS))
    OPTIONS = parser.parse_args()
    main()

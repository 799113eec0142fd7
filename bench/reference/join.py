"""All pairs of rows that score at least a threshold: the join of gallerist-index compared with faiss.

    python bench/reference/join.py JOIN ROWS.npy COUNT THRESHOLD [--threads 2] [--block 2048] [--part 1] [--system gallerist|faiss]

JOIN is the built example `target/release/examples/join`. Both systems run one after the other on the same rows, with the same threads. faiss
has no join: `IndexFlatIP.range_search` searches for blocks of rows, and the pairs of a row with itself and with earlier rows are dropped. With
--part N it searches for every N-th block only, its time is multiplied by the share of the rows, and the pairs of these rows are compared. Prints a
JSON line for each system, and one that says whether the pairs are equal. Scores that are closer to the threshold than rounding may be in one
of the two only: these pairs are counted as `at the threshold`.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time

import numpy as np

ROUNDING = 1e-5


def with_faiss(rows, threshold, threads, block, part):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    found = []
    start, worked = time.perf_counter(), time.process_time()
    searched = 0
    for first in range(0, len(rows), block * part):
        limits, scores, ids = index.range_search(rows[first : first + block], threshold)
        searched += len(limits) - 1
        own = first + np.repeat(np.arange(len(limits) - 1), np.diff(limits).astype(np.int64))
        later = ids > own
        found.append(np.stack([own[later], ids[later]], 1).astype(np.uint32))
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    pairs = np.concatenate(found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = {"system": f"faiss {faiss.__version__}", "rows": len(rows), "threshold": threshold, "threads": threads}
    print(json.dumps({**line, "block": block, "searched": searched, "seconds": round(seconds, 2), "cpu_seconds": round(worked, 2), "pairs": len(pairs), "peak_kib": peak}), flush=True)
    return pairs, seconds * len(rows) / searched


def with_gallerist(program, path, count, threshold, threads, folder):
    out = os.path.join(folder, "pairs")
    index = os.path.join(folder, "index")
    command = [program, index, path, str(count), repr(threshold), str(threads), out]
    line = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(json.dumps(line), flush=True)
    pairs = np.fromfile(out, dtype=[("one", "<u4"), ("other", "<u4"), ("score", "<f4")])
    return np.stack([pairs["one"], pairs["other"]], 1), line["seconds"]


def keys(pairs):
    pairs = np.sort(pairs.astype(np.uint64), axis=1)
    return np.unique(pairs[:, 0] << np.uint64(32) | pairs[:, 1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("rows")
    parser.add_argument("count", type=int)
    parser.add_argument("threshold", type=float)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--block", type=int, default=2048)
    parser.add_argument("--part", type=int, default=1)
    parser.add_argument("--system", choices=["gallerist", "faiss"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = np.ascontiguousarray(np.load(arguments.rows, mmap_mode="r")[: arguments.count], dtype=np.float32)
        ours = theirs = None
        if arguments.system != "faiss":
            ours, quick = with_gallerist(
                arguments.program, arguments.rows, len(rows), arguments.threshold, arguments.threads, folder
            )
        if arguments.system != "gallerist":
            theirs, slow = with_faiss(rows, arguments.threshold, arguments.threads, arguments.block, arguments.part)
        if ours is None or theirs is None:
            return
        # faiss finds a pair where its first row is searched for.
        ours = ours[np.minimum(ours[:, 0], ours[:, 1]) // arguments.block % arguments.part == 0]
        one, other = keys(ours), keys(theirs)
        differing = np.setxor1d(one, other)
        pairs = np.stack([differing >> np.uint64(32), differing & np.uint64(0xFFFFFFFF)], 1).astype(np.int64)
        scores = np.einsum("ij,ij->i", rows[pairs[:, 0]].astype(np.float64), rows[pairs[:, 1]].astype(np.float64))
        away = int((np.abs(scores - arguments.threshold) > ROUNDING).sum())
        each_once = len(one) == len(ours) and len(other) == len(theirs)
        result = {"equal": away == 0 and each_once, "at the threshold": len(differing) - away, "times as fast": round(slow / quick, 2)}
        print(json.dumps(result), flush=True)


main()

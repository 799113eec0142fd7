"""skipping.py ROWS.npy PROBES.npy [--first ROWS] [--count PROBES] [--looks SHARE] [--group ROWS] [--name NAME]: how much a complete search could skip.

Counts only, without times. First, rows are ordered by clusters, each block of rows gets bounds that always hold, and the blocks with a bound
below the threshold are counted. Then codes have two planes, and the rows and blocks that need the second plane are counted.
The thresholds are those of a search that knows its answer: the tenth score; the score that 1 % of the best hits of non-mated probes reach;
and this score or the best score, if that is lower. The range searches of the engine use the last one, because they return the best score too.
All assumptions favour skipping: numbers of bounds are not rounded, and an enclosing ball is the smallest.

The first half of the probes are further images of the first rows, the others are non-mated. --looks makes look-alikes of each 60 consecutive
rows, and of their probes: SHARE of them is one further row, which all 60 have in common. --group: this number of rows belongs to one person
and stays together. Prints a JSON line for each order and block size, and one for each first plane.
"""

import argparse
import json

import faiss
import numpy as np

HEAD, ALIKE, K = 64, 60, 10
NOW = 38  # bytes of a row: 64 components of 4 bits, and 6 of factors
STREAM, LINE = 34.0, 17.5  # bytes per nanosecond, sequential; nanoseconds for a random line of 64 bytes
PIECES = [(0, 8), (8, 16), (16, 32), (32, 64)]
PLANES = {  # components from, to, bits
    "64 x 4, as it is": [(0, 64, 4)],
    "56 x 4": [(0, 56, 4)], "32 x 4": [(0, 32, 4)], "24 x 4": [(0, 24, 4)], "40 x 4": [(0, 40, 4)], "48 x 4": [(0, 48, 4)],
    "64 x 2": [(0, 64, 2)], "64 x 3": [(0, 64, 3)], "16 x 4 and 32 x 2": [(0, 16, 4), (16, 48, 2)],
}


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def halves(rows, size):
    """An order of rows by repeated bisection into blocks of `size` rows, each along the line between two means. Few blocks are smaller."""
    order, todo = [], [np.arange(len(rows))]
    while todo:
        part = todo.pop()
        if len(part) <= size:
            order.append(part)
            continue
        x = rows[part]
        ends = x[np.random.default_rng(len(part)).choice(len(x), 2, replace=False)]
        for _ in range(6):
            along = x @ (ends[1] - ends[0])
            upper = along > np.median(along)
            if not 0 < upper.sum() < len(x):
                break
            ends = np.stack([x[~upper].mean(0), x[upper].mean(0)])
        blocks = -(-len(part) // size)
        cut = blocks // 2 * size
        sides = np.argpartition(x @ (ends[1] - ends[0]), cut)
        todo += [part[sides[cut:]], part[sides[:cut]]]
    return np.concatenate(order)


def means(rows, clusters):
    """An order by k-means: the clusters by bisection, the rows of a cluster by distance from its mean. Also the cluster of each row."""
    most = 64 if clusters < 2000 else 32
    kmeans = faiss.Kmeans(rows.shape[1], clusters, niter=8, seed=1, spherical=True, min_points_per_centroid=1, max_points_per_centroid=most)
    kmeans.train(np.ascontiguousarray(rows))
    near, at = kmeans.index.search(np.ascontiguousarray(rows), 1)
    place = np.empty(clusters, np.int64)
    place[halves(kmeans.centroids, 1)] = np.arange(clusters)
    return np.lexsort((-near[:, 0], place[at[:, 0]]))


def whole(order_of, rows, group):
    """An order of whole groups, by their means."""
    middles = unit(rows.reshape(-1, group, rows.shape[1]).mean(1))
    return (order_of(middles)[:, None] * group + np.arange(group)).ravel()


def bounds(blocks, tails, probes, probe_tails):
    """Upper bounds of the scores in each block, by several methods; a matrix of probes and blocks for each."""
    last = probe_tails[:, None] * tails.max(1)
    lengths = np.linalg.norm(probes, axis=1)
    middle = blocks.mean(1)
    for step in range(1, 25):  # converges to the smallest ball (Badoiu, Clarkson 2003)
        far = np.argmax(((blocks - middle[:, None]) ** 2).sum(2), 1)
        middle += (blocks[np.arange(len(blocks)), far] - middle) / (step + 1)
    radius = np.linalg.norm(blocks - middle[:, None], axis=2).max(1)
    yield "ball", probes @ middle.T + lengths[:, None] * radius + last
    widths = np.linalg.norm(blocks, axis=2)
    widest = np.arccos(np.clip(np.einsum("bsd,bd->bs", blocks, unit(middle)) / widths, -1, 1).min(1))
    angle = np.arccos(np.clip(unit(probes) @ unit(middle).T, -1, 1))
    yield "angle", lengths[:, None] * widths.max(1) * np.cos(np.clip(angle - widest, 0, np.pi / 2)) + last
    yield "box", np.maximum(probes, 0) @ blocks.max(1).T + np.minimum(probes, 0) @ blocks.min(1).T + last
    off = blocks - blocks.mean(1, keepdims=True)
    radii = [np.linalg.norm(off[..., a:b], axis=2).max(1) * np.linalg.norm(probes[:, a:b], axis=1)[:, None] for a, b in PIECES]
    yield "pieces", probes @ blocks.mean(1).T + sum(radii) + last
    flat = off.reshape(-1, HEAD)
    shape = flat.T @ flat / len(flat) + 1e-6 * np.eye(HEAD, dtype=np.float32)
    across = np.sqrt(((flat @ np.linalg.inv(np.linalg.cholesky(shape)).T.astype(np.float32)) ** 2).sum(1)).reshape(off.shape[:2]).max(1)
    yield "ellipsoid", probes @ blocks.mean(1).T + np.sqrt(((probes @ shape) * probes).sum(1))[:, None] * across + last


NUMBERS = {"ball": 1, "angle": 1, "box": 2, "pieces": 1, "ellipsoid": 1, "best of all": 5}  # vectors of 64 bytes, and 6 bytes


def count_blocks(say, order, size, heads, tails, probes, probe_tails, cuts, scores):
    order = np.concatenate([order, np.repeat(order[-1:], -len(order) % size)])
    blocks = heads[order].reshape(-1, size, HEAD)
    best = np.full((len(probes), len(blocks)), np.inf, np.float32)
    most = np.stack([row[order].reshape(-1, size).max(1) for row in scores])
    found = {}
    for name, bound in [*bounds(blocks, tails[order].reshape(-1, size), probes, probe_tails), ("best of all", best)]:
        np.minimum(best, bound, out=best)
        assert (bound >= most - 1e-4).all(), "a bound does not hold"
        read = {cut: round(float((bound >= at[:, None])[who].mean()), 5) for cut, (at, who) in cuts.items()}
        found[name] = {**read, "bytes": round(NOW * read["top 10, strangers"] + NUMBERS[name] * 70 / size, 2)}
    found["none is tighter"] = {cut: round(float((most >= at[:, None])[who].mean()), 5) for cut, (at, who) in cuts.items()}
    say(block=size, read=found)


def quantised(x, bits):
    """The nearest of 2^bits levels, with the step of the engine: the clipping with the smallest error, then without bias."""
    top = 2**bits - 1
    largest = np.abs(x).max(1, keepdims=True)
    best, least = None, np.full((len(x), 1), np.inf, np.float32)
    for part in (1.0, 0.9, 0.8, 0.7, 0.62, 0.55, 0.45, 0.35):
        step = largest * (2 * part / (top + 1))
        levels = np.clip(np.floor(x / step + (top + 1) / 2), 0, top) - top / 2
        code = levels * ((x * x).sum(1, keepdims=True) / np.maximum((x * levels).sum(1, keepdims=True), 1e-9))
        error = ((x - code) ** 2).sum(1, keepdims=True)
        best = code if best is None else np.where(error < least, code, best)
        least = np.minimum(error, least)
    return best


def count_planes(say, name, pieces, turned, orders, heads, tails, probes, probe_tails, cuts):
    """The number of rows and blocks of 32 that a first plane leaves. Rotation: "all" 64 together, "pieces" separately, or "none"."""
    random = np.random.default_rng(5)
    turn = np.eye(HEAD, dtype=np.float32)
    for a, b in [(0, HEAD)] if turned == "all" else [(a, b) for a, b, _ in pieces] if turned == "pieces" else []:
        turn[a:b, a:b] = np.linalg.qr(random.standard_normal((b - a, b - a)))[0]
    heads, probes = heads @ turn.T, probes @ turn.T
    end = pieces[-1][1]
    code = np.concatenate([quantised(heads[:, a:b], bits) for a, b, bits in pieces], 1)
    error = np.linalg.norm(heads[:, :end] - code, axis=1)
    tail = np.sqrt((heads[:, end:] ** 2).sum(1) + tails**2)
    probe_tail = np.sqrt((probes[:, end:] ** 2).sum(1) + probe_tails**2)
    rows = {cut: [] for cut in cuts}
    blocks = {(order, cut): [] for order in orders for cut in cuts}
    for at in range(len(probes)):
        upper = code @ probes[at, :end] + np.linalg.norm(probes[at, :end]) * error + probe_tail[at] * tail
        for cut, (score, who) in cuts.items():
            if who[at]:
                left = upper >= score[at]
                rows[cut].append(left.mean())
                for order, places in orders.items():
                    blocks[order, cut].append(np.bitwise_or.reduceat(left[places], np.arange(0, len(places), 32)).mean())
    first = sum((b - a) * bits for a, b, bits in pieces) / 8 + 6
    second = 0 if first == NOW else NOW - 6 - (first - 6) + 4
    for cut in cuts:
        share = float(np.mean(rows[cut]))
        by_block = {order: round(float(np.mean(blocks[order, cut])), 5) for order in orders}
        say(plane=name, turned=turned, cut=cut, first_bytes=first, left=round(share, 6), left_p99=round(float(np.quantile(rows[cut], 0.99)), 6),
            reach=round(float(error.mean() + (tail.mean() * probe_tail.mean())), 4), blocks=by_block,
            bytes_by_rows=round(first + share * 64 * bool(second), 2), bytes_by_blocks={o: round(first + s * second, 2) for o, s in by_block.items()},
            time=round((first / STREAM + share * LINE * bool(second)) / (NOW / STREAM), 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("probes")
    parser.add_argument("--name", default="")
    parser.add_argument("--first", type=int, help="so many rows")
    parser.add_argument("--count", type=int, default=400, help="so many probes, for the counts")
    parser.add_argument("--looks", type=float, default=0.0)
    parser.add_argument("--group", type=int, default=1)
    parser.add_argument("--clusters", type=int, nargs="*", default=[32, 256, 1024], help="rows of a cluster, about")
    parser.add_argument("--only", choices=["blocks", "planes"])
    o = parser.parse_args()
    say = lambda **of: print(json.dumps({"data": o.name, "rows": len(rows), **of}), flush=True)
    rows, probes = np.load(o.rows, mmap_mode="r")[: o.first], np.load(o.probes)
    rows = np.array(rows)
    if o.looks:
        people = len(rows) - len(rows) // ALIKE - 1
        others = rows[people:]
        blend = lambda x, family: unit(o.looks**0.5 * family + (1 - o.looks) ** 0.5 * x)
        half = len(probes) // 2
        # Non-mated probes are look-alikes of people of the gallery too.
        probes = blend(probes, others[np.r_[np.arange(half), np.random.default_rng(2).integers(0, people, len(probes) - half)] // ALIKE])
        rows = blend(rows[:people], others[np.arange(people) // ALIKE])
    moment = rows[:: max(1, len(rows) // 16384)]
    directions = np.linalg.eigh(moment.T @ moment)[1][:, ::-1].astype(np.float32)
    split = lambda x: ((x @ directions)[:, :HEAD].copy(), np.linalg.norm((x @ directions)[:, HEAD:], axis=1))
    half = len(probes) // 2
    heads, tails = split(rows)
    best = np.concatenate([(rows @ some.T).max(0) for some in np.array_split(probes[half:], 20)])
    threshold = float(np.quantile(best, 0.99))
    each = min(o.count // 2, half)
    probes = np.vstack([probes[:each], probes[half : half + each]])
    mated = np.arange(2 * each) < each
    scores = np.concatenate([some @ rows.T for some in np.array_split(probes, 8)])
    tenth = np.partition(scores, -K, axis=1)[:, -K]
    every = np.ones(2 * each, bool)
    fixed = np.full(2 * each, threshold, np.float32)
    best = scores.max(1)
    cuts = {"top 10, mated": (tenth, mated), "top 10, strangers": (tenth, ~mated), "threshold": (fixed, every)}
    cuts["threshold and best"] = (np.minimum(fixed, best), every)
    pairs = heads[::97][:1000] @ heads[50::89][:1000].T
    say(looks=o.looks, group=o.group, probes=2 * each, threshold=round(threshold, 4), tenth=[round(float(tenth[w].mean()), 4) for w in (mated, ~mated)],
        best=[round(float(best[w].mean()), 4) for w in (mated, ~mated)], pairs=[round(float(pairs.mean()), 4), round(float(pairs.std()), 4)],
        energy={d: round(float((heads[:20000, :d] ** 2).sum(1).mean()), 4) for d in (16, 24, 32, 48, 64)})
    split_probes = split(probes)
    orders = {"as given": np.arange(len(rows)), "halves": halves(heads, 32)}
    for of in o.clusters if o.only != "planes" else []:
        orders[f"k-means, {of}"] = means(heads, max(2, len(rows) // of))
    if o.group > 1:
        orders["halves, whole groups"] = whole(lambda middles: halves(middles, 1), heads, o.group)
    for name, order in orders.items() if o.only != "planes" else []:
        for size in sorted({32, 256, 1024, o.group} - {1}):
            count_blocks(lambda **of: say(order=name, **of), order, size, heads, tails, *split_probes, cuts, scores)
    del scores
    kept = {name: orders[name] for name in ("as given", "halves")}
    for name, pieces in PLANES.items() if o.only != "blocks" else []:
        turns = {"32 x 4": ["all", "pieces", "none"], "64 x 4, as it is": ["all", "none"]}.get(name, ["pieces"])
        for turned in turns:
            count_planes(say, name, pieces, turned, kept, heads, tails, *split_probes, cuts)


if __name__ == "__main__":
    main()

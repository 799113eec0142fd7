"""normalisation.py photos LIST NAME=ROWS.npy... | normalisation.py arrays NAME GALLERY.npy MATES.npy STRANGERS.npy COHORT.npy: whether score normalisation is more accurate than the plain cosine.

A score s of a probe p and a template g is normalised with a cohort of other people: m and d are mean and standard deviation of
the scores of p (or g) with the whole cohort, or with the K members with the highest scores.

    Z   (s - m_g) / d_g, whole cohort        AZ  the same, the best K of g
    T   (s - m_p) / d_p, whole cohort        AT  the same, the best K of p
    S   mean of Z and T                      AS  mean of AZ and AT (AS-norm)

AS with K = 200 ("headline") was chosen before any result was known. The other lines only show whether another method is better. Among so
many lines some intervals exclude zero by chance.

photos: LIST has a line PERSON/FILE for each row of the arrays. People are divided at random into two halves, those with one photo and those
with more separately. The first photos of one half are the cohort of the other half, which is evaluated, and the reverse. There are several
divisions, and all measures are means over the halves.
  identification  gallery: the first photo of each person with two or more; probes: their second photos, and the only photos of the others
                  (non-mated). At the threshold, at most the share "fpir" of the highest (normalised) non-mated scores passes; "fnir" is the
                  share of mates at or below it. "rank 1": the share of mates with the highest score.
  verification    all pairs of photos of two people, at most ten photos per person, each pair in both directions (so T does not differ from Z);
                  "tar" is the share of mated pairs above the threshold that at most the share "fmr" of the non-mated pairs passes.
Intervals (95 %, paired) are of the difference, normalised minus raw. People are drawn with replacement, the same for both. Cohorts are not
drawn. People who are not drawn are in neither gallery nor probes, and thresholds are computed again. The intervals are quantiles of the
replicates about their mean, which is moved to the estimate, because galleries of draws are smaller. "halves": the number of halves with a
better, equal, worse normalised score.
The labels of the photos have errors. The headline and the whole-cohort forms are repeated without the people in "left_out": a photo of
these people and one of another person score above --alike.

arrays: row i of MATES is another image of row i of GALLERY. No person of STRANGERS or COHORT is in GALLERY, and all rows are of different
people. Only the probes are drawn again for the intervals.

Prints a JSON line for each encoder, method and protocol. One thread is sufficient: minutes per encoder.
"""

import argparse
import json

import numpy as np

HEADLINE = ("AS", 200)
WHOLE, BEST = ("Z", "T", "S"), ("AZ", "AT", "AS")
PHOTOS = 10  # per person, in verification
BETTER = {"fnir": -1, "rank": 1, "tar": 1}


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def moments(rows, cohort, sizes):
    """Mean and deviation of each row's scores with the cohort: None for all of it, K for the best K."""
    found = {size: np.empty((2, len(rows)), np.float32) for size in [None, *sizes]}
    most = max(sizes)
    for at in range(0, len(rows), 2000):
        scores = rows[at : at + 2000] @ cohort.T
        best = -np.sort(np.partition(-scores, most - 1, axis=1)[:, :most], axis=1)
        for size, into in found.items():
            of = scores if size is None else best[:, :size]
            into[:, at : at + 2000] = of.mean(1), of.std(1)
    return found


def normalised(method, scores, template, probe):
    """Scores with a row for each template and a column for each probe."""
    z = lambda: (scores - template[0][:, None]) / template[1][:, None]
    t = lambda: (scores - probe[0]) / probe[1]
    side = method[-1]
    return z() if side == "Z" else t() if side == "T" else (z() + t()) / 2


def threshold(scores, weights, total, share):
    """The highest score (in descending order) that must not pass, if at most this share of the total weight may pass."""
    passed = np.searchsorted(np.cumsum(weights), np.floor(share * total + 1e-9), side="right")
    assert passed < len(scores), "too few scores kept"
    return scores[passed]


def identified(strangers, stranger_weights, mates, rivals, mate_weights, shares):
    """From the best score of each non-mated probe, and for each mated probe the score of the mate and the best other score."""
    order = np.argsort(-strangers, kind="stable")
    strangers, stranger_weights = strangers[order], stranger_weights[order]
    total = stranger_weights.sum()
    cuts = [threshold(strangers, stranger_weights, total, share) for share in shares]
    return [*(mate_weights[mates <= cut].sum() / mate_weights.sum() for cut in cuts), mate_weights[mates > rivals].sum() / mate_weights.sum()]


class Identification:
    def __init__(self, options):
        self.shares = options.fpir
        self.names = [*(f"fnir at fpir {share:g}" for share in self.shares), "rank 1"]

    def prepare(self, rows, people, cohort, sizes, of_person):
        """The input of the matrices. people: those of the half; of_person: rows of each, in order."""
        several = np.array([person for person in people if len(of_person[person]) > 1])
        single = np.array([person for person in people if len(of_person[person]) == 1])
        gallery = rows[[of_person[person][0] for person in several]]
        probes = rows[[of_person[person][1] for person in several] + [of_person[person][0] for person in single]]
        self.several, self.single = several, single
        self.scores = gallery @ probes.T
        self.sides = moments(gallery, cohort, sizes), moments(probes, cohort, sizes)

    def system(self, method, size):
        scores = self.scores if method == "raw" else normalised(method, self.scores, *(side[size] for side in self.sides))
        mated = scores[:, : len(self.several)].copy()
        mates = mated.diagonal().copy()
        np.fill_diagonal(mated, -np.inf)
        strangers = np.ascontiguousarray(scores[:, len(self.several) :])

        def measure(weights):
            ours, theirs = weights[self.several], weights[self.single]
            kept, some = np.flatnonzero(ours), np.flatnonzero(theirs)
            best = strangers[kept].max(0)[some]
            return identified(best, theirs[some], mates[kept], mated[kept].max(0)[kept], ours[kept], self.shares)

        return measure


class Verification:
    def __init__(self, options):
        self.shares = options.fmr
        self.names = [f"tar at fmr {share:g}" for share in self.shares]

    def prepare(self, rows, people, cohort, sizes, of_person):
        at = np.concatenate([of_person[person][:PHOTOS] for person in people])
        self.people, self.counts = people, np.array([min(PHOTOS, len(of_person[person])) for person in people])
        self.owner = np.repeat(people, self.counts)
        self.scores = rows[at] @ rows[at].T
        self.same = self.owner[:, None] == self.owner
        self.mated = np.nonzero(self.same & ~np.eye(len(at), dtype=bool))
        self.sides = (moments(rows[at], cohort, sizes),) * 2

    def system(self, method, size):
        scores = self.scores if method == "raw" else normalised(method, self.scores, *(side[size] for side in self.sides))
        mates, mates_owner = scores[self.mated], self.owner[self.mated[0]]
        others = np.where(self.same, -np.inf, scores).ravel()
        tail = int(6 * max(self.shares) * len(others))
        top = np.argpartition(others, len(others) - tail)[-tail:]
        top = top[np.argsort(-others[top], kind="stable")]
        others = others[top]
        one, other = self.owner[top // len(scores)], self.owner[top % len(scores)]

        def measure(weights):
            photos = weights[self.people] * self.counts
            pairs, ours = weights[one] * weights[other], weights[mates_owner]
            total = photos.sum() ** 2 - (photos**2).sum()
            cuts = [threshold(others, pairs, total, share) for share in self.shares]
            return [ours[mates > cut].sum() / ours.sum() for cut in cuts]

        return measure


def methods(sizes, whole_only=False):
    """Every method with its K; the headline first."""
    adaptive = [(method, size) for size in sizes for method in BEST]
    return [HEADLINE, *((method, None) for method in WHOLE), *(m for m in adaptive if m != HEADLINE and not whole_only)]


def summary(names, values, raw, replicates, halves=None):
    """replicates: differences, one row per replicate."""
    found = {}
    for at, name in enumerate(names):
        difference = values[at] - raw[at]
        interval = difference + np.quantile(replicates[:, at] - replicates[:, at].mean(), [0.025, 0.975])
        better = BETTER[name.split()[0]]
        verdict = "no difference shown" if interval[0] <= 0 <= interval[1] else "better" if difference * better > 0 else "worse"
        found[name] = {"value": round(float(values[at]), 5), "raw": round(float(raw[at]), 5), "difference": round(float(difference), 5),
                       "interval": [round(float(end), 5) for end in interval], "verdict": verdict}
        if halves is not None:
            signs = np.sign(np.round(halves[:, at] * better, 9))
            found[name]["halves"] = [int((signs == sign).sum()) for sign in (1, 0, -1)]
    return found


def half_splits(of_person, left, splits, seed):
    """Pairs of people evaluated and people of the cohort; the halves do not depend on the people who are left out."""
    random = np.random.default_rng(seed)
    for _ in range(splits):
        sides = ([], [])
        for group in (True, False):
            some = random.permutation([person for person, rows in enumerate(of_person) if (len(rows) > 1) == group])
            for side, part in zip(sides, np.array_split(some, 2)):
                side.append(part)
        one, other = (np.intersect1d(np.concatenate(side), left) for side in sides)
        yield one, other
        yield other, one


def compare(say, rows, of_person, left, protocol, wanted, options):
    """Means over halves, and the same for draws of people."""
    people = len(of_person)
    random = np.random.default_rng(options.seed + 1)
    draws = [np.ones(people, np.int64)]
    for _ in range(options.replicates):
        draws.append(np.bincount(random.integers(0, people, people), minlength=people))
    systems = [("raw", None), *wanted]
    found = np.zeros((len(systems), 1 + options.replicates, len(protocol.names)))
    each = []
    for evaluated, cohort in half_splits(of_person, left, options.splits, options.seed):
        first = rows[[of_person[person][0] for person in cohort]]
        protocol.prepare(rows, evaluated, first, options.k, of_person)
        each.append([])
        for at, (method, size) in enumerate(systems):
            measure = protocol.system(method, size)
            one = np.array([measure(weights) for weights in draws])
            found[at] += one / (2 * options.splits)
            each[-1].append(one[0])
    each = np.array(each)
    for at, (method, size) in enumerate(systems):
        if at:
            say(method=method, k=size, headline=(method, size) == HEADLINE, cohort=len(first),
                measures=summary(protocol.names, found[at, 0], found[0, 0], found[at, 1:] - found[0, 1:], each[:, at] - each[:, 0]))


def alike(rows, owner, cut):
    """Of two people with photos this similar, the one with fewer photos."""
    scores = np.triu(rows @ rows.T, 1)
    scores[owner[:, None] == owner] = 0
    counts = np.bincount(owner)
    return sorted({int(min(owner[i], owner[j], key=lambda person: (counts[person], -person))) for i, j in zip(*np.nonzero(scores > cut))})


def photos(options):
    names = [line.split("\t")[0].split("/")[0] for line in open(options.list).read().splitlines() if line]
    people, owner = np.unique(names, return_inverse=True)
    of_person = [np.flatnonzero(owner == person) for person in range(len(people))]
    for name, path in (encoder.split("=", 1) for encoder in options.encoders):
        rows = unit(np.load(path).astype(np.float32))
        assert len(rows) == len(owner), "a line for each row"
        out = alike(rows, owner, options.alike)
        for removed in [[], out] if out else [[]]:
            left = np.setdiff1d(np.arange(len(people)), removed)
            for protocol in (Identification(options), Verification(options)):
                kind = type(protocol).__name__.lower()
                wanted = [m for m in methods(options.k, bool(removed)) if kind == "identification" or m[0][-1] != "T"]
                said = {"encoder": name, "protocol": kind, "people": len(left), "left_out": [str(people[person]) for person in removed]}
                compare(lambda **of: print(json.dumps({**said, **of}), flush=True), rows, of_person, left, protocol, wanted, options)


def arrays(options):
    gallery, mates, strangers, cohort = (unit(np.load(path).astype(np.float32)) for path in (options.gallery, options.mates, options.strangers, options.cohort))
    template = moments(gallery, cohort, options.k)
    systems = [("raw", None), *methods(options.k)]
    best = {system: [[], [], []] for system in systems}  # non-mated; the mate; the best other
    for probes, mated in ((mates, True), (strangers, False)):
        for at in range(0, len(probes), 256):
            some = probes[at : at + 256]
            scores = gallery @ some.T
            probe = moments(some, cohort, options.k)
            column = np.arange(len(some))
            for method, size in systems:
                new = scores if method == "raw" else normalised(method, scores, template[size], probe[size])
                if mated:
                    best[method, size][1].append(new[at + column, column])
                    kept, new[at + column, column] = new[at + column, column], -np.inf
                best[method, size][2 if mated else 0].append(new.max(0))
                if mated:
                    new[at + column, column] = kept
    best = {system: [np.concatenate(part) for part in parts] for system, parts in best.items()}
    random = np.random.default_rng(options.seed + 1)
    draw = lambda count: np.bincount(random.integers(0, count, count), minlength=count)
    draws = [(np.ones(len(strangers), np.int64), np.ones(len(mates), np.int64))]
    draws += [(draw(len(strangers)), draw(len(mates))) for _ in range(options.replicates)]
    found = {}
    for system, (of_strangers, of_mates, rivals) in best.items():
        found[system] = np.array([identified(of_strangers, theirs, of_mates, rivals, ours, options.fpir) for theirs, ours in draws])
    names, raw = Identification(options).names, found["raw", None]
    for method, size in systems[1:]:
        new = found[method, size]
        print(json.dumps({"encoder": options.name, "protocol": "identification", "gallery": len(gallery), "mates": len(mates), "strangers": len(strangers),
                          "method": method, "k": size, "headline": (method, size) == HEADLINE, "cohort": len(cohort),
                          "measures": summary(names, new[0], raw[0], new[1:] - raw[1:])}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    one = kinds.add_parser("photos")
    one.add_argument("list")
    one.add_argument("encoders", nargs="+", metavar="NAME=ROWS.npy")
    one.add_argument("--splits", type=int, default=10)
    one.add_argument("--fmr", type=float, nargs="+", default=[1e-3, 1e-4])
    one.add_argument("--alike", type=float, default=0.98)
    one.set_defaults(run=photos, fpir=[0.1, 0.01, 0.003])
    other = kinds.add_parser("arrays")
    for name in ("name", "gallery", "mates", "strangers", "cohort"):
        other.add_argument(name)
    other.set_defaults(run=arrays, fpir=[0.1, 0.01, 0.003, 0.001])
    for kind in (one, other):
        kind.add_argument("--k", type=int, nargs="+", default=[50, 100, 200, 400])
        kind.add_argument("--replicates", type=int, default=1000)
        kind.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()

"""swaps.py GALLERIST PHOTOS WORK [--count 500] [--out swaps.jsonl]: how often the models accept a swapped face as its donor.

In the manner of Korshunov and Marcel (arXiv 1812.08685). PHOTOS is a folder with a folder for each person; people with at least three
photos take part. The threshold of each model is that of its equal error rate, and that of FMR 0.1 %, over all pairs of genuine photos.
tools/swap.py puts the face of a donor into the photo of a target. A trial compares the result with the donor's other photos, never with
the photo that the face was taken from. A photo without a found face is not accepted.

For each model and kind of swap a JSON line, with shares in percent:
  accepted          of the swaps, as the donor, averaged over swaps; with a 95 % interval from resampling the donors
  accepted_apart    the same, of those swaps only whose target no photo of the donor accepts without the swap
  accepted_target   of the swaps, as the target
  genuine           of the donor's unchanged photos, as the donor (the highest share that swaps can be expected to reach)
  control           of the target's unchanged photos, as the donor (pairs are chosen to look alike)
WORK keeps photos and templates; a second run resumes.
"""

import argparse
import collections
import json
import os
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SWAP = os.path.join(HERE, "..", "..", "tools", "swap.py")
MODELS = "duo-128,mobilefacenet-192,mobilefacenet-512,dlib-128"
KINDS = {
    "low": ["--quality", "low"],
    "high": ["--quality", "high"],
    "high, JPEG 30": ["--quality", "high", "--jpeg", "30"],
    "high, print": ["--quality", "high", "--print"],
    "high, screen": ["--quality", "high", "--moire"],
}


def people(folder, least):
    """The folders of people with enough photos."""
    for person in sorted(os.listdir(folder)):
        inner = os.path.join(folder, person)
        if os.path.isdir(inner) and len(os.listdir(inner)) >= least:
            yield inner


def templates(folders, model, out):
    """The template of every photo by its real path, made by `gallerist encode`."""
    command = [OPTIONS.gallerist, "encode", *folders, "--model", model, "--out", out]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    vectors = np.load(os.path.join(out, "embeddings.npy")).astype(np.float32)
    with open(os.path.join(out, "templates.jsonl")) as lines:
        paths = [os.path.realpath(json.loads(line)["path"]) for line in lines]
    assert len(paths) == len(vectors), out
    return dict(zip(paths, vectors))


def thresholds(genuine):
    """The thresholds and error rates over all pairs of photos, in percent."""
    names = np.unique([os.path.dirname(path) for path in genuine], return_inverse=True)[1]
    scores = np.stack(list(genuine.values()))
    scores = scores @ scores.T
    upper = np.triu(np.ones_like(scores, bool), 1)
    same = names[:, None] == names
    mated, other = np.sort(scores[upper & same]), np.sort(scores[upper & ~same])
    fnmr = np.arange(len(mated)) / len(mated)  # of the threshold at each mated score
    fmr = 1 - np.searchsorted(other, mated) / len(other)
    at = np.argmax(fnmr >= fmr)
    strict = np.nextafter(other[len(other) - 1 - int(0.001 * len(other))], np.float32(2))
    measured = {"mated_pairs": len(mated), "other_pairs": len(other), "eer": percent((fnmr[at] + fmr[at]) / 2)}
    return {"eer": float(mated[at]), "fmr_0.1": float(strict)}, measured | {"tmr_at_fmr_0.1": percent((mated >= strict).mean())}


def swaps(kind, folder):
    """The lines of the swaps of one kind, which are made if they are not there."""
    out = os.path.join(OPTIONS.work, "swaps", kind.replace(", ", "-").replace(" ", "-"))
    if not os.path.exists(os.path.join(out, "made")):
        faces = os.path.join(OPTIONS.work, "faces-" + OPTIONS.models.split(",")[0])
        command = [sys.executable, SWAP, folder, folder, "--faces", faces, "--out", out, "--count", str(OPTIONS.count), "--seed", str(OPTIONS.seed)]
        subprocess.run(command + KINDS[kind], check=True)
        open(os.path.join(out, "made"), "w").close()
    with open(os.path.join(out, "swaps.jsonl")) as lines:
        return out, [json.loads(line) for line in lines]


def shares(rows, genuine, probes, who, threshold):
    """For each swap, the share of the other photos of `who`, its donor or its target, that accept the probe."""
    of = {}
    for path in genuine:
        of.setdefault(os.path.dirname(path), []).append(path)
    found = []
    for row, probe in zip(rows, probes):
        others = [genuine[path] for path in of[os.path.dirname(real(row[who]))] if path != real(row[who])]
        found.append(0.0 if probe is None else (np.stack(others) @ probe >= threshold).mean())
    return np.array(found)


def real(photo):
    return os.path.realpath(os.path.join(OPTIONS.photos, photo))


def interval(values, groups):
    """The 95 % interval of the mean in percent, by resampling groups of values."""
    names, group = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(group, values), np.bincount(group)
    picks = np.random.default_rng(OPTIONS.seed).integers(len(names), size=(2000, len(names)))
    return [percent(value) for value in np.quantile(sums[picks].sum(1) / counts[picks].sum(1), [0.025, 0.975])]


def percent(share):
    return round(100 * float(share), 2)


def machine():
    with open("/proc/cpuinfo") as lines:
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"cpu": name, "cores": os.cpu_count()}


def measure(model, kind, genuine, limits, measured, folder):
    out, rows = swaps(kind, folder)
    made = templates([out], model, f"{out}-{model}")
    count = collections.Counter(os.path.dirname(path) for path in genuine)
    rows = [row for row in rows if all(count[os.path.dirname(real(row[who]))] > 1 for who in ("donor", "target"))]
    probes = {
        "accepted": ([made.get(os.path.realpath(os.path.join(out, row["photo"]))) for row in rows], "donor"),
        "genuine": ([genuine.get(real(row["donor"])) for row in rows], "donor"),
        "control": ([genuine.get(real(row["target"])) for row in rows], "donor"),
    }
    probes["accepted_target"] = (probes["accepted"][0], "target")
    line = {"model": model, "kind": kind, "swaps": len(rows), "no_face": sum(probe is None for probe in probes["accepted"][0])}
    line |= {"donors": len({row["donor_person"] for row in rows}), "genuine_photos": measured}
    for name, threshold in limits.items():
        found = {what: shares(rows, genuine, vectors, who, threshold) for what, (vectors, who) in probes.items()}
        rates = {what: percent(np.mean(values)) for what, values in found.items()}
        rates["interval"] = interval(found["accepted"], [row["donor_person"] for row in rows])
        apart = found["control"] == 0
        line[name] = {"threshold": round(threshold, 4), "apart": int(apart.sum()), "accepted_apart": percent(found["accepted"][apart].mean()), **rates}
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return line | {"command": OPTIONS.command, "commit": commit, "machine": machine()}


def main():
    folders = list(people(OPTIONS.photos, OPTIONS.least))
    if len(folders) < 2:
        sys.exit(f"swaps: {OPTIONS.photos} has no two people with {OPTIONS.least} photos")
    folder = os.path.join(OPTIONS.work, "people")
    os.makedirs(folder, exist_ok=True)
    for one in folders:
        link = os.path.join(folder, os.path.basename(one))
        if not os.path.lexists(link):
            os.symlink(os.path.abspath(one), link)
    for model in OPTIONS.models.split(","):
        genuine = templates(folders, model, os.path.join(OPTIONS.work, "faces-" + model))
        limits, measured = thresholds(genuine)
        for kind in OPTIONS.kinds.split(";"):
            line = json.dumps(measure(model, kind, genuine, limits, measured, folder))
            print(line, flush=True)
            if OPTIONS.out:
                with open(OPTIONS.out, "a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallerist")
    parser.add_argument("photos")
    parser.add_argument("work")
    parser.add_argument("--count", type=int, default=500, help="swaps of each kind [500]")
    parser.add_argument("--least", type=int, default=3, help="photos of a person who takes part [3]")
    parser.add_argument("--models", default=MODELS, help="the first finds the faces and chooses the pairs")
    parser.add_argument("--kinds", default=";".join(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="file to which the lines are appended")
    OPTIONS = parser.parse_args()
    names = [("GALLERIST", OPTIONS.gallerist), ("PHOTOS", OPTIONS.photos), ("WORK", OPTIONS.work)]
    OPTIONS.command = " ".join(["swaps.py", *(name for name, _ in names), f"--count {OPTIONS.count} --least {OPTIONS.least} --seed {OPTIONS.seed}"])
    main()

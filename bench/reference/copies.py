"""copies.py GALLERIST COLLECTION [--systems gallerist,phash,dhash,ahash,whash,cnn,czkawka,czkawka-wide,difpy] [--part N]: finds the copies in a collection of
collection.py or lookalikes.py.

For each system, in one run: the time of the whole job, the peak memory of its largest process, and for each kind of copy the share that was found: the
copy and its original are in one group (Gallerist, czkawka, difPy) or are listed as duplicates of each other (imagededup, with its defaults: a distance of
10 of the hashes, a cosine of 0.9 of the network). `false` is the number of photos that were put together with a photo that is not a copy, `false_kinds` the
same by kind. `kept` are the kinds of the photos that Gallerist keeps. Prints a JSON line for each system.

czkawka is its core by the package `czkawka` of PyPI, with an empty cache: gradient hashes of 16 x 16 bits and a distance of 5, the default of its
command line, or of 20 (`-wide`). difPy (`similarity="similar"`, photos of any size) compares all pairs; `--part 100` leaves out all but every hundredth
group of the collection.
"""

import argparse
import collections
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import string
import subprocess
import sys
import tempfile
import time


def load(folder):
    with open(os.path.join(folder, "manifest.tsv")) as lines:
        return [line.rstrip("\n").split("\t") for line in lines]


def gallerist(folder):
    with tempfile.TemporaryDirectory() as work:
        path = lambda name: os.path.join(work, name)
        command = [OPTIONS.gallerist, "dedup", "plan", folder, "--out", path("plan.json"), "--cache", path("cache"), "--decisions", path("decisions")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        plan = json.load(open(path("plan.json")))
    root = plan["roots"][0] + "/"
    for group in plan["groups"]:
        if group["kind"] != "burst":
            yield [member["photo"].removeprefix(root) for member in group["members"]]


def imagededup(folder, method):
    from imagededup import methods

    hasher = getattr(methods, method)(verbose=False)
    found = hasher.find_duplicates(image_dir=folder, recursive=True, num_enc_workers=2, num_dist_workers=2)
    for name, others in found.items():
        for other in others:
            if name < other:
                yield [name, other]


def czkawka(folder, distance):
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update({"CZKAWKA_CACHE_PATH": cache, "CZKAWKA_CONFIG_PATH": cache, "XDG_CACHE_HOME": cache, "XDG_CONFIG_HOME": cache})
        from czkawka import ImageSimilarity

        finder = ImageSimilarity()
        finder.set_directories([pathlib.Path(folder)])
        finder.set_similarity(distance)
        groups = finder.find_similar()
    yield from ([os.path.relpath(name, folder) for name in group] for group in groups)


def difpy(folder):
    import difPy

    with contextlib.redirect_stdout(sys.stderr):
        built = difPy.build(folder, show_progress=False)
        found = difPy.search(built, similarity="similar", same_dim=False, show_progress=False).result
    for name, others in found.items():
        yield [os.path.relpath(path, folder) for path in [name, *(other for other, _ in others)]]


SYSTEMS = {
    "gallerist": gallerist,
    "phash": lambda folder: imagededup(folder, "PHash"),
    "dhash": lambda folder: imagededup(folder, "DHash"),
    "ahash": lambda folder: imagededup(folder, "AHash"),
    "whash": lambda folder: imagededup(folder, "WHash"),
    "cnn": lambda folder: imagededup(folder, "CNN"),
    "czkawka": lambda folder: czkawka(folder, 5),
    "czkawka-wide": lambda folder: czkawka(folder, 20),
    "difpy": difpy,
}


def run(system, folder):
    """Prints the found groups, the seconds and the memory: a process of its own."""
    started = time.time()
    found = list(SYSTEMS[system](folder))
    seconds = time.time() - started
    import resource

    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in usage)
    peak = usage[1].ru_maxrss if system == "gallerist" else max(one.ru_maxrss for one in usage)
    json.dump({"found": found, "seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak // 1024}, sys.stdout)


def part(rows, every, work):
    """The rows of every `every`-th group of each kind, copied to `work`."""
    number = lambda group: int("".join(itertools.takewhile(str.isdigit, group.lstrip(string.ascii_letters))) or 0)
    chosen = [row for row in rows if number(row[1]) % every == 0]
    for name, *_ in chosen:
        path = os.path.join(work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(os.path.join(OPTIONS.collection, name), path)
    return chosen


def main():
    rows, folder = load(OPTIONS.collection), OPTIONS.collection
    with contextlib.ExitStack() as stack:
        if OPTIONS.part > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(folder))))
            rows = part(rows, OPTIONS.part, folder)
        measure(rows, folder)


def measure(rows, folder):
    group, kind = {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}
    original = {row[1]: row[0] for row in rows if row[2] == "original"}
    for system in OPTIONS.systems.split(","):
        command = [sys.executable, __file__, OPTIONS.gallerist, folder, "--one", system]
        done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        together, false, kept = collections.defaultdict(set), set(), collections.Counter()
        for names in done.pop("found"):
            if system == "gallerist" and group[names[0]] in original:
                kept[kind[names[0]]] += 1
            of = collections.defaultdict(list)
            for name in names:
                of[group[name]].append(name)
            for own in of.values():
                for name in own:
                    together[name].update(own)
            largest = max(of.values(), key=len)
            false.update(name for own in of.values() if own is not largest for name in own)
        kinds = collections.defaultdict(lambda: [0, 0])
        for name, own in kind.items():
            if group[name] in original and own != "original":
                kinds[own][0] += original[group[name]] in together[name]
                kinds[own][1] += 1
        shares = {own: round(100 * found / all, 2) for own, (found, all) in sorted(kinds.items())}
        print(json.dumps({"system": system, "photos": len(rows), **done, "false": len(false), "false_kinds": dict(collections.Counter(kind[name] for name in false)), "found_percent": shares, **({"kept": kept} if kept else {})}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallerist")
    parser.add_argument("collection")
    parser.add_argument("--systems", default="gallerist,phash,dhash")
    parser.add_argument("--part", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    OPTIONS = parser.parse_args()
    run(OPTIONS.one, OPTIONS.collection) if OPTIONS.one else main()

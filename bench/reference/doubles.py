"""doubles.py GALLERIST ROWS.npy NAMES.txt MODEL WORK: finds people under two or three names, in galleries of which a known share are that.

ROWS.npy has templates of MODEL, NAMES.txt the person of each row. People with enough rows get their rows under two names (or three) in turn. Prints for
each gallery the threshold that `dedup subjects` chose, how many pairs of names of one person and of two people it lists, and how many subjects
are said to be two people.
"""

import json
import os
import random
import shutil
import subprocess
import sys

import numpy as np

program, rows, names, model, work = sys.argv[1:]
rows = np.load(rows).astype(np.float32)
people = {}
for row, name in enumerate(open(names).read().splitlines()):
    people.setdefault(name, []).append(row)


def gallerist(*words):
    return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout


def case(label, doubles, others, names=2):
    chosen = [(row, f"{one} {at % names}") for one in doubles for at, row in enumerate(people[one][: 2 * names])]
    chosen += [(row, f"{one} 0") for one in others for row in people[one][:4]]
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    file, list_, gallery = (os.path.join(work, name) for name in ["rows.npy", "names.txt", "gallery"])
    np.save(file, rows[[row for row, _ in chosen]])
    open(list_, "w").write("".join(f"{name}\n" for _, name in chosen))
    gallerist("init", gallery, "--model", model)
    gallerist("import", gallery, file, "--subjects", list_, "--from-model", model)
    found = json.loads(gallerist("dedup", "subjects", gallery, "--limit", "1000000", "--format", "json"))
    sides = [[side["subject"].rsplit(" ", 1)[0] for side in pair["sides"]] for pair in found["doubles"]]
    right = sum(one == other for one, other in sides)
    there = len(doubles) * names * (names - 1) // 2
    print(f"{label:24} threshold {found['threshold']:.3f}  found {right} of {there}, {len(sides) - right} of two people; {found['mixed_count']} called mixed", flush=True)


rng = random.Random(1)
several = [one for one, own in people.items() if len(own) >= 4]
rng.shuffle(several)
without = lambda count: [one for one in people if one not in set(several[:count])]
case("nobody", [], list(people))
case("nobody, 400 people", [], list(people)[:400])
for count in [5, 20, 50]:
    case(f"{count} of {400 + count} people", several[:count], without(count)[:400])
case("200 of all", several[:200], without(200))
case("30 of 30", several[:30], [])
case("200 of 200", several[:200], [])
case("30 of 30, three names", [one for one in several if len(people[one]) >= 6][:30], [], 3)

"""dedup_kills.py GALLERIST COLLECTION WORK ROUNDS [--seed S]: kills `dedup apply` and `dedup undo` at random moments.

Copies COLLECTION to WORK, makes a plan, and in each round kills an application and an undo. After every kill all photos must exist, each once. In
the end the undo is completed, and the tree must have the paths, contents, modes and times of the copy. Prints a JSON line.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import time


def files(root):
    """Inode, size and time of every photo, wherever it is."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            if not name.startswith("journal.json"):
                status = os.stat(os.path.join(folder, name))
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return sorted(found)


def tree(root):
    found = {}
    for folder, folders, names in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            status = os.stat(path)
            content = "" if os.path.isdir(path) else hashlib.blake2b(open(path, "rb").read()).hexdigest()
            found[os.path.relpath(path, root)] = (status.st_mode, status.st_mtime_ns, content)
    return found


def main():
    rng = random.Random(OPTIONS.seed)
    photos = os.path.join(OPTIONS.work, "photos")
    path = lambda name: os.path.join(OPTIONS.work, name)
    shutil.copytree(OPTIONS.collection, photos, symlinks=True)
    before = tree(photos)
    memory = ["--decisions", path("decisions")]
    run = lambda *words: [OPTIONS.gallerist, "dedup", *words]
    subprocess.run(run("plan", photos, "--out", path("plan.json"), "--cache", path("cache"), *memory), check=True, stdout=subprocess.DEVNULL)
    commands = [run("apply", path("plan.json"), "--yes", *memory), run("undo", path("plan.json"))]
    durations = []
    for command in commands:
        started = time.time()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        durations.append(time.time() - started)
    expected, lost = files(photos), 0
    for _ in range(OPTIONS.rounds):
        for command, duration in zip(commands, durations):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0, duration))
            process.kill()
            process.wait()
            lost += files(photos) != expected
    subprocess.run(commands[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(json.dumps({"files": len(expected), "kills": 2 * OPTIONS.rounds, "lost": lost, "tree_is_equal": tree(photos) == before}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallerist")
    parser.add_argument("collection")
    parser.add_argument("work")
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    OPTIONS = parser.parse_args()
    main()

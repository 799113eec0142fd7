"""dedup_kills.py GALLERIST COLLECTION WORK KILLS [--action A] [--seed S]: kills `dedup apply` and `dedup undo` at random moments.

Copies COLLECTION to WORK and makes a plan. Then it starts an application and an undo in turn and kills each at a random moment, until KILLS
processes were killed while they ran. After every kill each content must exist at least once; what the quarantine and the trash move must
exist exactly once, and what is linked or cloned must be complete at its path. In the end an application is completed, and then an undo; the tree
must have the paths, contents, modes, times and links of the copy. Prints a JSON line.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time

HASHES = {}


def content(path, status):
    """The hash of a file, read again only if its state is another one."""
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if state not in HASHES:
        HASHES[state] = hashlib.blake2b(open(path, "rb").read(), digest_size=16).hexdigest()
    return HASHES[state]


def tree(root):
    """By path: mode, time, and for files the content and the number of the file with all its names."""
    found, numbers = {}, {}
    for folder, folders, names in os.walk(root):
        folders.sort()
        for path in [folder, *(os.path.join(folder, name) for name in sorted(names))]:
            status = os.lstat(path)
            is_folder = os.path.isdir(path)
            number = None if is_folder else numbers.setdefault(status.st_ino, len(numbers))
            found[os.path.relpath(path, root)] = (status.st_mode, status.st_mtime_ns, None if is_folder else content(path, status), number)
    return found


def files(*roots):
    """The content of every photo in these folders, by path."""
    found = {}
    for root in roots:
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith(("journal.json", ".gallerist-")) and not name.endswith(".trashinfo"):
                    found[path] = content(path, os.lstat(path))
    return found


def main():
    rng = random.Random(OPTIONS.seed)
    path = lambda name: os.path.join(OPTIONS.work, name)
    photos, trash = path("photos"), path("data")
    shutil.copytree(OPTIONS.collection, photos, symlinks=True)
    before, expected = tree(photos), files(photos)
    environment = {**os.environ, "XDG_DATA_HOME": trash}
    start = lambda words: subprocess.Popen([OPTIONS.gallerist, "dedup", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    memory = ["--decisions", path("decisions")]
    assert start(["plan", photos, "--out", path("plan.json"), "--cache", path("cache"), *memory]).wait() == 0
    commands = [["apply", path("plan.json"), "--yes", "--action", OPTIONS.action, *memory], ["undo", path("plan.json")]]
    moves = OPTIONS.action in ("quarantine", "trash")

    def is_whole():
        now = files(photos, trash)
        if moves:
            return sorted(now.values()) == sorted(expected.values())
        return all(now.get(name) == content for name, content in expected.items())

    durations, exact = [], True
    for command in commands:
        started = time.time()
        exact &= start(command).wait() == 0
        durations.append(time.time() - started)
        exact &= is_whole()
    exact &= tree(photos) == before
    starts, kills, damaged = 0, [0, 0], 0
    while sum(kills) < OPTIONS.kills:
        which = starts % 2
        process = start(commands[which])
        time.sleep(rng.uniform(0, durations[which]))
        if process.poll() is None:
            process.kill()
            kills[which] += 1
        process.wait()
        starts += 1
        damaged += not is_whole()
    start(commands[0]).wait()
    damaged += not is_whole()
    start(commands[1]).wait()
    after = tree(photos)
    different = sorted(name for name in {**before, **after} if before.get(name) != after.get(name))
    for name in different[:10]:
        print(name, before.get(name), after.get(name), file=sys.stderr)
    exact &= not different and not os.path.exists(os.path.join(trash, "Trash"))
    result = {
        "action": OPTIONS.action, "files": len(expected), "bytes": sum(os.path.getsize(name) for name in expected), "starts": starts,
        "kills_of_apply": kills[0], "kills_of_undo": kills[1], "moments_with_damage": damaged, "tree_is_equal": bool(exact),
        "apply_seconds": round(durations[0], 2), "undo_seconds": round(durations[1], 2), "seed": OPTIONS.seed,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallerist")
    parser.add_argument("collection")
    parser.add_argument("work")
    parser.add_argument("kills", type=int)
    parser.add_argument("--action", default="quarantine", choices=["quarantine", "trash", "hardlink", "reflink"])
    parser.add_argument("--seed", type=int, default=1)
    OPTIONS = parser.parse_args()
    main()

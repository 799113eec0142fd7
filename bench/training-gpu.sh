#!/usr/bin/env bash
# bench/training-gpu.sh PROGRAMS PHOTOS WORK [DEVICE] [SECONDS]: what training costs on a CUDA device, in less than 10 minutes.
#
# PROGRAMS: a folder with gallerist and gallerist-networks of a release build. PHOTOS: photos in folders named after people, such as LFW.
# WORK: an empty folder. DEVICE: cuda (default) or cpu. SECONDS: for all trainings of `small` together (default 400). LD_LIBRARY_PATH names a
# full libtorch of the version that the programs were built for (bench/results/README.md, "On a CUDA device"). BATCH: people and photos of
# each in a batch (default 32x4). Python 3 runs the programs and counts. Prints faces a second, with the validation, and the peak memory.
set -euo pipefail
programs=$(realpath "$1") photos=$(realpath "$2") work=$(realpath "$3")
device=${4:-cuda} seconds=${5:-400}
cd "$work"
if [ "$device" = cuda ]; then nvidia-smi --query-gpu=name,driver_version --format=csv,noheader; fi
nproc

exec python3 - "$programs/gallerist" "$photos" "$device" "$seconds" "${BATCH:-32x4}" <<'PYTHON'
import json, os, resource, shutil, subprocess, sys, threading, time

program, photos, device, allowed, batch = sys.argv[1:]
people, each = map(int, batch.split("x"))
common = ["--data", photos, "--model", "mobilefacenet-192", "--batch", batch, "--device", device, "--patience", "0", "--format", "json"]


def memory_of_device(stop, peak):
    while not stop.wait(0.2):
        used = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True)
        peak[0] = max([peak[0], *map(int, used.stdout.split())])


def run(name, words, limit):
    """Runs a training. Returns what it says, and the seconds from its first step."""
    # The photos are read once: another training finds their faces in its folder.
    os.makedirs(name, exist_ok=True)
    if name != "first":
        shutil.copy("first/samples.safetensors", name)
    stop, peak = threading.Event(), [0]
    if device == "cuda":
        threading.Thread(target=memory_of_device, args=(stop, peak), daemon=True).start()
    process = subprocess.Popen([program, "train", *words, *common, "--out", name], stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(limit, process.terminate)
    timer.start()
    said, started = [], None
    for line in process.stdout:
        said.append(json.loads(line))
        started = started or time.monotonic()
    code, passed = process.wait(), time.monotonic() - (started or time.monotonic())
    timer.cancel()
    stop.set()
    host = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    memory = f"at most {host} MiB of any training so far" + (f", device {peak[0]} MiB" if device == "cuda" else "")
    if code != 0:
        print(f"{name}: ended with {code} after {passed:.0f} s ({memory})", flush=True)
        if name == "first":
            sys.exit(1)
    return said, passed, memory


def faces(said):
    """Faces of all steps: each training counts its steps from 0."""
    steps, before = 0, 0
    for step in (line["step"] for line in said if "step" in line):
        steps += max(0, step - before)
        before = step
    return steps * people * each


def told(name, said, passed, memory):
    count = faces(said)
    print(f"{name}: {count} faces in {passed:.1f} s, {count / max(passed, 1e-9):.0f} faces a second, {memory}", flush=True)


first = ["--loss", "triplet", "--backbone", "small", "--epochs", "1"]
said, passed, memory = run("first", first, 150)
told("small, triplet, one epoch, the first", said, passed, memory)
epochs = max(1, min(30, int(float(allowed) / (18 * max(passed, 0.05)))))
said, passed, memory = run("losses", ["compare", "--backbone", "small", "--epochs", str(epochs), "--seeds", "3"], float(allowed) + 30)
told(f"small, six losses, three seeds, {epochs} epochs each", said, passed, memory)
for row in next((line["rows"] for line in said if "rows" in line), []):
    tar = ", ".join(f"{100 * spread['mean']:.1f} %" for spread in row["tar"])
    print(f"  {row['name']}: TAR at FMR 1e-3 and 1e-4 {tar or 'not measured'}; {row['seconds']:.1f} s each; {' '.join(row['failures'])}")
for precision in ["f32", "bf16"]:
    words = ["--loss", "triplet", "--backbone", "mobilefacenet", "--epochs", "1", "--precision", precision]
    told(f"mobilefacenet, triplet, one epoch, {precision}", *run(precision, words, 60))
PYTHON

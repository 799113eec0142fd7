#!/usr/bin/env bash
# bench/join-gpu.sh PROGRAMS ROWS.npy WORK [DEVICES]: duplicates of people in a gallery of these rows, on a CUDA device and on the CPU.
#
# PROGRAMS: a folder with gallerist and gallerist-networks of a release build. ROWS.npy: templates, such as those of synth.py, with as many
# numbers as `duo-128` makes. WORK: an empty folder. DEVICES: what to compare (default "cuda cpu"). LD_LIBRARY_PATH names a full libtorch of the
# version that the programs were built for (bench/results/README.md, "On a CUDA device"). Prints the time of each, with the start of the program,
# and whether both gave the same reply.
set -euo pipefail
programs=$(realpath "$1") rows=$(realpath "$2") work=$(realpath "$3")
gallerist=$programs/gallerist
cd "$work"
if command -v nvidia-smi >/dev/null; then nvidia-smi --query-gpu=name,driver_version --format=csv,noheader; fi
nproc
"$gallerist" init gallery --model duo-128 >/dev/null
"$gallerist" import gallery "$rows" --from-model duo-128 >/dev/null
for device in ${4:-cuda cpu}; do
    for run in 1 2; do
        start=$(date +%s%N)
        "$gallerist" dedup subjects gallery --device "$device" --format json >"$device.json"
        echo "$device, run $run: $((($(date +%s%N) - start) / 1000000)) ms"
    done
    cmp "${before:=$device}.json" "$device.json"
done
echo "the replies are equal"

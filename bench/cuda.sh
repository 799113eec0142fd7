#!/usr/bin/env bash
# bench/cuda.sh PROGRAMS PHOTOS WORK: templates per second on a CUDA device and on the CPU, in less than 10 minutes.
#
# PROGRAMS: a folder with gallerist and gallerist-networks of a release build. PHOTOS: about 1,000 photos in folders. WORK: an empty
# folder. LD_LIBRARY_PATH names a full libtorch of the version that the programs were built for (bench/results/README.md, "On a CUDA
# device"). Python 3 with numpy compares the templates. Prints what bench/results/cuda.txt contains.
set -euo pipefail
programs=$(realpath "$1") photos=$(realpath "$2") work=$(realpath "$3")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
gallerist=$programs/gallerist
cd "$work"

# Three copies of every photo, each with another byte behind its end, so that all files differ.
for copy in 1 2 3; do
    mkdir -p many
    cp -r "$photos" "many/copy$copy"
    find "many/copy$copy" -type f -exec sh -c 'for file; do printf "%s" '"$copy"' >>"$file"; done' sh {} +
done

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
nproc

enroll() { # NAME DEVICE WORKERS FOLDER
    rm -rf gallery
    "$gallerist" init gallery --model mobilefacenet-192 >/dev/null
    nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits --loop-ms=200 >busy 2>/dev/null &
    local monitor=$!
    local line
    line=$(timeout 150 "$gallerist" enroll gallery "$4" --subject-from photo --device "$2" --workers "$3" 2>&1 | grep -m 1 "inputs in" || echo "stopped after 150 s")
    kill "$monitor" || true
    wait "$monitor" 2>/dev/null || true
    local busy
    busy=$(awk '$1 > 0 { sum += $1; count++ } END { print count ? int(sum / count) : 0 }' busy)
    echo "$1 --device $2 --workers $3: $line; GPU busy $busy % of the time it was in use"
}

one=$(find "$photos" -type f | sort | head -1)
for device in cpu cuda auto; do enroll one "$device" 1 "$one"; done
for workers in 1 4 "$(nproc)"; do enroll many cuda "$workers" many; done
enroll many cpu "$(nproc)" many
enroll many auto "$(nproc)" many

for device in cpu cuda; do
    "$gallerist" encode "$photos" --faces all --device "$device" --out "encoded-$device" >/dev/null 2>&1
done
python3 "$here/reference/same.py" encoded-cpu encoded-cuda

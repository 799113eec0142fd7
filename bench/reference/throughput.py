"""throughput.py FOLDER LIST [--model NAME] [--first N] [--batch B] [--out FILE.npy]: images per second of the plain pipeline.

LIST has an image path, relative to FOLDER, at the start of each line. The most prominent face of each photo is embedded. Photos are
decoded, searched and aligned one by one; crops run through the network in batches. PyTorch keeps its default number of threads.
Prints one JSON line. FILE.npy gets one raw embedding per line of LIST, NaN if no face was found.
"""

import argparse
import json
import os
import time

import numpy as np
import torch

import pipeline


def run(paths, name, batch):
    """(embeddings by position, seconds by stage)"""
    encoder, network, finder = pipeline.ENCODERS[name], pipeline.network(name), pipeline.detector()
    found, waiting = {}, []
    seconds = dict.fromkeys(("decode", "detect", "align", "encode"), 0.0)

    def timed(stage, work):
        start = time.perf_counter()
        result = work()
        seconds[stage] += time.perf_counter() - start
        return result

    def encode():
        embeddings = network(pipeline.tensor([crop for _, crop in waiting], encoder)).numpy()
        found.update(zip((position for position, _ in waiting), embeddings))
        waiting.clear()

    for position, path in enumerate(paths):
        image = timed("decode", lambda: pipeline.decode(path))
        boxes, _, points = timed("detect", lambda: finder.detect(image, landmarks=True))
        if points is not None:
            face = points[pipeline.portrayed(boxes, image.size)]
            waiting.append((position, timed("align", lambda: pipeline.align(image, face, encoder))))
        if len(waiting) == batch:
            timed("encode", encode)
    if waiting:
        timed("encode", encode)
    return found, seconds


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder")
    arguments.add_argument("list")
    arguments.add_argument("--model", default="mobilefacenet-192", choices=sorted(pipeline.ENCODERS))
    arguments.add_argument("--first", type=int, help="only so many lines of LIST")
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--out", help="where to write the embeddings")
    chosen = arguments.parse_args()
    with open(chosen.list) as file:
        lines = [line.split("\t")[0].strip() for line in file][: chosen.first]
    paths = [os.path.join(chosen.folder, line) for line in lines]
    run(paths[:5], chosen.model, chosen.batch)  # warm up
    cpu, start = time.process_time(), time.perf_counter()
    found, stages = run(paths, chosen.model, chosen.batch)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({
        "model": chosen.model,
        "images": len(paths),
        "faces": len(found),
        "batch": chosen.batch,
        "threads": torch.get_num_threads(),
        "images_per_second": round(len(paths) / wall, 2),
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "stage_seconds": {stage: round(spent, 2) for stage, spent in stages.items()},
    }))
    if chosen.out:
        empty = np.full_like(next(iter(found.values())), np.nan)
        np.save(chosen.out, np.stack([found.get(position, empty) for position in range(len(paths))]))


if __name__ == "__main__":
    main()

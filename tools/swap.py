#!/usr/bin/env python3
"""Makes photos with swapped faces: the face of a donor in the photo of a target.

TARGETS and DONORS are folders with a folder of photos for each person; they may be the same. Photos are paired by pose, complexion
and looks. The donor's face is reduced to 64 x 64 (low) or 128 x 128 pixels (high, as in Korshunov and Marcel, arXiv 1812.08685), warped to
the target's landmarks, given its colours and blended. The result lies under the donor's name: OUT/DONOR/NUMBER-TARGET.png.
OUT/swaps.jsonl has a line for each: who, which photos, what was done. Equal arguments give equal photos.

Faces are found by `gallerist encode`. Needs numpy and Pillow: pip install -r tools/faceswap/requirements.txt
"""

import argparse
import json
import os
import sys

try:
    import numpy as np
    from PIL import Image

    from faceswap import blending, photos, recapture
except ImportError as error:
    sys.exit(f"swap: {error}. Install the requirements: pip install -r tools/faceswap/requirements.txt")

RELEASE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "target", "release", "gallerist")


def arguments(given=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", metavar="TARGETS", help="people whose photos get another face")
    parser.add_argument("donors", metavar="DONORS", help="people whose faces are put in")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write to; must not contain swaps.jsonl")
    parser.add_argument("--quality", choices=list(blending.QUALITIES), default="high", help="64 or 128 pixels of the donor's face [high]")
    parser.add_argument("--count", type=positive, default=100, help="number of swaps; fewer if there are no more pairs [100]")
    parser.add_argument("--seed", type=int, default=1, help="for pairs and for what varies from swap to swap [1]")
    parser.add_argument("--blend", choices=[*blending.BLENDS, "any"], default="any", help="any draws one for each swap [any]")
    parser.add_argument("--jpeg", type=qualities, metavar="Q[-Q]", help="write JPEG of this quality, or drawn between two, instead of PNG")
    parser.add_argument("--moire", action="store_true", help="as photographed from a screen")
    parser.add_argument("--print", action="store_true", help="as photographed from a print")
    parser.add_argument("--genuine", metavar="DIR", help="also write the photos of both, without a swap, through the same steps")
    parser.add_argument("--faces", metavar="DIR", help="output of `gallerist encode` for these photos; otherwise it is run")
    parser.add_argument("--gallerist", default=RELEASE, metavar="FILE", help="the program [target/release/gallerist]")
    return parser.parse_args(given)


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def qualities(text):
    try:
        low, high = (int(part) for part in (text.split("-") if "-" in text else (text, text)))
    except ValueError:
        raise argparse.ArgumentTypeError("a number, or two with a - between them") from None
    if not 1 <= low <= high <= 100:
        raise argparse.ArgumentTypeError("must be from 1 to 100, the lower first")
    return low, high


def finish(picture, options, path, rng):
    """Photographs and compresses a picture as the options say, and writes it. Returns its path with the ending, and what was done."""
    done = {}
    if options.print:
        picture, done["print"] = recapture.paper(picture, rng)
    if options.moire:
        picture, done["moire"] = recapture.screen(picture, rng)
    image = Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if options.jpeg:
        done["jpeg"] = int(rng.integers(options.jpeg[0], options.jpeg[1] + 1))
        path += ".jpg"
        image.save(path, quality=done["jpeg"])
    else:
        path += ".png"
        image.save(path)
    return path, done


def run(options):
    """Makes the swaps. Returns how many, and how many pairs were left out because a face exceeds its photo."""
    folders = [options.targets, options.donors]
    for folder in folders:
        if not os.path.isdir(folder):
            raise photos.Problem(f"{folder} is no folder")
    record = os.path.join(options.out, "swaps.jsonl")
    if os.path.exists(record):
        raise photos.Problem(f"{record} exists: give --out a new folder")
    found = photos.faces(options.faces) if options.faces else photos.found_by(options.gallerist, folders)
    targets, donors = (photos.people(folder, found) for folder in folders)
    chosen = photos.pairs(targets, donors, options.count, photos.generator(options.seed, "pairs"))
    os.makedirs(options.out, exist_ok=True)
    made, genuine = 0, {}
    with open(record, "w") as lines:
        for number, (target, donor) in enumerate(chosen, 1):
            rng = photos.generator(options.seed, target.path, donor.path)
            blend = blending.BLENDS[rng.integers(len(blending.BLENDS))] if options.blend == "any" else options.blend
            try:
                picture = blending.swap(target.read(), target.landmarks, donor.read(), donor.landmarks, options.quality, blend, rng)
            except blending.Unusable:
                continue
            stem = os.path.join(options.out, donor.person, f"{number:04}-{target.person}")
            path, done = finish(picture, options, stem, rng)
            line = {"photo": os.path.relpath(path, options.out), "target": target.path, "donor": donor.path}
            line |= {"target_person": target.person, "donor_person": donor.person}
            line |= {"quality": options.quality, "blend": blend, "seed": options.seed, **done}
            lines.write(json.dumps(line) + "\n")
            genuine |= {target.file: target, donor.file: donor}
            made += 1
    if options.genuine:
        for photo in genuine.values():
            stem = os.path.join(options.genuine, os.path.splitext(photo.path)[0])
            finish(photo.read(), options, stem, photos.generator(options.seed, photo.path))
    return made, len(chosen) - made


def main():
    options = arguments()
    try:
        made, left_out = run(options)
    except (photos.Problem, OSError) as error:
        sys.exit(f"swap: {error}")
    print(f"{made} swaps in {options.out}" + (f", {left_out} pairs left out: a face exceeds its photo" if left_out else ""))
    if made < options.count:
        print(f"swap: {options.count} were asked for; there are no more pairs in similar pose", file=sys.stderr)


if __name__ == "__main__":
    main()

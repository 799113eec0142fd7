"""collection.py PHOTOS OUT [--originals N] [--seed S]: writes a collection of photos with known copies, to measure de-duplication.

PHOTOS has a folder of photos for each person. Each original is stored with these copies: `exact` (three, in other folders), `quality` (JPEG 90, 60
and 30), `resized` (to 60 %), `cropped` (5 % at a random side or all around), `exif` (turned by an EXIF tag), `turned` (by pixels), `mirrored`,
`recoloured` (gamma, saturation, warmth), `grey`, `caption` (text on a strip over the lowest 12 %), `border` (a frame of 5 %). Hard
negatives follow: other photos of the same people, bursts (a patch of the scene moves, and noise), pages of one form with different
text, and skies. manifest.tsv has the file, the group (files of one group are copies) and the kind of each.
"""

import argparse
import os
import random
import shutil

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

WORDS = "ledger harbour invoice total amount paid received number street winter order customer balance item price sum tax date".split()


def crop(picture, side):
    width, height = picture.size
    x, y = round(0.05 * width), round(0.05 * height)
    half = (x // 2, y // 2)
    boxes = [(half[0], half[1], width - half[0], height - half[1]), (x, 0, width, height), (0, y, width, height),
             (0, 0, width - x, height), (0, 0, width, height - y)]
    return picture.crop(boxes[side])


def recoloured(picture, rng):
    values = np.asarray(picture, dtype=np.float32) / 255
    values = values ** rng.choice([0.8, 1.25]) * np.array([1.05, 1.0, 0.92])
    picture = Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8))
    return ImageEnhance.Color(picture).enhance(rng.choice([0.6, 1.5]))


def captioned(picture, rng):
    picture = picture.copy()
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    strip = round(0.12 * height)
    draw.rectangle((0, height - strip, width, height), fill="white")
    font = ImageFont.load_default(size=max(8, round(strip * 0.6)))
    draw.text((4, height - strip + 2), " ".join(rng.sample(WORDS, 3)), fill="black", font=font)
    return picture


def document(rng, form):
    """A page of a form: the same head and lines, other text."""
    width, height = 620, 877
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    large, small = ImageFont.load_default(size=26), ImageFont.load_default(size=13)
    draw.rectangle((40, 40, 220, 90), outline="black", width=3)
    draw.text((52, 50), f"FORM {form}", fill="black", font=large)
    for line in range(24):
        y = 140 + line * 28
        draw.line((40, y + 22, width - 40, y + 22), fill=(200, 200, 200))
        draw.text((46, y + 4), " ".join(rng.choices(WORDS, k=rng.randint(3, 9))), fill="black", font=small)
    return page


def smooth(generator, height, width, scale):
    coarse = generator.normal(size=(max(2, height // scale), max(2, width // scale))).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))


def sky(generator):
    width, height = 640, 427
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    clouds = sum(smooth(generator, height, width, scale) * scale / 160 for scale in (160, 80, 40)).clip(0, 2) * generator.uniform(0, 0.25)
    colours = [90 + 60 * down + 120 * clouds, 140 + 50 * down + 90 * clouds, 215 + 25 * down + 30 * clouds]
    picture = np.stack([np.broadcast_to(colour, (height, width)) for colour in colours], axis=-1) + generator.normal(0, 1.5, (height, width, 1))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def burst(picture, generator):
    """Frames of one scene: a part of it moves, and the noise differs."""
    width, height = picture.size
    side = width // 4
    x, y = generator.integers(side, width - 2 * side), generator.integers(side, height - 2 * side)
    patch = picture.crop((x, y, x + side, y + side))
    for frame in range(5):
        moved = picture.copy()
        moved.paste(patch, (int(x + frame * side // 6), int(y + frame * side // 10)))
        values = np.asarray(moved, dtype=np.float32) + generator.normal(0, 2.5, (height, width, 3))
        yield Image.fromarray(values.clip(0, 255).astype(np.uint8))


class Collection:
    def __init__(self, folder):
        self.folder, self.lines = folder, []

    def path(self, name, group, kind):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.lines.append(f"{name}\t{group}\t{kind}\n")
        return path

    def save(self, picture, name, group, kind, quality=92, **more):
        picture.save(self.path(name, group, kind), quality=quality, **more)


def copies(collection, source, group, rng):
    picture = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
    for folder in ("originals", "backup", "old disk", "phone"):
        shutil.copyfile(source, collection.path(f"{folder}/{group}.jpg", group, "original" if folder == "originals" else "exact"))
    save = lambda made, kind, name=None, **more: collection.save(made, f"edited/{group}-{name or kind}.jpg", group, kind, **more)
    for quality in (90, 60, 30):
        save(picture, "quality", f"quality{quality}", quality=quality)
    save(picture.resize([round(side * 0.6) for side in picture.size], Image.LANCZOS), "resized")
    save(crop(picture, rng.randrange(5)), "cropped")
    exif = Image.Exif()
    exif[0x112] = 6
    save(picture.transpose(Image.ROTATE_90), "exif", exif=exif)
    save(picture.transpose(rng.choice([Image.ROTATE_90, Image.ROTATE_180, Image.ROTATE_270])), "turned")
    save(ImageOps.mirror(picture), "mirrored")
    save(recoloured(picture, rng), "recoloured")
    save(picture.convert("L"), "grey")
    save(captioned(picture, rng), "caption")
    save(ImageOps.expand(picture, border=round(0.05 * picture.size[0]), fill="white"), "border")


def main():
    rng, generator = random.Random(OPTIONS.seed), np.random.default_rng(OPTIONS.seed)
    people = sorted(entry.path for entry in os.scandir(OPTIONS.photos) if entry.is_dir())
    rng.shuffle(people)
    collection = Collection(OPTIONS.out)
    photos = [sorted(os.path.join(person, name) for name in os.listdir(person)) for person in people]
    for group, own in enumerate(photos[: OPTIONS.originals]):
        copies(collection, own[0], f"p{group}", rng)
        for number, other in enumerate(own[1:6]):
            shutil.copyfile(other, collection.path(f"others/p{group}-{number}.jpg", f"p{group}o{number}", "other photo"))
    for number, own in enumerate(photos[OPTIONS.originals :][: OPTIONS.originals // 10]):
        picture = Image.open(own[0]).convert("RGB")
        for frame, made in enumerate(burst(picture, generator)):
            exif = Image.Exif()
            exif[0x10F], exif[0x110] = "Maker", "Camera"
            exif.get_ifd(0x8769)[0x9003] = f"2024:05:0{1 + number % 9} 10:{number // 60 % 60:02}:{number % 60:02}"
            exif.get_ifd(0x8769)[0x9291] = f"{frame * 15:02}"
            more = {"exif": exif} if number % 2 else {}
            collection.save(made, f"bursts/b{number}-{frame}.jpg", f"b{number}f{frame}", "burst", **more)
    for number in range(OPTIONS.originals // 4):
        collection.save(document(rng, number % 10), f"documents/{number}.jpg", f"d{number}", "document")
        collection.save(sky(generator), f"skies/{number}.jpg", f"s{number}", "sky")
    with open(os.path.join(OPTIONS.out, "manifest.tsv"), "w") as manifest:
        manifest.writelines(collection.lines)
    print(len(collection.lines), "photos")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("out")
    parser.add_argument("--originals", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    OPTIONS = parser.parse_args()
    main()

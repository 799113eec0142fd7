"""Photos of people, their faces as `gallerist encode` found them, and the choice of pairs."""

import json
import os
import subprocess
import tempfile
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from . import colour, geometry

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
# Limits for a face: turns of the head in degrees, the distance of the eyes in pixels, and the score of the detector.
YAW, PITCH, EYES, DETECTED = 25.0, 30.0, 24.0, 0.998
# Limits for a pair: differences in degrees, and how far apart the landmarks are in the frame of 112 (root mean square).
YAW_APART, PITCH_APART, SHAPE_APART = 12.0, 15.0, 3.5
# Two names with a higher score are one person or nearly so, or a wrong label.
SCORE = 0.4
# A donor's face has at least this many pixels relative to the target's.
SMALLER = 0.7


class Problem(Exception):
    """Something that the user can change; the text says what."""


@dataclass
class Photo:
    """A photo with the face that is used of it."""

    path: str  # relative to the folder of people
    person: str
    file: str
    landmarks: np.ndarray
    yaw: float
    pitch: float
    template: np.ndarray

    def read(self):
        """The upright picture: floats from 0 to 255, (height, width, 3)."""
        with Image.open(self.file) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(np.float32)


def encode(program, folders, out):
    """Runs `gallerist encode`, which finds the faces."""
    try:
        done = subprocess.run([program, "encode", *folders, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        raise Problem(f"{program}: {error.strerror}. Build the program with `cargo build --release`, or give --gallerist or --faces") from None
    if done.returncode:
        raise Problem(f"{program} encode ended with {done.returncode}: {done.stderr.strip()}")


def faces(folder):
    """The faces in a folder of `gallerist encode`: a description and a template for the real path of every photo."""
    described, templates = os.path.join(folder, "templates.jsonl"), os.path.join(folder, "embeddings.npy")
    for path in (described, templates):
        if not os.path.isfile(path):
            raise Problem(f"{path} does not exist: {folder} is no output of `gallerist encode`")
    vectors = np.load(templates)
    with open(described) as lines:
        rows = [json.loads(line) for line in lines]
    if len(rows) != len(vectors):
        raise Problem(f"{folder} has {len(rows)} descriptions and {len(vectors)} templates")
    return {os.path.realpath(row["path"]): (row["face"], vector) for row, vector in zip(rows, vectors)}


def people(folder, found):
    """The usable photos of a folder with a folder for each person, in order of their paths."""
    if not os.path.isdir(folder):
        raise Problem(f"{folder} is no folder")
    photos, seen = [], 0
    for person in sorted(os.listdir(folder)):
        inner = os.path.join(folder, person)
        for name in sorted(os.listdir(inner)) if os.path.isdir(inner) else ():
            if not name.lower().endswith(ENDINGS):
                continue
            seen += 1
            file = os.path.join(inner, name)
            face, template = found.get(os.path.realpath(file), (None, None))
            if face is not None and usable(face):
                quality = face["quality"]
                landmarks = np.array(face["landmarks"], float)
                photos.append(Photo(f"{person}/{name}", person, file, landmarks, quality["yaw"], quality["pitch"], template))
    if not seen:
        raise Problem(f"{folder} has no folder of a person with photos in it")
    if not photos:
        raise Problem(f"none of the {seen} photos in {folder} has a usable face: certain, upright, frontal, eyes {EYES:.0f} pixels apart")
    return photos


def usable(face):
    """Whether a face is certain, upright, nearly frontal and large enough."""
    eyes = np.subtract(face["landmarks"][1], face["landmarks"][0])
    quality = face["quality"]
    return face["score"] >= DETECTED and not face["turned"] and abs(quality["yaw"]) <= YAW and abs(quality["pitch"]) <= PITCH and np.hypot(*eyes) >= EYES


def pairs(targets, donors, count, rng):
    """Up to `count` pairs (target, donor) of different people in similar pose, of similar complexion and looks, in a random order.

    Every photo of the targets is used before one is used twice; a pair of photos is used once, and no donor much more than others.
    """
    shapes = np.stack([geometry.Similarity(photo.landmarks, geometry.FRAME)(photo.landmarks) for photo in donors])
    yaw, pitch = (np.array([getattr(photo, name) for photo in donors]) for name in ("yaw", "pitch"))
    sizes = np.array([geometry.Similarity(geometry.FRAME, photo.landmarks).scale for photo in donors])
    templates = np.stack([photo.template for photo in donors])
    names = np.array([photo.person for photo in donors])
    colours = np.stack([complexion(photo) for photo in donors])
    uses, most = np.zeros(len(donors), int), max(2, int(np.ceil(3 * count / len(donors))))
    taken, found = set(), []
    while len(found) < count:
        before = len(found)
        for at in rng.permutation(len(targets)):
            target = targets[at]
            shape = geometry.Similarity(target.landmarks, geometry.FRAME)(target.landmarks)
            apart = np.sqrt(((shapes - shape) ** 2).sum(-1).mean(-1))
            score = templates @ target.template
            allowed = (names != target.person) & (uses < most) & (score < SCORE) & (apart < SHAPE_APART)
            allowed &= (np.abs(yaw - target.yaw) < YAW_APART) & (np.abs(pitch - target.pitch) < PITCH_APART)
            allowed &= sizes >= SMALLER * geometry.Similarity(geometry.FRAME, target.landmarks).scale
            cost = apart + np.sqrt(((colours - complexion(target)) ** 2).sum(-1)) / 10 - 8 * score + rng.uniform(0, 0.5, len(donors))
            for donor in np.argsort(np.where(allowed, cost, np.inf)):
                if not allowed[donor]:
                    break
                if (at, donor) not in taken:
                    taken.add((at, donor))
                    uses[donor] += 1
                    found.append((target, donors[donor]))
                    break
            if len(found) == count:
                break
        if len(found) == before:
            break
    if not found:
        raise Problem("no photo has a donor: another person in a similar pose, with a face at least nearly as large")
    return found


_complexions = {}


def complexion(photo):
    """The median colours of the two cheeks in Lab, so that light from the left and from the right differ."""
    if photo.file not in _complexions:
        x, y = np.meshgrid(np.linspace(32, 46, 8), np.linspace(64, 80, 8))
        points = np.stack([[x, y], [112 - x, y]]).transpose(0, 2, 3, 1)
        patches = geometry.sample(photo.read(), geometry.Similarity(geometry.FRAME, photo.landmarks)(points))
        _complexions[photo.file] = np.median(colour.lab(patches), (1, 2)).ravel()
    return _complexions[photo.file]


def generator(seed, *texts):
    """Random numbers that depend on the seed and the texts only, not on the order of work."""
    return np.random.default_rng([seed, *(zlib.crc32(text.encode()) for text in texts)])


def found_by(program, folders):
    """The faces that the program finds now."""
    with tempfile.TemporaryDirectory() as work:
        encode(program, sorted(set(folders)), os.path.join(work, "faces"))
        return faces(os.path.join(work, "faces"))

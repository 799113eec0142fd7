"""Puts the face of a donor into a photo."""

import numpy as np

from . import colour, geometry

# The side of the donor's face in pixels, as in Korshunov and Marcel (2018).
QUALITIES = {"low": 64, "high": 128}
BLENDS = ("feather", "poisson")
# The outline in the frame: half of the width, and the heights above and below the centre, which is below the eyes.
OUTLINE_CENTRE, WIDTH, ABOVE, BELOW = np.array([56.0, 68.0]), 34.0, 33.0, 42.0
# The most that Poisson blending takes over from a point of the outline, of 255.
BLEED = 28.0


class Unusable(Exception):
    """The two photos cannot be combined."""


def swap(target, target_landmarks, donor, donor_landmarks, quality, blend, rng):
    """The target photo with the donor's face, as (height, width, 3) from 0 to 255. All photos are float arrays of that form.

    The donor's face is reduced to the pixels of the quality, warped so that its landmarks lie on those of the target, given the target's
    colours, and blended. Raises `Unusable` if the outline of a face exceeds its photo.
    """
    height, width = target.shape[:2]
    ring = geometry.Similarity(geometry.FRAME, target_landmarks)(geometry.RING)
    left, top = np.maximum(np.floor(ring.min(0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(ring.max(0)).astype(int) + 1, [width, height])
    points = geometry.grid(left, top, right, bottom)
    radius = distance(geometry.to_frame(target_landmarks)(points), rng)
    inside = radius < 1
    edge = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    if edge.any() or inside.sum() < 400:
        raise Unusable("the face of the target exceeds the photo")

    face, to_chip = geometry.chip(donor, donor_landmarks, QUALITIES[quality])
    own = geometry.Similarity(donor_landmarks, geometry.FRAME)(donor_landmarks)
    to_donor = geometry.Spline(np.vstack([target_landmarks, ring]), np.vstack([own, geometry.RING]))
    frame = to_donor(points)
    photo = geometry.Similarity(geometry.FRAME, donor_landmarks)(frame[inside])
    if (photo < 0).any() or (photo > np.array(donor.shape[1::-1]) - 1).any():
        raise Unusable("the face of the donor exceeds the photo")
    warped = geometry.sample(face, to_chip(frame), cubic=True)

    below = target[top:bottom, left:right]
    warped = colour.transfer(warped, below, radius < 0.8)
    if blend == "poisson":
        # The bound keeps hair or glasses on the outline from tinting the whole face.
        warped = warped + membrane(np.clip(below - warped, -BLEED, BLEED), radius < 0.97)
        alpha = ramp(radius, 1.0, 0.85)
    else:
        alpha = ramp(radius, 1.0, rng.uniform(0.6, 0.8))
    found = target.copy()
    found[top:bottom, left:right] += alpha[..., None] * (np.clip(warped, 0, 255) - below)
    return found


def distance(frame, rng):
    """How far points of the frame are from the middle of the face: 1 on the outline. Outlines vary by a few percent."""
    x, y = np.moveaxis(frame - OUTLINE_CENTRE, -1, 0)
    vary = rng.uniform(0.95, 1.04, 3)
    tall = np.where(y < 0, ABOVE * vary[1], BELOW * vary[2])
    return (np.abs(x / (WIDTH * vary[0])) ** 2.4 + np.abs(y / tall) ** 2.4) ** (1 / 2.4)


def ramp(values, zero, one):
    """A smooth step: 0 at `zero` and beyond, 1 at `one` and beyond."""
    t = np.clip((values - zero) / (one - zero), 0, 1)
    return t * t * (3 - 2 * t)


def membrane(values, inside, steps=400, tolerance=1e-3):
    """The function that equals `values` outside and has no Laplacian inside: what Poisson blending adds to the donor (Perez et al. 2003).

    `values` is (height, width, channels); no pixel inside lies on the border. Conjugate gradients; the result is 0 outside.
    """
    inside = inside[..., None]

    def apply(field):
        result = 4 * field
        for axis in (0, 1):
            result -= np.roll(field, 1, axis) + np.roll(field, -1, axis)
        return result * inside

    found = np.zeros_like(values)
    residual = -apply(np.where(inside, 0, values))
    direction, norm = residual.copy(), (residual**2).sum((0, 1))
    enough = tolerance**2 * np.maximum(norm, 1)
    for _ in range(steps):
        if (norm <= enough).all():
            break
        image = apply(direction)
        share = norm / np.maximum((direction * image).sum((0, 1)), 1e-12)
        found += share * direction
        residual -= share * image
        fresh = (residual**2).sum((0, 1))
        direction = residual + fresh / np.maximum(norm, 1e-12) * direction
        norm = fresh
    return found

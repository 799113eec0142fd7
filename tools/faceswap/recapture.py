"""A photo of a screen or of a print: what a camera sees when a picture is held before it."""

import numpy as np

from . import colour, geometry

# Of a display: the share of a pixel's width that a stripe fills, and of its height. Of a camera: the sensitive share of a pixel's side.
STRIPE, GAP, SENSITIVE = 0.28, 0.88, 0.75


def screen(picture, rng):
    """The picture on a display of stripes (R, G, B), photographed at an angle. Returns it with the settings that were drawn.

    The display has about as many pixels as the camera, so that their grids beat: moire. Only the fundamental wave of the stripes
    passes the lens and the camera's pixels, which weaken it; it is then sampled without a filter, as a sensor does.
    """
    settings = {
        "pixels": round(rng.uniform(0.8, 1.3), 4),  # of the display, for each pixel of the camera
        "tilt": round(rng.uniform(0.005, 0.03), 4),
        "gamma": round(rng.uniform(0.9, 1.15), 4),
        "focus": round(rng.uniform(0.2, 0.4), 4),  # blur of the lens: standard deviation in pixels of the camera
        "noise": round(rng.uniform(0.5, 2.0), 4),
    }
    points = geometry.project(_view(picture, settings["tilt"], rng), geometry.grid(0, 0, *picture.shape[1::-1]))
    # A pixel of the camera integrates over a square of SENSITIVE of its pitch, approximated by a Gaussian for the picture.
    light = blur(colour.linear(picture) ** settings["gamma"], np.hypot(settings["focus"], SENSITIVE / 12**0.5))
    light = geometry.sample(light, points, cubic=True)
    passed = np.exp(-2 * (np.pi * settings["focus"] * settings["pixels"]) ** 2) * np.sinc(SENSITIVE * settings["pixels"])
    across, down = np.moveaxis(points * settings["pixels"], -1, 0)
    light *= (1 + passed * _wave(GAP) * np.cos(2 * np.pi * down))[..., None]
    for channel in range(3):
        light[..., channel] *= 1 + passed * _wave(STRIPE) * np.cos(2 * np.pi * (across - channel / 3))
    return _camera(light, settings["noise"], rng), settings


def paper(picture, rng):
    """The picture printed in dots of three colours on paper, photographed at an angle. Returns it with the settings that were drawn."""
    settings = {
        "dots": round(rng.uniform(0.55, 0.9), 4),  # for each pixel of the picture
        "tilt": round(rng.uniform(0.005, 0.03), 4),
        "black": round(rng.uniform(0.03, 0.09), 4),
        "white": round(rng.uniform(0.75, 0.92), 4),
        "blur": round(rng.uniform(0.5, 1.0), 4),
        "noise": round(rng.uniform(0.5, 2.0), 4),
    }
    matrix = _view(picture, settings["tilt"], rng)
    points = geometry.project(matrix, geometry.grid(0, 0, *picture.shape[1::-1]))
    light = colour.linear(geometry.sample(picture, points))
    dots = np.empty_like(light)
    for channel, angle in enumerate(np.radians([15, 75, 0])):  # cyan, magenta and yellow absorb red, green and blue
        u, v = (points @ [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1) * settings["dots"] * 2 * np.pi
        dots[..., channel] = (np.cos(u) + np.cos(v)) / 2
    ink = 0.12
    light = np.clip(light + ink * dots * np.sqrt(np.clip(light * (1 - light), 0, None)), 0, 1)
    fibre = 1 + 0.02 * blur(rng.standard_normal(light.shape[:2])[..., None], 0.8)
    slope = rng.uniform(-0.12, 0.12, 2)
    shade = 1 + (geometry.grid(0, 0, *picture.shape[1::-1]) / picture.shape[1::-1] - 0.5) @ slope
    light = (settings["black"] + (settings["white"] - settings["black"]) * light) * fibre * shade[..., None]
    return _camera(blur(light, settings["blur"]), settings["noise"], rng), settings


def blur(picture, sigma):
    """Gaussian blur. The border is repeated outside."""
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(picture, [(reach, reach) if a == axis else (0, 0) for a in range(picture.ndim)], mode="edge")
        length = picture.shape[axis]
        picture = sum(weight * np.take(padded, range(k, k + length), axis) for k, weight in enumerate(kernel))
    return picture


def _wave(duty):
    """The amplitude of the fundamental wave of a rectangular wave of mean 1 that is on for this share of its period."""
    return 2 * np.sinc(duty)


def _view(picture, tilt, rng):
    """The projective map from pixels of the camera to those of the picture: its corners moved by up to `tilt` of its sides."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (np.array(picture.shape[1::-1]) - 1.0)
    inward = (0.5 - np.array([[0, 0], [1, 0], [1, 1], [0, 1]])) * 2  # so that nothing outside the picture is seen
    return geometry.homography(corners, corners + inward * rng.uniform(0.2, 1.0, (4, 2)) * tilt * picture.shape[1::-1])


def _camera(light, noise, rng):
    return np.clip(colour.srgb(light) + rng.normal(0, noise, light.shape), 0, 255)

"""Colours: sRGB, linear light, CIE Lab, and the transfer of mean and covariance."""

import numpy as np

_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
_WHITE = _XYZ.sum(1)


def linear(srgb):
    """sRGB from 0 to 255 to linear light from 0 to 1."""
    value = np.clip(srgb, 0, 255) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb(light):
    """Linear light from 0 to 1 to sRGB from 0 to 255."""
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def lab(picture):
    """sRGB from 0 to 255 to CIE Lab (D65)."""
    xyz = linear(picture) @ _XYZ.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def from_lab(values):
    """CIE Lab (D65) to sRGB from 0 to 255, clipped."""
    y = (values[..., 0] + 16) / 116
    f = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) / (24389 / 27)) * _WHITE
    return srgb(xyz @ np.linalg.inv(_XYZ).T)


def transfer(donor, target, within):
    """The donor's colours moved so that mean and covariance in Lab are those of the target, both measured where `within` is true.

    The map is the linear one that moves colours least (Pitie and Kokaram 2007). Variances have a lower bound, so that no contrast is
    raised more than twice.
    """
    a, b = lab(donor), lab(target)
    x, y = a[within], b[within]
    floor = 4.0 * np.eye(3)
    cx, cy = np.cov(x.T) + floor, np.cov(y.T) + floor
    root = _power(cx, 0.5)
    inverse = _power(cx, -0.5)
    matrix = inverse @ _power(root @ cy @ root, 0.5) @ inverse
    values, vectors = np.linalg.eigh(matrix)
    matrix = vectors * np.clip(values, 0.5, 2.0) @ vectors.T
    return from_lab((a - x.mean(0)) @ matrix.T + y.mean(0))


def _power(symmetric, exponent):
    values, vectors = np.linalg.eigh(symmetric)
    return vectors * np.maximum(values, 1e-9) ** exponent @ vectors.T

"""Points and resampling. Points are rows (x, y) in pixels, pixel centres are whole numbers. Pictures are (height, width, channels)."""

import numpy as np

# The frame of a face: the five landmarks (eyes, nose, corners of the mouth) of a frontal face in a square of 112.
FRAME = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
# The part of the frame that a swap takes from the donor, a square: centre and half of its side.
CENTRE, HALF = np.array([56.0, 72.0]), 52.0
# Points around the face that keep their place in the frame when the landmarks move.
RING = CENTRE + 1.25 * HALF * np.array([[np.cos(a), np.sin(a)] for a in np.arange(12) * np.pi / 6])


class Similarity:
    """The least-squares turn, scale and shift from one list of points to another: z -> m z + t in complex numbers."""

    def __init__(self, source, target):
        a, b = (points @ [1, 1j] for points in (np.asarray(source, float), np.asarray(target, float)))
        centred = a - a.mean()
        self.m = np.vdot(centred, b - b.mean()) / np.vdot(centred, centred).real
        self.t = b.mean() - self.m * a.mean()

    def __call__(self, points):
        z = self.m * (np.asarray(points, float) @ [1, 1j]) + self.t
        return np.stack([z.real, z.imag], -1)

    @property
    def scale(self):
        return abs(self.m)


class Spline:
    """The thin-plate spline that maps each source point to its target point (Bookstein 1989): smooth, with the least bending."""

    def __init__(self, source, target):
        self.source, count = np.asarray(source, float), len(source)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = self._kernel(self.source)
        system[:count, count:] = np.column_stack([np.ones(count), self.source])
        system[count:, :count] = system[:count, count:].T
        self.weights = np.linalg.solve(system, np.vstack([target, np.zeros((3, 2))]))

    def _kernel(self, points):
        square = ((points[..., None, :] - self.source) ** 2).sum(-1)
        return square * np.log(np.maximum(square, 1e-12))

    def __call__(self, points):
        points = np.asarray(points, float)
        affine = self.weights[-3] + points @ self.weights[-2:]
        return affine + self._kernel(points) @ self.weights[:-3]


def to_frame(landmarks):
    """The smooth map of a photo to the frame that takes the landmarks to those of the frame."""
    ring = Similarity(FRAME, landmarks)(RING)
    return Spline(np.vstack([landmarks, ring]), np.vstack([FRAME, RING]))


def grid(left, top, right, bottom):
    """The points of all pixels of a rectangle without its last column and row, as (height, width, 2)."""
    return np.stack(np.meshgrid(np.arange(left, right, dtype=float), np.arange(top, bottom, dtype=float)), -1)


def sample(picture, points, cubic=False):
    """The picture at points: bilinear, or Catmull-Rom. The border is repeated outside."""
    height, width = picture.shape[:2]
    whole = np.floor(points).astype(int)
    part = (points - whole).astype(np.float32)
    taps = range(-1, 3) if cubic else range(2)
    weights = (_catmull_rom if cubic else _linear)(part)
    found = 0
    for j, dy in enumerate(taps):
        rows = np.clip(whole[..., 1] + dy, 0, height - 1)
        for i, dx in enumerate(taps):
            columns = np.clip(whole[..., 0] + dx, 0, width - 1)
            found = found + picture[rows, columns] * (weights[i][..., 0] * weights[j][..., 1])[..., None]
    return found


def _linear(t):
    return [1 - t, t]


def _catmull_rom(t):
    return [((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2, (t - 1) * t * t / 2]


def chip(picture, landmarks, side):
    """The face as a square of `side` pixels, averaged where the photo has more of them; and the map from frame points to its pixels."""
    from_frame = Similarity(FRAME, landmarks)
    over = max(1, int(np.ceil(2 * HALF * from_frame.scale / side)))
    steps = (np.arange(side * over) + 0.5) / (side * over) * 2 * HALF - HALF
    points = from_frame(CENTRE + np.stack(np.meshgrid(steps, steps), -1))
    fine = sample(picture, points)
    return fine.reshape(side, over, side, over, -1).mean((1, 3)), lambda frame: (frame - CENTRE + HALF) * (side / (2 * HALF)) - 0.5


def homography(source, target):
    """The 3 x 3 matrix of the projective map that takes four points to four points."""
    rows = []
    for (x, y), (u, v) in zip(source, target):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    return np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)


def project(matrix, points):
    """Points through a projective map."""
    found = points @ matrix[:, :2].T + matrix[:, 2]
    return found[..., :2] / found[..., 2:]

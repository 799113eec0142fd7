"""flat.py ROWS OUT.npy PROBES.npy [--dimension D] [--probes N] [--seed S]: a gallery without a low-dimensional structure.

This is the most difficult kind for every code and graph: templates of an encoder with dimensions of equal importance. An identity is a normal
vector. Its variances fall as a power of their rank, so that their participation ratio is about half of the dimension (512: 250). An
image of it is the identity plus noise with the same spectrum. Two images of a person have a cosine of 0.65 +- 0.1, and two people
one of 0 +- 1/sqrt(250). All vectors have length 1 and a random rotation. Row r is identity r. The first half of the probes are further
images of the first rows, the others are non-mated. Prints the properties of the data.
"""

import argparse
import json

import numpy as np

BLOCK = 16384
GENUINE, SPREAD = 0.65, 0.1


def spectrum(dimension):
    """Variances of participation ratio dimension * 250 / 512: by bisection, because the ratio falls with the power."""
    low, high = 0.0, 4.0
    rank = np.arange(1, dimension + 1)
    for _ in range(50):
        power = (low + high) / 2
        variances = rank**-power
        ratio = variances.sum() ** 2 / (variances**2).sum()
        low, high = (power, high) if ratio > dimension * 250 / 512 else (low, power)
    return variances / variances.sum()


class People:
    def __init__(self, dimension, seed):
        self.seed, self.scales = seed, np.sqrt(spectrum(dimension)).astype(np.float32)
        turn = np.random.default_rng([seed, 3]).standard_normal((dimension, dimension))
        self.turn = np.linalg.qr(turn)[0].astype(np.float32)

    def images(self, first, rows, image):
        """One image of each of some people; people are made in blocks, so that they do not depend on the requested number."""
        made = [self.block(at, image) for at in range(first // BLOCK, (first + rows - 1) // BLOCK + 1)]
        return np.vstack(made)[first % BLOCK :][:rows]

    def block(self, at, image):
        people = np.random.default_rng([self.seed, 1, at])
        images = np.random.default_rng([self.seed, 2, image, at])
        normal = lambda source: source.standard_normal((BLOCK, len(self.scales)), dtype=np.float32) * self.scales
        # The cosine of two images is the root of the product of their shares.
        share = np.clip(images.normal(GENUINE, SPREAD * 2**0.5, (BLOCK, 1)), 0.05, 0.99).astype(np.float32)
        rows = np.sqrt(share) * normal(people) + np.sqrt(1 - share) * normal(images)
        rows = rows @ self.turn
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int)
    parser.add_argument("out")
    parser.add_argument("probes_out")
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--probes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    people = People(options.dimension, options.seed)
    out = np.lib.format.open_memmap(options.out, "w+", np.float32, (options.rows, options.dimension))
    for first in range(0, options.rows, BLOCK):
        rows = min(BLOCK, options.rows - first)
        out[first : first + rows] = people.images(first, rows, 0)
    half = options.probes // 2
    strangers = people.images((options.rows // BLOCK + 1) * BLOCK, options.probes - half, 0)
    probes = np.vstack([people.images(0, half, 1), strangers])
    np.save(options.probes_out, probes)
    genuine = (probes[:half] * out[:half]).sum(1)
    impostors = (strangers @ out[:20000].T).ravel()
    print(json.dumps({
        "rows": options.rows, "dimension": options.dimension, "seed": options.seed, "probes": options.probes,
        "genuine": [float(genuine.mean()), float(genuine.std())],
        "impostor": [float(impostors.mean()), float(impostors.std())],
    }))


if __name__ == "__main__":
    main()

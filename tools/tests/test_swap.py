"""Tests the swaps of faces with photos of tests/faces, whose landmarks are written here, so that no network is needed."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FACES = os.path.join(os.path.dirname(TOOLS), "tests", "faces")
sys.path.insert(0, TOOLS)

try:
    import numpy as np
    from PIL import Image
except ImportError as error:
    missing = f"tools/faceswap/requirements.txt is not installed: {error}"
else:
    import swap
    from faceswap import blending, colour, geometry, photos, recapture

    missing = None

LANDMARKS = {
    "001/neutral.jpg": [[133.1, 151.2], [185.1, 149.2], [157.4, 175.8], [139.4, 202.5], [181.5, 201.3]],
    "003/neutral.jpg": [[137.4, 143.8], [185.1, 143.4], [160.7, 172.1], [141.1, 194.0], [181.9, 194.6]],
    "004/neutral.jpg": [[136.8, 129.1], [183.2, 130.9], [161.6, 157.9], [139.8, 179.9], [178.3, 181.1]],
    "005/neutral.jpg": [[136.5, 138.8], [185.4, 142.5], [157.2, 167.1], [139.0, 192.5], [175.3, 195.2]],
    "006/neutral.jpg": [[136.6, 149.6], [184.0, 150.9], [160.1, 175.6], [140.4, 200.4], [179.5, 201.7]],
    "008/neutral.jpg": [[135.4, 136.8], [185.7, 139.3], [158.9, 164.4], [135.3, 188.1], [178.0, 190.7]],
}


def encoded(folder, score=0.0):
    """A folder as `gallerist encode` writes it for the photos of LANDMARKS. `score` is that of any two templates."""
    with open(os.path.join(folder, "templates.jsonl"), "w") as lines:
        for photo, landmarks in LANDMARKS.items():
            face = {"landmarks": landmarks, "score": 1.0, "turned": 0, "quality": {"yaw": 0.0, "pitch": 0.0}}
            lines.write(json.dumps({"path": os.path.join(FACES, photo), "face": face}) + "\n")
    vectors = np.sqrt(1 - score) * np.eye(len(LANDMARKS) + 1, dtype=np.float32)[:-1]
    vectors[:, -1] = np.sqrt(score)
    np.save(os.path.join(folder, "embeddings.npy"), vectors)
    return folder


@unittest.skipIf(missing, missing)
class Swaps(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = folder.name
        os.mkdir(self.path("faces"))
        encoded(self.path("faces"))

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def make(self, out, *options, targets=FACES):
        given = [targets, FACES, "--faces", self.path("faces"), "--out", self.path(out), "--count", "2", *options]
        return swap.run(swap.arguments(given))

    def pixels(self, *parts):
        with Image.open(self.path(*parts)) as image:
            return np.asarray(image).astype(float)

    def lines(self, out):
        with open(self.path(out, "swaps.jsonl")) as lines:
            return [json.loads(line) for line in lines]

    def bytes(self, *parts):
        with open(self.path(*parts), "rb") as file:
            return file.read()

    def test_every_swap_has_a_file_of_its_own(self):
        made, _ = self.make("out", "--count", "30")
        self.assertEqual(len({line["photo"] for line in self.lines("out")}), made)
        self.assertGreater(made, 6)

    def test_equal_seeds_give_equal_photos_and_other_seeds_others(self):
        for out, seed in [("a", "1"), ("b", "1"), ("c", "2")]:
            self.assertEqual(self.make(out, "--seed", seed, "--jpeg", "60-90", "--moire", "--print"), (2, 0))
        a, b, c = map(self.lines, "abc")
        self.assertEqual(a, b)
        self.assertNotEqual([line["moire"] for line in a], [line["moire"] for line in c])
        for line in a:
            self.assertEqual(self.bytes("a", line["photo"]), self.bytes("b", line["photo"]))

    def test_a_swap_changes_the_face_and_nothing_else(self):
        self.make("out", "--blend", "poisson")
        for line in self.lines("out"):
            self.assertNotEqual(line["target_person"], line["donor_person"])
            self.assertEqual(os.path.dirname(line["photo"]), line["donor_person"])
            made, target = self.pixels("out", line["photo"]), self.pixels(FACES, line["target"])
            changed = np.abs(made - target).sum(-1)
            frame = geometry.to_frame(np.array(LANDMARKS[line["target"]]))(geometry.grid(0, 0, *target.shape[1::-1]))
            outside = np.abs(frame - geometry.CENTRE).max(-1) > geometry.HALF
            self.assertEqual(changed[outside].max(), 0)
            nose = np.hypot(*np.moveaxis(frame - geometry.FRAME[2], -1, 0)) < 8
            self.assertGreater(changed[nose].mean(), 5)

    def test_the_low_quality_has_less_detail(self):
        detail = {}
        for quality in blending.QUALITIES:
            self.make(quality, "--quality", quality, "--blend", "feather")
            pictures = [self.pixels(quality, line["photo"]) for line in self.lines(quality)]
            detail[quality] = np.mean([np.abs(np.diff(picture, axis=1)).mean() for picture in pictures])
        self.assertLess(detail["low"], detail["high"])

    def test_genuine_photos_pass_through_the_same_steps(self):
        self.make("out", "--jpeg", "75", "--genuine", self.path("genuine"))
        tables = set()
        for line in self.lines("out"):
            for parts in [("out", line["photo"]), ("genuine", line["target"]), ("genuine", line["donor"])]:
                with Image.open(self.path(*parts)) as image:
                    tables.add(str(image.quantization))
        self.assertEqual(len(tables), 1)

    def test_one_person_has_no_donor(self):
        one = self.path("one")
        os.mkdir(one)
        os.symlink(os.path.join(FACES, "001"), os.path.join(one, "001"))
        given = [one, one, "--faces", self.path("faces"), "--out", self.path("out")]
        with self.assertRaisesRegex(photos.Problem, "no photo has a donor"):
            swap.run(swap.arguments(given))

    def test_people_whose_templates_are_too_close_are_not_paired(self):
        encoded(self.path("faces"), score=0.5)
        with self.assertRaisesRegex(photos.Problem, "no photo has a donor"):
            self.make("out")

    def test_missing_and_used_folders_are_named(self):
        with self.assertRaisesRegex(photos.Problem, "nowhere is no folder"):
            self.make("out", targets=self.path("nowhere"))
        os.mkdir(self.path("empty"))
        with self.assertRaisesRegex(photos.Problem, "empty has no folder of a person"):
            self.make("out", targets=self.path("empty"))
        self.make("out")
        with self.assertRaisesRegex(photos.Problem, "swaps.jsonl exists"):
            self.make("out")
        with self.assertRaisesRegex(photos.Problem, "is no output of `gallerist encode`"):
            photos.faces(self.path("empty"))

    def test_a_program_that_is_not_there_is_named(self):
        command = [sys.executable, os.path.join(TOOLS, "swap.py"), FACES, FACES, "--out", self.path("out"), "--gallerist", self.path("none")]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("none: No such file or directory", done.stderr)

    def test_qualities_of_jpeg_are_checked(self):
        for wrong in ("0", "90-80", "101", "high"):
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
                swap.arguments([FACES, FACES, "--out", "x", "--jpeg", wrong])


@unittest.skipIf(missing, missing)
class Parts(unittest.TestCase):
    def test_a_spline_takes_its_points_to_their_places_and_keeps_similarities(self):
        rng = np.random.default_rng(1)
        points, places = rng.uniform(0, 100, (2, 8, 2))
        np.testing.assert_allclose(geometry.Spline(points, places)(points), places, atol=1e-6)
        turned = geometry.Similarity(points[:2], places[:2])
        others = rng.uniform(0, 100, (5, 2))
        np.testing.assert_allclose(geometry.Spline(points, turned(points))(others), turned(others), atol=1e-6)

    def test_samples_at_pixels_are_those_pixels_and_a_slope_stays_a_slope(self):
        slope = geometry.grid(0, 0, 9, 7) @ [[2.0], [3.0]]
        for cubic in (False, True):
            points = geometry.grid(2, 2, 6, 5)
            np.testing.assert_allclose(geometry.sample(slope, points, cubic), points @ [[2.0], [3.0]], atol=1e-5)
            np.testing.assert_allclose(geometry.sample(slope, points + 0.25, cubic), (points + 0.25) @ [[2.0], [3.0]], atol=1e-5)

    def test_lab_of_known_colours(self):
        for rgb, expected in [([255, 255, 255], [100, 0, 0]), ([255, 0, 0], [53.24, 80.09, 67.20]), ([0, 0, 255], [32.30, 79.19, -107.86])]:
            np.testing.assert_allclose(colour.lab(np.array(rgb, float)), expected, atol=0.05)
        values = np.random.default_rng(2).uniform(0, 255, (4, 5, 3))
        np.testing.assert_allclose(colour.from_lab(colour.lab(values)), values, atol=0.01)

    def test_transfer_gives_the_mean_and_the_covariance_of_the_target(self):
        rng = np.random.default_rng(3)
        donor, target = (colour.from_lab(rng.multivariate_normal(mean, spread, (40, 40))) for mean, spread in [
            ([50, 5, 10], np.diag([30.0, 12, 12])), ([60, 12, 15], np.array([[40.0, 5, 0], [5, 15, 4], [0, 4, 20]]))])
        moved, wanted = (colour.lab(picture).reshape(-1, 3) for picture in (colour.transfer(donor, target, np.ones((40, 40), bool)), target))
        np.testing.assert_allclose(moved.mean(0), wanted.mean(0), atol=0.2)
        np.testing.assert_allclose(np.cov(moved.T), np.cov(wanted.T), atol=4)

    def test_a_membrane_is_harmonic_inside_its_outline(self):
        grid = geometry.grid(0, 0, 40, 30)
        saddle = (grid[..., :1] ** 2 - grid[..., 1:] ** 2) / 10  # has no Laplacian: the one solution
        inside = np.zeros((30, 40), bool)
        inside[5:25, 6:33] = True
        found = blending.membrane(np.where(inside[..., None], 99.0, saddle), inside, tolerance=1e-6)
        np.testing.assert_allclose(found[inside], saddle[inside], atol=0.01)
        self.assertEqual(np.abs(found[~inside]).max(), 0)

    def test_a_screen_adds_a_pattern_to_a_grey_picture_and_keeps_its_light(self):
        grey = np.full((64, 64, 3), 120.0, np.float32)
        seen, settings = recapture.screen(grey, np.random.default_rng(4))
        light = colour.linear(seen)
        self.assertLess(abs(light.mean() / colour.linear(grey).mean() ** settings["gamma"] - 1), 0.05)
        spectrum = np.abs(np.fft.rfft2(seen[..., 0] - seen[..., 0].mean()))
        self.assertGreater(spectrum.max(), 20 * np.median(spectrum))

    def test_a_print_has_less_contrast(self):
        picture = np.repeat(np.linspace(0, 255, 64, dtype=np.float32)[None, :, None], 64, 0).repeat(3, 2)
        seen, _ = recapture.paper(picture, np.random.default_rng(5))
        self.assertGreater(seen[:, :4].mean(), 25)
        self.assertLess(seen[:, -4:].mean(), 250)

    def test_random_numbers_depend_on_the_seed_and_the_photos(self):
        draw = lambda *given: photos.generator(*given).integers(1 << 60)
        self.assertEqual(draw(1, "a", "b"), draw(1, "a", "b"))
        self.assertEqual(len({draw(1, "a", "b"), draw(2, "a", "b"), draw(1, "b", "a"), draw(1, "a")}), 4)


if __name__ == "__main__":
    unittest.main()

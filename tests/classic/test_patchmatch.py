"""Completion by patches: the vote by hand, exact textures, constraints, riddled pictures, variants, crops."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from scipy.stats import spearmanr

from conftest import boxed
from inpaintkit import ContextError, damage, inpaint, variants
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.classic import patchmatch as module
from inpaintkit.classic._seams import blended, shifts
from inpaintkit.picture import PictureLabels, PictureMask
from inpaintkit.problem import Problem


def hidden(truth: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The picture with noise where the hole is."""
    noise = np.random.default_rng(9).integers(0, 256, truth.shape).astype(truth.dtype)
    return np.where(hole.reshape(hole.shape + (1,) * (truth.ndim - 2)), noise, truth)


@pytest.fixture(scope="module")
def periodic() -> np.ndarray:
    """A tile of 12 x 10 noisy pixels in three channels, repeated."""
    tile = np.random.default_rng(3).integers(0, 256, (12, 10, 3))
    return np.tile(tile, (12, 14, 1)).astype(np.uint8)


@pytest.mark.parametrize("side", [5, 7, 9])
def test_a_periodic_texture_is_continued(periodic, side):
    hole = boxed(periodic.shape[:2], 40, 50, 50, 46)
    filled, info = inpaint(hidden(periodic, hole), hole, "patchmatch", patch=side, return_info=True)
    assert np.abs(filled[hole] - periodic[hole].astype(float)).mean() < 1
    moved = info.regions[0].facts["shifts"][hole]
    assert np.mean((moved % (12, 10) == 0).all(axis=1)) > 0.99


def test_levels_halve_the_hole_to_about_two_patches():
    for depth, side, levels in ((3, 7, 1), (13, 7, 1), (14, 7, 2), (90, 7, 4), (90, 15, 3), (1, 7, 1)):
        hole = boxed((400, 400), 100, 100, 2 * depth - 1, 2 * depth - 1)
        assert module._levels(hole, side) == levels
    edge = boxed((100, 100), 0, 0, 100, 20)  # known on one side only
    assert module._levels(edge, 7) == int(np.log2(2 * 20 / 7))


def test_a_vote_is_the_mean_weighted_by_depth_and_distance():
    """Compared with the formula, written out in numpy, for a pixel amid a hole."""
    truth = skimage.data.coffee()[100:180, 200:290].astype(np.float32) / 255
    hole = boxed(truth.shape[:2], 30, 40, 12, 12)
    (size,) = module._sizes(Problem.create(truth, hole), 7, 1, None, None)
    canvas = module._Canvas(size, seed=1)
    canvas.begin(None)
    canvas.search(2)
    y, x = 36, 45
    image = canvas.filled.image() / 512  # levels are whole numbers of 1 / 512
    rows, columns = np.mgrid[:80, :90]
    depth = np.minimum(np.minimum(rows - 29, 42 - rows), np.minimum(columns - 39, 52 - columns)).clip(0)
    distances, depths, colours = [], [], []
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            anchor = y + dy - canvas.nnf.corner[0], x + dx - canvas.nnf.corner[1]
            assert canvas.nnf.targets[anchor] == ((y + dy + x + dx) % 2 == 0)
            if not canvas.nnf.targets[anchor]:
                continue
            row, column = divmod(canvas.nnf.place[anchor][0], canvas.filled.stride)
            assert not hole[row - 3 : row + 4, column - 3 : column + 4].any()
            distances.append(canvas.nnf.distance[anchor][0] / 512**2)
            depths.append(depth[y + dy, x + dx])
            colours.append(image[row - dy, column - dx])
            patch = image[y + dy - 3 : y + dy + 4, x + dx - 3 : x + dx + 4]
            source = image[row - 3 : row + 4, column - 3 : column + 4]
            assert distances[-1] == pytest.approx(((patch - source) ** 2).sum() / 49, rel=1e-5)
    sigma2 = np.sort(distances)[(3 * len(distances)) // 4] / 4
    weight = 1.3 ** -np.array(depths) * np.exp(-np.array(distances) / (2 * sigma2))
    only = np.zeros_like(canvas.hole)
    only[y - canvas.nnf.corner[0], x - canvas.nnf.corner[1]] = True
    best = np.argmin(distances)
    for best_only in (True, False):
        canvas._vote(only, best_only)
        copied = image.reshape(-1, 5)[canvas.origin[only][0]]
        assert copied == pytest.approx(colours[best])
    voted = canvas.filled.image()[y, x] / 512
    assert voted == pytest.approx(weight @ np.array(colours) / weight.sum(), abs=0.75 / 512)


def test_it_copies_from_where_it_may(periodic):
    truth = skimage.data.gravel()[:240, :240]
    hole = boxed(truth.shape, 90, 90, 40, 40)
    allowed = boxed(truth.shape, 170, 20, 60, 200)
    _, info = inpaint(hidden(truth, hole), hole, "patchmatch", source=allowed, return_info=True)
    moved = info.regions[0].facts["shifts"]
    y, x = np.nonzero(hole)
    assert allowed[y + moved[hole][:, 0], x + moved[hole][:, 1]].all()
    with pytest.raises(
        ContextError, match=r"no patch of 7 x 7 pixels has a quarter that may be copied \(the best has 9"
    ):
        inpaint(truth, hole, "patchmatch", source=boxed(truth.shape, 5, 5, 3, 3))


def test_a_far_source_is_found_outside_the_crop():
    """The hole's own neighbourhood is dark; what may be copied lies far off."""
    truth = np.full((900, 900), 40, np.uint8)
    truth[800:, 800:] = 200
    hole = boxed(truth.shape, 100, 100, 12, 12)
    filled = inpaint(truth, hole, "patchmatch", source=truth == 200)
    assert filled[105, 105] > 150


def test_a_guide_says_what_continues_into_what():
    """A hole amid flat grey, with a dark band on one side and a bright one on the other, neither touching it."""
    truth = np.full((120, 160), 128, np.uint8)
    truth[:, 10:40], truth[:, 120:150] = 60, 190
    hole = boxed(truth.shape, 40, 60, 40, 40)
    guide = np.zeros(truth.shape, int)
    guide[:, 15:35] = 3
    guide[50:70, 70:90] = 3
    plain = inpaint(truth, hole, "patchmatch")
    guided = inpaint(truth, hole, "patchmatch", guide=guide)
    assert np.abs(plain[hole].astype(int) - 128).max() <= 1
    assert guided[55:65, 75:85].mean() < 80
    assert np.abs(guided[hole & (guide == 0)].mean() - 128) < 30
    other = np.zeros_like(guide)
    other[:, 125:145] = 7
    other[50:70, 70:90] = 7
    assert inpaint(truth, hole, "patchmatch", guide=other)[55:65, 75:85].mean() > 170
    guide[:, 15:35] = 0
    with pytest.raises(ValueError, match="guide's label 1 marks pixels of the hole, but no pixel that could be copied"):
        inpaint(truth, hole, "patchmatch", guide=guide)
    with pytest.raises(ValueError, match=r"patchmatch's option guide is \(3, 3\), image is \(120, 160\)"):
        inpaint(truth, hole, "patchmatch", guide=np.zeros((3, 3), int))


def test_labels_are_whole_numbers_or_colours():
    colours = np.zeros((4, 5, 3), np.uint8)
    colours[0], colours[1, :2] = (255, 0, 0), (0, 0, 255)
    labels = PictureLabels.of_option(colours).pixels
    assert labels[0].tolist() == [2] * 5
    assert labels[1].tolist() == [1, 1, 0, 0, 0]
    clear = np.dstack([colours, np.full((4, 5), 255, np.uint8)])
    clear[0, 0, 3] = 0
    assert PictureLabels.of_option(clear).pixels[0].tolist() == [0, 2, 2, 2, 2]
    assert PictureLabels.of_option(np.array([[0, 70000], [5, 5]])).pixels.tolist() == [[0, 2], [1, 1]]
    assert PictureLabels.of_option(np.eye(2, dtype=bool)).pixels.tolist() == [[1, 0], [0, 1]]
    for wrong, message in (
        (np.zeros((2, 2)), "expected whole numbers"),
        (np.array([[-1, 0]]), "lowest value is -1: labels are 0"),
        (np.arange(400).reshape(20, 20), "has 399 different labels, more than 254"),
        (np.zeros((2, 2, 2), np.uint8), "expected whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            PictureLabels.of_option(wrong)
    assert repr(PictureLabels.of_option(colours)) == "PictureLabels(4 x 5, 2 labels)"


def test_a_riddled_picture_is_filled_from_partial_patches():
    truth = skimage.data.coffee()[150:250, 200:320]
    hole = drop(truth.shape[:2], share=0.5, seed=4)
    filled = inpaint(hidden(truth, hole), hole, "patchmatch")
    error = np.mean((filled[hole] - truth[hole].astype(float)) ** 2)
    assert error < 0.15 * truth[hole].astype(float).var()
    sparse = drop(truth.shape[:2], share=0.97, seed=4)
    with pytest.raises(ContextError, match="has a quarter that may be copied"), pytest.warns(match="hides 97"):
        inpaint(truth, sparse, "patchmatch")


def test_a_patch_larger_than_the_picture_lacks_context():
    truth = skimage.data.camera()[:20, :30]
    with pytest.raises(
        ContextError, match=r"patch of 31 x 31 pixels is larger than the crop of 20 x 30.*fallback=True"
    ):
        inpaint(truth, boxed(truth.shape, 8, 8, 4, 4), "patchmatch", patch=31)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 8}, "patch is 8: expected an odd number"),
        ({"patch": 53}, "patch is 53"),
        ({"levels": 0}, "levels is 0: expected 1 to 12"),
        ({"iterations": 0}, "iterations is 0: expected 1 to 100"),
        ({"completeness": 1.5}, "completeness is 1.5: expected 0 to 1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    truth = skimage.data.camera()[:60, :60]
    with pytest.raises(ValueError, match=message):
        inpaint(truth, boxed(truth.shape, 20, 20, 9, 9), "patchmatch", **options)


def test_variants_are_different_and_each_is_texture():
    truth = skimage.data.gravel()[:256, :256]
    hole = boxed(truth.shape, 80, 80, 90, 90)
    fills = variants(hidden(truth, hole), hole, "patchmatch", n=4)
    values = [fill[hole].astype(float) for fill in fills]
    for i in range(4):
        for j in range(i):
            assert np.sqrt(np.mean((values[i] - values[j]) ** 2)) > 5

    def energy(picture: np.ndarray) -> float:
        return float(np.mean(np.diff(picture[80:170, 80:170].astype(float), axis=1) ** 2))

    for fill in fills:
        assert energy(fill) == pytest.approx(energy(truth), rel=0.25)


def test_completeness_brings_the_surroundings_variety_into_the_fill():
    truth = skimage.data.coffee()[:280, 300:580]
    hole = boxed(truth.shape[:2], 100, 100, 80, 80)
    ring = boxed(truth.shape[:2], 60, 60, 160, 160) & ~hole

    def missing(fill: np.ndarray) -> float:
        """Mean distance from the surroundings' patches to the nearest of the fill's."""
        inner = fill[100:180, 100:180]
        field = module.nearest_neighbours(fill[60:220, 60:220], inner, iterations=8, known_a=ring[60:220, 60:220])
        return float(field.distance[np.isfinite(field.distance)].mean())

    plain, complete = (inpaint(truth, hole, "patchmatch", completeness=share) for share in (0.0, 0.8))
    assert missing(complete) < 0.95 * missing(plain)


def test_flat_seams_fade_over_the_hole_by_hand():
    """0 | 10 10 10 | 20 thousandths: every one of the four pairs takes a quarter of the mismatch."""
    line = np.array([[1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 2, 2]], np.float32)[..., None] * 1e-3
    hole = np.zeros((1, 12), bool)
    hole[0, 7:10] = True
    origin = np.array([1, 2, 3], np.int32)
    result = blended(Problem.create(line, hole), line.copy(), origin)
    assert result[0, 7:10, 0] == pytest.approx([0.5e-3, 1e-3, 1.5e-3], abs=2e-6)
    assert shifts(hole, origin)[0, 7:10].tolist() == [[0, -6]] * 3


def test_an_edge_beside_flat_surroundings_is_no_seam_to_blend():
    picture = np.full((40, 60, 1), 0.2, np.float32)
    picture[:, :15] = 0.8
    hole = boxed((40, 60), 10, 30, 20, 20)
    problem = Problem.create(picture, hole)
    filled = np.where(hole[..., None], np.float32(0.8), picture)
    at = np.flatnonzero(hole)
    result = blended(problem, filled.copy(), (at - 28).astype(np.int32) // 60 * 60 + 5)
    assert np.abs(result - filled).max() < 0.02


def test_confidence_ranks_errors():
    """0.3 on the mean over text, scratches and a box; alone a large hole in texture falls short of it."""
    ranks = []
    for truth in (skimage.data.astronaut()[:256, 128:384], skimage.data.rocket()[100:356, 200:456]):
        shape = truth.shape[:2]
        for hole in (damage.text(shape, size=24, share=0.15, seed=1), boxed(shape, 100, 100, 70, 70)):
            filled, info = inpaint(hidden(truth, hole), hole, "patchmatch", return_info=True)
            assert (info.confidence[~hole] == 1).all()
            assert info.confidence.min() > 0
            assert info.confidence[hole].max() <= 1
            error = np.abs(filled[hole].astype(float) - truth[hole]).mean(axis=1)
            ranks.append(spearmanr(-info.confidence[hole], error)[0])
    assert np.mean(ranks) > 0.3


def test_a_large_picture_is_not_read_for_a_small_hole():
    truth = np.tile(skimage.data.grass(), (4, 4))
    hole = boxed(truth.shape, 900, 1000, 60, 60)
    _, info = inpaint(truth, hole, "patchmatch", return_info=True)
    (region,) = info.regions
    assert region.box == (1000 - 64 - 60, 900 - 64 - 60, 308, 308)
    assert region.facts["shifts"].shape == (308, 308, 2)
    diagonal = np.eye(2048, dtype=bool)
    _, info = inpaint(truth, diagonal, "patchmatch", return_info=True)
    assert max(region.box[2] * region.box[3] for region in info.regions) < 500**2


def test_progress_never_falls_and_ends():
    truth = skimage.data.brick()[:256, :256]
    steps = []
    inpaint(
        truth,
        boxed(truth.shape, 90, 90, 70, 60),
        "patchmatch",
        progress=lambda step: steps.append(step.done / step.total),
    )
    assert len(steps) > 4
    assert (np.diff(steps) >= 0).all()
    assert steps[-1] == 1


def test_masks_as_options_are_cut_to_the_crop():
    truth = skimage.data.brick()[:300, :300]
    hole = boxed(truth.shape, 10, 10, 9, 9) | boxed(truth.shape, 270, 270, 9, 9)
    allowed = PictureMask(boxed(truth.shape, 100, 100, 150, 150))
    _, info = inpaint(truth, hole, "patchmatch", source=allowed, return_info=True)
    assert [region.box for region in info.regions] == [(0, 0, 300, 300)] * 2

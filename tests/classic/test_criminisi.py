"""Exemplar-based filling: priorities by the formula, the exact search, textures, where it may copy from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from conftest import boxed
from inpaintkit import ContextError, inpaint
from inpaintkit.classic import criminisi as module
from inpaintkit.problem import Problem


@pytest.fixture
def coffee() -> Problem:
    picture = skimage.data.coffee()[120:180, 230:300].astype(np.float32) / 255
    return Problem.create(picture, boxed(picture.shape[:2], 20, 25, 21, 17))


def slopes(grey: np.ndarray, filled: np.ndarray, axis: int) -> np.ndarray:
    """Central differences among filled pixels, one-sided beside others: nan-aware numpy."""
    values = np.where(filled, grey, np.nan)
    pad = [(1, 1) if a == axis else (0, 0) for a in (0, 1)]
    padded = np.pad(values, pad, constant_values=np.nan)
    before, after = (np.take(padded, np.arange(n, n + grey.shape[axis]), axis) for n in (0, 2))
    both = (after - before) / 2
    return np.where(np.isnan(both), np.nan_to_num(np.where(np.isnan(after), values - before, after - values)), both)


def priority(front: module._Front, y: int, x: int) -> float:
    """C(p) D(p), written out."""
    half = front.side // 2
    patch = np.s_[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
    confidence = np.where(front.filled, front.confidence, 0)[patch].mean()
    steep = np.stack([slopes(front.grey, front.filled, axis)[patch][front.filled[patch]] for axis in (0, 1)])
    gy, gx = steep[:, np.argmax((steep**2).sum(axis=0))]
    mask = front.filled.astype(np.float64)
    ny = cv2.Sobel(mask, cv2.CV_64F, 0, 1, borderType=cv2.BORDER_REPLICATE)[y, x]
    nx = cv2.Sobel(mask, cv2.CV_64F, 1, 0, borderType=cv2.BORDER_REPLICATE)[y, x]
    normal = np.array([ny, nx]) / max(np.hypot(ny, nx), 1e-12)
    return float(confidence * abs(normal @ np.array([-gx, gy])))


def test_priorities_follow_the_formula_before_and_after_a_patch(coffee):
    front = module._Front(coffee, 9, None, None)
    for _ in range(4):
        current = {p: (-value, -sure) for value, sure, p, number in front.heap if front.latest[p] == number}
        border = cv2.dilate(front.filled.view(np.uint8), np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)) > 0
        assert set(current) == set(np.flatnonzero(border & ~front.filled).tolist())
        for p, (value, _) in current.items():
            assert value == pytest.approx(priority(front, *divmod(p, 70)), rel=1e-4, abs=1e-7)
        p = front.first()
        assert current[p][0] == max(value for value, _ in current.values())
        (y, x), before = divmod(p, 70), front.filled.copy()
        assert front.copy(p, front.search(p)) == np.count_nonzero(front.filled & ~before)
        new = front.filled & ~before
        assert front.confidence[new] == pytest.approx(current[p][1])
        assert np.abs(np.argwhere(new) - (y, x)).max() <= 4


def test_a_line_that_meets_the_hole_is_carried_on_first():
    """A bright row through flat grey: the first patches stand where it enters, left and right, and it is made whole."""
    picture = np.full((50, 60, 1), 0.4, np.float32)
    picture[24:26] = 0.9
    hole = boxed((50, 60), 12, 20, 25, 20)
    front = module._Front(Problem.create(picture, hole), 9, None, None)
    places = []
    for _ in range(2):
        places.append(divmod(front.first(), 60))
        front.copy(places[-1][0] * 60 + places[-1][1], front.search(places[-1][0] * 60 + places[-1][1]))
    assert all(abs(y - 24.5) < 6 for y, _ in places), places  # the patch sees the line's edges
    assert places[0][1] in (20, 39)
    assert np.array_equal(module.criminisi(Problem.create(picture, hole)), picture)


@pytest.mark.parametrize("window", [None, 40])
@pytest.mark.parametrize("side", [7, 9])
@pytest.mark.parametrize("name", ["coffee", "camera"])
def test_the_search_is_exact(name, side, window, monkeypatch):
    """Beside all sources in numpy, over the filled pixels alone; wider than a block, in more than one tile."""
    monkeypatch.setattr(module, "_TILE", 3000)
    picture = np.atleast_3d(getattr(skimage.data, name)()[120:170, 30:330]).astype(np.float32) / 255
    hole = boxed((50, 300), 15, 140, 20, 23)
    front = module._Front(Problem.create(picture, hole), side, window, None)
    colours = picture.shape[2] == 3  # they take the middle half of Lab's range
    lab = 2 * cv2.cvtColor(picture / 2 + np.float32(0.25), cv2.COLOR_RGB2LAB) if colours else picture * 100
    half = side // 2
    windows = np.lib.stride_tricks.sliding_window_view(lab, (side, side), (0, 1)).transpose(0, 1, 3, 4, 2)
    barred = np.lib.stride_tricks.sliding_window_view(hole, (side, side)).any(axis=(2, 3))
    rows, columns = np.mgrid[half : 50 - half, half : 300 - half]
    for _ in range(8):
        p = front.first()
        y, x = divmod(p, 300)
        here = np.s_[y - half : y + half + 1, x - half : x + half + 1]
        target, filled = np.moveaxis(front.lab, 0, -1)[here], front.filled[here][..., None]
        distance = ((windows - target) ** 2 * filled).sum(axis=(2, 3, 4), dtype=float)
        far = np.maximum(np.abs(rows - y), np.abs(columns - x)) > (window or 300)
        distance[barred | far] = np.inf
        found = front.search(p)
        at = found // 300 - half, found % 300 - half
        assert distance[at] <= distance.min() * (1 + 1e-5)  # sums of another order and precision
        front.copy(p, found)


def test_of_equal_sources_the_first_is_taken():
    tile = np.random.default_rng(5).integers(0, 256, (8, 10, 3)) / 255
    front = module._Front(Problem.create(np.tile(tile, (8, 20, 1)), boxed((64, 200), 20, 80, 16, 20)), 9, None, None)
    for _ in range(5):
        p = front.first()
        (y, x), found = divmod(p, 200), front.search(p)
        assert divmod(found, 200) == ((y - 4) % 8 + 4, (x - 4) % 10 + 4)
        front.copy(p, found)


def test_a_periodic_texture_is_continued_and_the_shifts_say_from_where():
    tile = np.random.default_rng(3).integers(0, 256, (8, 10, 3))
    truth = np.tile(tile, (10, 9, 1)).astype(np.uint8)
    hole = boxed(truth.shape[:2], 25, 30, 30, 28)
    filled, info = inpaint(np.where(hole[..., None], np.uint8(0), truth), hole, "criminisi", return_info=True)
    assert np.array_equal(filled, truth)
    shifts = info.regions[0].facts["shifts"]
    y, x = np.nonzero(hole)
    moved = shifts[hole]
    assert np.array_equal(filled[y, x], truth[y + moved[:, 0], x + moved[:, 1]])
    assert (shifts[~hole] == 0).all()
    assert 1 < info.regions[0].facts["patches"] < 200


def test_it_copies_from_where_it_may():
    truth = skimage.data.gravel()[:200, :200]
    hole = boxed(truth.shape, 80, 80, 30, 30)
    allowed = boxed(truth.shape, 20, 10, 40, 180)
    _, info = inpaint(truth, hole, "criminisi", source=allowed, return_info=True)
    y, x = np.nonzero(hole)
    moved = info.regions[0].facts["shifts"][hole]
    assert allowed[y + moved[:, 0], x + moved[:, 1]].all()
    _, info = inpaint(truth, hole, "criminisi", window=30, return_info=True)
    assert np.abs(info.regions[0].facts["shifts"]).max() <= 30
    assert info.regions[0].box == (80 - 39, 80 - 39, 108, 108)


def test_grey_stands_for_lightness_and_alpha_beside_it():
    ramp = np.linspace(0, 1, 5, dtype=np.float32).reshape(1, 5, 1)
    assert module._lab(ramp, alpha=False)[0, 0] == pytest.approx([0, 25, 50, 75, 100])
    both = module._lab(np.concatenate([ramp, 1 - ramp], axis=2), alpha=True)
    assert both[1, 0] == pytest.approx([100, 75, 50, 25, 0])
    black, white = (module._lab(np.full((1, 1, 4), level, np.float32), alpha=True)[:, 0, 0] for level in (0, 1))
    assert white - black == pytest.approx([100, 0, 0, 100], abs=2)
    bands = module._lab(np.full((1, 1, 4), 0.5, np.float32), alpha=False)
    assert bands[:, 0, 0] == pytest.approx([50] * 4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"patch": 8}, ValueError, "patch is 8: expected an odd number"),
        ({"window": 0}, ValueError, "window is 0: expected 1 or more"),
        ({"patch": 51}, ContextError, "patch of 51 x 51 pixels is larger than the crop of 40 x 50"),
        ({"patch": 31}, ContextError, "no patch of 31 x 31 known pixels.*largest known square is 17 pixels wide"),
        ({"window": 5}, ContextError, r"within window=5, the nearest is \d+ pixels away"),
    ],
)
def test_what_cannot_be_filled_is_an_error(options, error, message):
    picture = skimage.data.camera()[:40, :50]
    with pytest.raises(error, match=message):
        inpaint(picture, boxed(picture.shape, 12, 18, 16, 20), "criminisi", **options)


def test_a_hole_behind_void_is_out_of_reach():
    problem = Problem.create(np.zeros((30, 30, 1)), boxed((30, 30), 20, 20, 4, 4), boxed((30, 30), 0, 0, 12, 12))
    with pytest.raises(ContextError, match=r"16 hole pixels touch no known one.*fallback"):
        module.criminisi(problem)

"""Transport: the flow at one pixel, its end beside the published loop's, edges that continue, and odd options."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from inpaintkit import ContextError, damage, inpaint
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.classic.transport import _Flow, _from_spherical, _levels, _to_spherical, _weights, transport
from inpaintkit.problem import Problem


def difference(values: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """values(y + dy, x + dx) - values(y, x), with the picture's edge repeated."""
    padded = np.pad(values, 1, mode="edge")
    return padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx] - values


def published(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """beta |grad I| and kappa |grad I| of a grey picture, section D by section D of the paper, in float64."""
    xf, xb, yf, yb = (s * difference(values, dy, dx) for s, dy, dx in ((1, 0, 1), (-1, 0, -1), (1, 1, 0), (-1, -1, 0)))
    laplacian = xf - xb + yf - yb
    dl_x = difference(laplacian, 0, 1) - difference(laplacian, 0, -1)
    dl_y = difference(laplacian, 1, 0) - difference(laplacian, -1, 0)
    ix, iy = (xf + xb) / 2, (yf + yb) / 2
    norm = np.sqrt(ix**2 + iy**2 + 1e-8)
    beta = (dl_x * -iy + dl_y * ix) / norm
    low, high = (lambda d: np.minimum(d, 0)), (lambda d: np.maximum(d, 0))
    rising = np.sqrt(low(xb) ** 2 + high(xf) ** 2 + low(yb) ** 2 + high(yf) ** 2)
    falling = np.sqrt(high(xb) ** 2 + low(xf) ** 2 + high(yb) ** 2 + low(yf) ** 2)
    ixy = (difference(values, 1, 1) + difference(values, -1, -1)) / 4
    ixy -= (difference(values, 1, -1) + difference(values, -1, 1)) / 4
    curve = ((xf - xb) * iy**2 - 2 * ixy * ix * iy + (yf - yb) * ix**2) / norm**2
    return beta * np.where(beta > 0, rising, falling), curve


def problem_of(values: np.ndarray, hole: np.ndarray) -> Problem:
    return Problem.create(values[..., None].astype(np.float32), hole)


def flow_over(values: np.ndarray, hole: np.ndarray) -> _Flow:
    canvas = np.pad(values.astype(np.float32)[..., None], ((2, 2), (2, 2), (0, 0)))
    return _Flow(canvas, hole, np.ones_like(hole))


@pytest.mark.parametrize(("transport_steps", "diffusion_steps"), [(1, 0), (0, 1), (15, 2)])
def test_one_step_at_one_pixel_is_the_papers_flow_times_its_pace(transport_steps, diffusion_steps):
    rng = np.random.default_rng(1)
    a, b = np.array([transport_steps, diffusion_steps]) / (transport_steps + diffusion_steps)
    for _ in range(8):
        values = rng.random((9, 9)) * 0.2 + 0.4
        hole = np.zeros((9, 9), bool)
        hole[4, 4] = True
        flow = flow_over(values, hole)
        flow.bounds[0] = [[-9], [9]]
        flow.advance(_weights(transport_steps, diffusion_steps), 0, 1)
        carried, curve = (term[4, 4] for term in published(values))
        one_sided = [values[4, 4] - values[p] for p in ((3, 4), (5, 4), (4, 3), (4, 5))]
        laplacian = cv2.filter2D(values, -1, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0.0]]))
        ix, iy = (values[4, 5] - values[4, 3]) / 2, (values[5, 4] - values[3, 4]) / 2
        beta = (laplacian[5, 4] - laplacian[3, 4]) * ix - (laplacian[4, 5] - laplacian[4, 3]) * iy
        beta /= np.hypot(ix, iy)
        pace = 0.1 / (b + a * abs(beta) + 5 * a**2 * np.square(one_sided).sum())
        step = flow.canvas[6, 6, 0] - values[4, 4]
        assert step == pytest.approx(pace * (a * carried + b * curve), rel=1e-3, abs=1e-6)


def test_a_step_moves_every_value_of_a_hole_and_no_other():
    """Three channels in runs of 1 to 9 pixels, which eights of values do not fit, and a hole of its own beside them."""
    rng = np.random.default_rng(2)
    values = rng.random((20, 24, 3)) * 0.2 + 0.4
    hole = np.zeros((20, 24), bool)
    for row, length in enumerate((1, 2, 3, 5, 6, 9)):
        hole[row + 4, 5 : 5 + length] = True
    hole[4:10, 18] = True
    canvas = np.pad(values.astype(np.float32), ((2, 2), (2, 2), (0, 0)))
    flow = _Flow(canvas, hole, np.ones_like(hole))
    assert len(flow.moving) == 2
    flow.bounds[:] = np.array([-9, 9])[:, None]
    flow.advance(_weights(15, 2), 0, 1)
    moved = (flow.canvas - canvas)[2:-2, 2:-2]
    assert not moved[~hole].any()
    a, b = 15 / 17, 2 / 17
    for channel in range(3):
        x = values[..., channel]
        carried, curve = published(x)
        xf, xb, yf, yb = (difference(x, dy, dx) for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)))
        laplacian = xf + xb + yf + yb
        across = difference(laplacian, 0, 1) - difference(laplacian, 0, -1)
        down = difference(laplacian, 1, 0) - difference(laplacian, -1, 0)
        ix, iy = (xf - xb) / 2, (yf - yb) / 2
        beta = (down * ix - across * iy) / np.sqrt(ix**2 + iy**2 + 1e-8)
        pace = 0.1 / (b + a * np.abs(beta) + 5 * a**2 * (xf**2 + xb**2 + yf**2 + yb**2))
        expected = pace * (a * carried + b * curve)
        assert moved[..., channel][hole] == pytest.approx(expected[hole], rel=1e-3, abs=1e-6)


def test_the_slope_of_a_corner_is_limited_by_hand():
    """I = 1 right of and below the pixel, 0 elsewhere: xf = yf = 1 and xb = yb = 0, so |grad I| = sqrt(2) or 0."""
    values = np.zeros((7, 7))
    values[3, 4:] = values[4:, 3] = 1
    values[2, 5] = 0.5  # L(4, 3) rises by 0.5 to the right and above: dL has a part along the isophote
    carried, _ = published(values)
    padded = cv2.filter2D(values, -1, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0.0]]))
    d_x, d_y = padded[3, 4] - padded[3, 2], padded[4, 3] - padded[2, 3]
    beta = (-d_x + d_y) * 0.5 / np.sqrt(0.5)
    assert carried[3, 3] == pytest.approx(beta * np.sqrt(2) if beta > 0 else 0, abs=1e-6)


def arc(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A smooth bent edge of moderate contrast and a band across it."""
    y, x = np.mgrid[:side, :side]
    values = 0.5 + 0.2 * np.tanh((np.hypot(y + 20, x - 8) - 38) / 2) + 0.002 * x
    hole = np.zeros((side, side), bool)
    hole[4:-4, side // 2 - 3 : side // 2 + 3] = True
    return values, hole


def test_the_end_is_that_of_the_published_loop():
    """15 transport steps, 2 diffusion steps, dt = 0.1 everywhere, until nothing changes, in numpy."""
    values, hole = arc(30)
    ours = transport(problem_of(values, hole), presmooth=0, tolerance=1e-7, max_steps=4000)[..., 0]
    theirs = np.where(hole, values[~hole].mean(), values)
    start = transport(problem_of(values, hole), presmooth=0, max_steps=1)[..., 0]
    theirs[hole] = start[hole]
    for _ in range(250):
        for step in range(17):
            terms = published(theirs)
            theirs[hole] += 0.1 * terms[0 if step < 15 else 1][hole]
    moved = np.abs(theirs - start)[hole].mean()
    assert moved > 0.01
    assert np.abs(ours - theirs)[hole].mean() < 0.02 * moved


@pytest.mark.parametrize("width", [8, 10, 12])
@pytest.mark.parametrize("angle", [0, 15, 30, 45, 60, -30])
def test_an_edge_that_arrives_at_an_angle_is_continued(width, angle):
    y, x = np.mgrid[:80, :80] - 39.5
    slope = np.radians(angle)
    edge = 0.1 + 0.8 * np.clip((np.cos(slope) * y - np.sin(slope) * x) / 1.5 + 0.5, 0, 1)
    hole = np.zeros(edge.shape, bool)
    hole[:, 40 - width // 2 : 40 + width // 2] = True
    filled = transport(problem_of(edge, hole))[..., 0]
    shift = (filled - edge)[:, hole.any(axis=0)].sum(axis=0) / 0.8  # a column's surplus is its edge's way downwards
    assert np.abs(shift).max() * np.cos(slope) < 1
    assert np.abs(filled - edge)[hole].mean() < 0.03


def test_a_ramp_continues_nearly_exactly():
    y, x = np.mgrid[:48, :48]
    ramp = 0.1 + 0.005 * x + 0.01 * y
    hole = np.zeros(ramp.shape, bool)
    hole[16:30, 8:40] = True
    filled = transport(problem_of(ramp, hole))[..., 0]
    assert np.abs(filled - ramp)[hole].max() < 0.002  # of a range of 0.7, half a grey level


def test_it_stops_when_nothing_changes_and_each_hole_by_itself():
    photo = skimage.data.camera()[100:220, 150:300]
    hole = np.zeros(photo.shape, bool)
    hole[20:22, 20:22] = hole[60:72, 60:90] = True
    _, info = inpaint(photo, hole, "transport", return_info=True)
    (facts,) = (region.facts for region in info.regions)
    assert facts["converged"]
    assert facts["residual"] <= 1e-5
    assert 10 < facts["iterations"] < 1000
    _, short = inpaint(photo, hole, "transport", max_steps=3, return_info=True)
    assert short.regions[0].facts["iterations"] == 3
    assert not short.regions[0].facts["converged"]

    flow = flow_over(photo / 255.0, hole)
    flow.advance(_weights(15, 2), 1e-5, 1000)
    assert len(flow.steps) == 2
    assert flow.steps[0] < flow.steps[1]


def test_a_thin_hole_needs_no_coarser_level():
    photo = skimage.data.camera()[100:220, 150:300] / 255
    thin = damage.scratches(photo.shape, number=3, seed=1)
    known = ~thin
    assert len(_levels(photo[..., None].astype(np.float32), known, thin, None)) == 1
    assert np.array_equal(transport(problem_of(photo, thin)), transport(problem_of(photo, thin), levels=1))
    thick = thin.copy()
    thick[30:80, 40:100] = True
    assert len(_levels(photo[..., None].astype(np.float32), ~thick, thick, None)) > 2
    assert not np.array_equal(transport(problem_of(photo, thick)), transport(problem_of(photo, thick), levels=1))


def test_a_hole_does_not_depend_on_others_in_its_crop():
    photo = skimage.data.astronaut()[100:180, 150:300, 1]
    hole = np.zeros(photo.shape, bool)
    hole[20:26, 20:40] = True
    both = hole.copy()
    both[29:40, 20:50] = True  # three pixels away: too far for a difference of Laplacians
    fill = transport(problem_of(photo / 255, both), levels=1, presmooth=0)
    alone = transport(problem_of(photo / 255, hole), levels=1, presmooth=0)
    apart = np.abs(fill - alone)[20:26, 20:40]
    assert apart.max() < 0.004  # one first guess relaxes until both holes have settled


def test_spherical_colours_are_lengths_and_angles_and_come_back():
    colours = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5], [0.3, 0.4, 1.2]], np.float32)
    expected = [
        [1 / np.sqrt(3), 0, 0],
        [1 / np.sqrt(3), 1, 0],
        [1 / np.sqrt(3), np.sqrt(0.5), 1],
        [0.5, np.sqrt(0.5), np.sqrt(1 / 3)],
        [1.3 / np.sqrt(3), 0.8, 1.2 / 1.3],
    ]
    assert np.allclose(_to_spherical(colours), expected, atol=1e-6)
    rng = np.random.default_rng(0)
    some = rng.random((50, 50, 4)).astype(np.float32)
    some[rng.random((50, 50, 4)) < 0.2] = 0  # black and pure colours among them
    assert np.abs(_from_spherical(_to_spherical(some)) - some).max() < 1e-4


@pytest.mark.parametrize("colour_space", ["spherical", "channels"])
def test_it_is_ahead_of_opencv(colour_space):
    gains = []
    for name in ("astronaut", "chelsea", "coffee"):
        photo = getattr(skimage.data, name)()[:240, :320]
        hole = damage.scratches(photo.shape[:2], number=8, seed=22)
        ours = hole_psnr(inpaint(photo, hole, "transport", colour_space=colour_space), photo, hole)
        gains.append(ours - hole_psnr(cv2.inpaint(photo, hole.astype(np.uint8), 5, cv2.INPAINT_NS), photo, hole))
    assert np.mean(gains) > 0


EXTREMES = [
    {"transport_steps": 10**9},
    {"diffusion_steps": 10**9},
    {"diffusion_steps": 0},
    {"transport_steps": 0},
    {"presmooth": 200},
    {"tolerance": 0.0, "max_steps": 300},
    {"tolerance": 1e300},
    {"levels": 1},
    {"levels": 10**6},
    {"max_steps": 1},
]


@pytest.mark.parametrize("options", EXTREMES, ids=str)
def test_extreme_options_stay_within_the_known_range(options):
    rng = np.random.default_rng(3)
    noise = rng.integers(20, 236, (48, 60, 3)).astype(np.uint8)
    noise[:, 30:] = np.where(noise[:, 30:] > 128, 235, 20)
    hole = damage.text((48, 60), size=18, share=0.3, seed=4)
    hole[10:36, 24:44] = True
    for picture in (noise, (noise * 1e4 - 7e5).astype(np.float32)):
        result = inpaint(picture, hole, "transport", colour_space="channels", **options)
        assert np.isfinite(result).all()
        slack = 1e-5 * np.ptp(picture)
        assert result.min() >= picture[~hole].min() - slack
        assert result.max() <= picture[~hole].max() + slack
        assert np.isfinite(inpaint(picture, hole, "transport", **options)).all()


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ({"transport_steps": -1}, "transport_steps is -1: expected 0 or more"),
        ({"diffusion_steps": -2}, "diffusion_steps is -2: expected 0 or more"),
        ({"transport_steps": 0, "diffusion_steps": 0}, "both 0"),
        ({"presmooth": -1}, "presmooth is -1"),
        ({"levels": 0}, "levels is 0: expected 1 or more, or None"),
        ({"tolerance": -1.0}, "tolerance is -1"),
        ({"max_steps": 0}, "max_steps is 0: expected 1 or more"),
    ],
)
def test_options_out_of_range_are_refused(options, needed):
    with pytest.raises(ValueError, match=needed):
        inpaint(np.zeros((8, 8), np.uint8), np.eye(8, dtype=bool), "transport", **options)


def test_corridors_are_filled_and_what_is_far_from_all_known_is_an_error():
    image = np.full((120, 120, 4), 200, np.uint8)
    image[10:110, 10:, 3] = 0
    hole = np.zeros((120, 120), bool)
    hole[60, 0:90] = True  # a corridor into the transparent part, open at its left end
    assert (inpaint(image, hole, "transport")[hole] == 200).all()
    hole[:, :80] = False
    with pytest.raises(ContextError, match="fallback"):
        inpaint(image, hole, "transport")

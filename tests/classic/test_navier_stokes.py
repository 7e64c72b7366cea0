"""Navier-Stokes: its equations beside plain numpy, straight edges at every angle, and OpenCV's quality."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import skimage.data
from scipy import ndimage

from inpaintkit import ContextError, damage, inpaint
from inpaintkit.benchmarks.metrics import hole_psnr
from inpaintkit.classic import navier_stokes as module
from inpaintkit.classic.navier_stokes import navier_stokes
from inpaintkit.problem import Problem

SIDE = 96


def fill(levels: np.ndarray, hole: np.ndarray, **options) -> np.ndarray:
    """A grey picture in grey levels, filled."""
    problem = Problem.create((levels[..., None] / 255).astype(np.float32), hole)
    return navier_stokes(problem, **options)[..., 0] * 255.0


def disc(side: int, diameter: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return y**2 + x**2 <= (diameter / 2) ** 2


def middle(side: int, width: int, axis: int) -> np.ndarray:
    hole = np.zeros((side, side), bool)
    hole[(slice(None),) * axis + (slice((side - width) // 2, (side + width) // 2),)] = True
    return hole


# --- the equations ---------------------------------------------------------------------------------------------------


def laplacian(image: np.ndarray) -> np.ndarray:
    """Five points; insulated at the picture's edge."""
    wide = np.pad(image, 1, mode="edge")
    return wide[1:-1, :-2] + wide[1:-1, 2:] + wide[:-2, 1:-1] + wide[2:, 1:-1] - 4 * image


def minmod(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(a * b <= 0, 0, np.where(np.abs(a) < np.abs(b), a, b))


def upwind(speed: np.ndarray, w: np.ndarray, axis: int) -> np.ndarray:
    a, b, c, d, e = (np.roll(w, shift, axis) for shift in (2, 1, 0, -1, -2))
    bend = minmod(d - 2 * c + b, c - 2 * b + a), minmod(d - 2 * c + b, e - 2 * d + c)
    return np.where(speed > 0, c - b + bend[0] / 2, d - c - bend[1] / 2)


def right_side(image: np.ndarray, nu: float, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """nu div(g grad w) - v . grad w away from the picture's edge, and |v_x| + |v_y|, written down from the paper."""
    w = laplacian(image)
    wy, wx = np.gradient(w)
    g = 1 / (1 + (wx**2 + wy**2) / contrast**2)
    spread = sum((g + np.roll(g, s, a)) / 2 * (np.roll(w, s, a) - w) for a in (0, 1) for s in (1, -1))
    iy, ix = np.gradient(image)
    return nu * spread - (-iy * upwind(-iy, w, 1) + ix * upwind(ix, w, 0)), np.abs(ix) + np.abs(iy)


def prepared(image: np.ndarray, hole: np.ndarray):
    """A flow over one picture, its canvas's rows, and what makes a picture of the lanes of the hole's pixels."""
    pixels = module._Pixels(hole, ~hole)
    flow = module._Flow(pixels, image.reshape(-1))
    margin, width = module._MARGIN, pixels.width

    def picture(lanes: np.ndarray) -> np.ndarray:
        flat = np.zeros((hole.shape[0] + 2 * margin) * width + module.EIGHT)
        at = pixels.eights[:, None] + np.arange(module.EIGHT)
        np.add.at(flat, at, np.where(pixels.inside > 0, lanes, 0).reshape(at.shape))
        return flat[: -module.EIGHT].reshape(-1, width)[margin:-margin, margin:-margin]

    return pixels, flow, picture


def test_a_step_is_that_of_equation_7():
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.normal(0, 60, (30, 30)), 1)
    hole = rng.random((30, 30)) < 0.5
    hole[:6], hole[-6:], hole[:, :6], hole[:, -6:] = False, False, False, False
    pixels, flow, picture = prepared(image, hole)
    plane, w, g = flow._canvas[:3]
    gain = np.zeros(len(pixels.inside), np.float32)
    module._smoothness(plane, pixels.width, pixels.wide, w)
    module._fading(w, pixels.width, pixels.wide, np.float32(0.25 / 20**2), g)
    module._gain(plane, w, g, pixels.width, pixels.eights, pixels.inside, np.float32(3), np.float32(0.1), gain)
    rate, speed = right_side(flow.plane.astype(np.float64), 3.0, 20.0)
    assert picture(gain)[hole] == pytest.approx((0.1 * rate / (speed + 12))[hole], abs=2e-5)


def test_the_poisson_equation_is_that_of_a_dense_matrix():
    rng = np.random.default_rng(1)
    hole = rng.random((14, 15)) < 0.6  # touches the picture's edge
    hole[0, 0] = False
    dense = np.stack(
        [laplacian(unit.reshape(hole.shape))[hole] for unit in np.eye(hole.size)[hole.reshape(-1)]], axis=1
    )
    pixels, flow, picture = prepared(np.zeros(hole.shape), hole)
    right, residual, product = np.zeros((3, len(pixels.inside)), np.float32)
    right[:] = np.where(pixels.inside > 0, rng.normal(0, 1, len(right)), 0)
    u, direction = flow._canvas[3:]
    width, mine = pixels.width, pixels.inside
    errors = []
    for _ in range(2):  # the second time from a solution at hand
        module._poisson(right, width, pixels.eights, mine, pixels.ghosts, u, direction, residual, product)
        solved = picture(u[pixels.eights[:, None] + np.arange(module.EIGHT)].reshape(-1))[hole]
        errors.append(np.linalg.norm(dense @ solved - picture(right)[hole]))
        right *= np.float32(1.001)
    assert max(errors) <= 0.004 * np.linalg.norm(right)
    assert np.abs(solved).max() > 0.3


def test_the_flow_comes_to_rest_where_equation_7_is_steady():
    y, x = np.mgrid[:40, :40] / 40
    image = 128 + 60 * np.sin(5 * x + 2 * y) + 40 * np.cos(4 * y * y + x)
    hole = disc(40, 14)
    filled = fill(image, hole, nu=20.0, contrast=5.0, diffusion=0, safety=1.0, cycles=5000, tolerance=1e-6)
    before, after = (
        np.abs(right_side(each, 20.0, 5.0)[0][hole]).max() for each in (np.where(hole, 128, image), filled)
    )
    assert before > 100
    assert after < 0.05  # what float32 leaves of it
    assert np.array_equal(filled[~hole], (image / 255).astype(np.float32)[~hole] * 255.0)


def test_diffusion_moves_a_pixel_by_its_second_derivative_along_the_isophote():
    patch = np.array([[3.0, 9.0, 20.0], [1.0, 8.0, 25.0], [0.0, 4.0, 11.0]])
    hole = np.zeros((3, 3), bool)
    hole[1, 1] = True
    pixels, flow, _ = prepared(patch, hole)
    shares = np.concatenate([pixels.inside > 0, np.zeros(8, bool)]).astype(np.float32)  # of the first pass alone
    flow.plane[1, 1] = 8
    at = pixels.eights
    module._diffuse(flow._canvas[0], pixels.width, at, shares, pixels.ghosts[:0], 1, 2, np.float32(0.3), np.float32(2))
    assert np.array_equal(flow.plane[~hole], patch[~hole])
    gx, gy = (25 - 1) / 2, (4 - 9) / 2
    xx, yy, xy = 25 + 1 - 16, 9 + 4 - 16, (11 + 3 - 20 - 0) / 4
    across = (
        (11 + 3 + 20 + 0) + 4 * 8 - 2 * (25 + 1 + 9 + 4)
    )  # fourth derivative, once along rows and once along columns
    square = gx**2 + gy**2
    bend = (xx * gy**2 - 2 * gx * gy * xy + yy * gx**2 + abs(gx * gy) / 2 * across) / square
    share = (square - 0.4**2) / (square + 2.0**2)
    assert flow.plane[1, 1] == pytest.approx(8 + 0.3 * bend * share)


# --- edges, ramps, junctions -----------------------------------------------------------------------------------------

ANGLES = (0, 15, 30, 45, 60, 75, 90, -45)


def edge(angle: float, dark: float = 50, light: float = 200) -> np.ndarray:
    """A straight edge near the middle, its pixels the share of light that covers them."""
    y, x = np.mgrid[: SIDE * 8, : SIDE * 8] / 8 + 1 / 16 - SIDE / 2 - np.array([0.2, 0.3])[:, None, None]
    turn = math.radians(angle)
    light_here = (y * math.cos(turn) - x * math.sin(turn) > 0).reshape(SIDE, 8, SIDE, 8).mean((1, 3))
    return dark + (light - dark) * light_here


def drift_and_width(image: np.ndarray, hole: np.ndarray, angle: float, dark: float = 50, light: float = 200):
    """Over the hole, the edge's largest distance from its line and its largest width from 10 to 90 %, in pixels."""
    turn = math.radians(angle)
    centre = SIDE / 2 - 0.5 + np.array([0.2, 0.3])
    along, across = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
    offsets = np.arange(-10, 10.01, 0.05)
    drift = width = 0.0
    for place in np.arange(-36, 36, 0.5):
        point = centre + place * along
        if not hole[tuple(np.rint(point).astype(int))]:
            continue
        samples = (point[:, None] + offsets * across[:, None]).tolist()
        profile = (ndimage.map_coordinates(image, samples, order=1) - dark) / (light - dark)
        rises = np.flatnonzero((profile[:-1] < 0.5) & (profile[1:] >= 0.5))
        rise = rises[np.abs(offsets[rises]).argmin()]
        low, high = np.flatnonzero(profile[:rise] <= 0.1)[-1], rise + np.flatnonzero(profile[rise:] >= 0.9)[0]
        drift, width = max(drift, abs(offsets[rise])), max(width, offsets[high] - offsets[low])
    return drift, width


def test_passes_of_diffusion_that_follow_one_another_closely_give_what_they_give_one_by_one():
    rng = np.random.default_rng(4)
    hole = np.zeros((60, 80), bool)
    hole[6:54, 6:74] = rng.random((48, 68)) < 0.3
    hole[8:20, 5:50] = hole[22:45, 30:34] = hole[25:27, 60:70] = True
    values = rng.random(hole.size) * 255
    planes = []
    for one_by_one in (False, True):
        pixels = module._Pixels(hole, ~hole)
        sizes = np.diff(pixels.first)
        assert pixels.lag.max() < sizes.max() / 8
        if one_by_one:
            pixels.lag = sizes
        flow = module._Flow(pixels, values)
        flow.run(6, 200.0, 500.0, 28, 0.8, 0.5, 0.0)
        planes.append(flow.plane.copy())
    assert np.array_equal(*planes)
    assert np.abs(planes[0][hole] - values.reshape(hole.shape)[hole]).mean() > 1


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("kind", ["disc", "band"])
@pytest.mark.parametrize("size", [20, 30])
def test_a_straight_edge_runs_on_at_every_angle(angle, kind, size):
    image = edge(angle)
    hole = disc(SIDE, size) if kind == "disc" else middle(SIDE, size, axis=1 if abs(angle) <= 45 else 0)
    drift, width = drift_and_width(fill(image, hole), hole, angle)
    assert drift <= 0.5
    assert width <= 4


@pytest.mark.parametrize(("dark", "light"), [(0, 255), (100, 140)])
def test_bold_and_faint_edges_run_on_too(dark, light):
    for angle in (30, 45):
        hole = disc(SIDE, 20)
        drift, width = drift_and_width(fill(edge(angle, dark, light), hole), hole, angle, dark, light)
        assert drift <= 0.5
        assert width <= 4


def test_without_diffusion_edges_smear():
    """So the edges above are the diffusion's merit, and the test of them can fail."""
    hole = disc(SIDE, 20)
    assert drift_and_width(fill(edge(30), hole, diffusion=0), hole, 30)[1] > 8


@pytest.mark.parametrize("turn", range(0, 180, 30))
def test_ramps_run_on(turn):
    y, x = np.mgrid[:48, :48]
    ramp = 128 + 1.5 * (x * math.cos(math.radians(turn)) + y * math.sin(math.radians(turn)))
    for hole in (disc(48, 24), damage.scratches((48, 48), number=2, seed=3) & (disc(48, 40))):
        assert np.abs(fill(ramp, hole) - ramp).max() <= 255e-4


def test_a_t_junction_keeps_its_bar():
    """The bar's edge crosses the hole as it came; the stem ends on it and leaks nothing beyond."""
    y, _ = np.mgrid[:SIDE, :SIDE]
    image = np.where(y < 48, 60.0, 130.0)
    image[48:, :40] = 200
    hole = disc(SIDE, 20)
    filled = fill(image, hole)
    assert np.abs(filled - 60)[hole & (y < 45)].max() < 15
    assert filled[hole & (y > 51)].min() > 115
    assert filled[56, 44:56].max() - filled[56, 44:56].min() < 85  # one step between two plateaus


# --- numerics --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", ["edge", "shading"])
def test_half_the_time_step_gives_the_same_picture(scene):
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    image = edge(30) if scene == "edge" else 128 + 60 * np.sin(5 * x + 2 * y) + 40 * np.cos(4 * y * y + x)
    hole = disc(SIDE, 20)
    assert np.abs(fill(image, hole) - fill(image, hole, safety=0.4, cycles=800)).max() <= 1


def test_a_finer_grid_gives_the_same_picture():
    def scene(side: int) -> np.ndarray:
        y, x = (np.mgrid[:side, :side] + 0.5) / side
        return 128 + 60 * np.sin(5 * x + 2 * y) + 40 * np.cos(4 * y * y + x)

    hole = np.zeros((64, 64), bool)
    hole[24:40, 22:42] = True
    coarse, fine = fill(scene(64), hole), fill(scene(128), hole.repeat(2, 0).repeat(2, 1))
    assert np.abs(fine.reshape(64, 2, 64, 2).mean((1, 3)) - coarse).max() <= 1


@pytest.mark.parametrize(
    "options",
    [
        {"nu": 0.0},
        {"nu": 0.0, "diffusion": 0, "safety": 1.0},
        {"nu": 1e308},
        {"contrast": 1e-300},
        {"contrast": 1e300},
        {"diffusion": 100},
        {"safety": 1e-300},
        {"tolerance": 0.0},
        {"cycles": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-30])
def test_every_value_of_an_option_gives_finite_colours(options, scale):
    rng = np.random.default_rng(0)
    image = rng.random((24, 24)) * 255
    hole = disc(24, 10) | (rng.random((24, 24)) < 0.2)
    filled = fill(image * scale, hole, **{"cycles": 100, **options}) / scale
    assert np.isfinite(filled).all()
    assert np.abs(filled).max() < 2000


@pytest.mark.parametrize("variant", ["pde", "opencv"])
@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("nu", -1.0, "0 or more"),
        ("contrast", 0.0, "more than 0"),
        ("diffusion", -1, "0 or more"),
        ("safety", 0.0, "more than 0 and at most 1"),
        ("safety", 1.5, "more than 0 and at most 1"),
        ("cycles", 0, "1 or more"),
        ("tolerance", -0.1, "0 or more"),
        ("radius", 0.5, "1 to 100"),
        ("radius", 101.0, "1 to 100"),
    ],
)
def test_values_out_of_range_are_refused(variant, name, value, needed):
    with pytest.raises(ValueError, match=f"option {name} is .* expected {needed}"):
        inpaint(np.zeros((8, 8), np.uint8), np.eye(8, dtype=bool), "navier_stokes", variant=variant, **{name: value})


def test_what_happened_is_reported(photo, scratch):
    steps = []
    _, info = inpaint(photo(48), scratch(48), "navier_stokes", return_info=True, progress=steps.append)
    facts = info.regions[0].facts
    assert facts["converged"]
    assert facts["residual"] <= 0.02
    assert 5 <= facts["iterations"] < 400  # of at most 400 cycles
    assert len(steps) >= 2
    _, info = inpaint(photo(48), scratch(48), "navier_stokes", return_info=True, cycles=1)
    assert info.regions[0].facts["iterations"] == 1
    assert info.regions[0].facts["residual"] > 0.02
    assert not info.regions[0].facts["converged"]


def test_grey_pictures_do_not_depend_on_the_number_of_channels(photo, scratch):
    grey = photo(64, 1)
    assert np.abs(module._TO_COLOURS @ module._TO_PLANES - np.eye(3)).max() < 1e-15
    one = inpaint(grey, scratch(64), "navier_stokes").astype(int)
    assert np.abs(inpaint(grey.repeat(3, axis=2), scratch(64), "navier_stokes") - one).max() <= 1


def test_amid_void_pixels_the_nearest_colour_does():
    image = np.full((40, 40, 4), 255, np.uint8)
    image[10:30, 10:30, 3] = 0
    hole = np.zeros((40, 40), bool)
    hole[18:22, 18:22] = True
    hole[2:4, 2:20] = True
    image[~hole, :3] = (40, 90, 200)
    assert (inpaint(image, hole, "navier_stokes")[hole] == (40, 90, 200, 255)).all()


@pytest.mark.parametrize("variant", ["pde", "opencv"])
def test_nothing_known_is_an_error_and_no_crash(variant):
    with pytest.raises(ContextError, match="fallback"):
        navier_stokes(Problem.create(np.zeros((8, 8, 1), np.float32), np.ones((8, 8), bool)), variant=variant)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_photographs_are_ahead_of_opencv(name):
    photo = getattr(skimage.data, name)()[:200, 100:350]
    hole = damage.text(photo.shape[:2], size=20, seed=1)
    ours = hole_psnr(inpaint(photo, hole, "navier_stokes"), photo, hole)
    theirs = hole_psnr(cv2.inpaint(photo, hole.astype(np.uint8), 5, cv2.INPAINT_NS), photo, hole)
    assert ours > theirs

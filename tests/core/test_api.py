"""The door: what Info tells, dilation, feathering, threads, progress, variants, errors."""

from __future__ import annotations

import logging

import numba
import numpy as np
import pytest
import skimage.data
from PIL import Image

import inpaintkit
from inpaintkit import ContextError, InpaintWarning, compositing, damage, inpaint, kernels, variants
from inpaintkit.benchmarks.protocols import drop
from inpaintkit.problem import Problem, Step

INTEGERS = [f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)]


@pytest.fixture(scope="module")
def cat():
    return skimage.data.chelsea()[:200, :200]


@pytest.fixture(scope="module")
def words():
    return damage.text((200, 200), size=20, seed=1)


def test_info_tells_what_was_done(cat, words):
    result, info = inpaint(cat, words, "fsr", return_info=True, rho=0.75, seed=7, threads=1)
    assert np.array_equal(result, inpaint(cat, words, "fsr", rho=0.75))
    assert (info.method, info.seed, info.threads, info.device) == ("fsr", 7, 1, "auto")
    assert info.pixels == np.count_nonzero(words) == sum(region.pixels for region in info.regions)
    assert all(region.options == region.options | {"rho": 0.75} for region in info.regions)
    assert 0 < sum(region.seconds for region in info.regions) <= info.seconds
    assert {"inpaintkit", "numpy", "numba"} <= set(info.versions)
    assert str(info).startswith(f"fsr: {info.pixels} px in {len(info.regions)} regions")
    assert info.confidence is None


def test_inverted_masks(cat, words):
    assert np.array_equal(inpaint(cat, ~words, invert_mask=True), inpaint(cat, words))
    with pytest.warns(InpaintWarning, match=r"hides \d+% .* invert_mask=True"):
        inpaint(cat, ~words)


def test_dilation_grows_the_hole_by_a_disc(cat):
    hole = np.zeros((200, 200), bool)
    hole[50, 60] = True
    _, info = inpaint(cat, hole, dilate=2, return_info=True)
    assert info.pixels == 13  # pixels at most 2 from the centre
    halo = cat.copy()
    halo[48:53, 58:63] = 255
    assert np.abs(inpaint(halo, hole, dilate=4)[48:53, 58:63].astype(int) - cat[48:53, 58:63]).max() < 60


def test_feathering_blends_inside_the_hole_only():
    image = np.full((40, 40), 100, np.uint8)
    hole = np.zeros((40, 40), bool)
    hole[10:30, 10:30] = True
    image[hole] = 160
    result = inpaint(image, hole, feather=3)
    assert (result[~hole] == 100).all()
    assert result[20, 10:15].tolist() == [145, 130, 115, 100, 100]  # depth 1, 2, 3 of 4: the damage fades out


def test_a_hole_full_of_nan_is_filled():
    image = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    hole = np.zeros((20, 20), bool)
    hole[5:8, 5:8] = True
    image[hole] = np.nan
    for feather in (0, 2):
        assert np.isfinite(inpaint(image, hole, feather=feather)).all()


def test_fractional_ordinary_floats_stay_within_their_range():
    rng = np.random.default_rng(0)
    image = (rng.random((60, 60, 3)) > 0.5).astype(np.float64)
    result = inpaint(image, drop((60, 60), 0, share=0.3))
    assert result.min() >= 0
    assert result.max() <= 1


def test_progress_is_monotone_and_ends_at_the_total(cat, words):
    steps: list[Step] = []
    inpaint(cat, words, progress=steps.append)
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert steps[-1].done == steps[-1].total == np.count_nonzero(words)


def test_progress_inside_a_region_counts_by_its_pixels(toy, cat, words):
    def halfway(problem: Problem) -> np.ndarray:
        problem.report(Step(1, 2, loss=0.5, remark="half"))
        return problem.image

    steps: list[Step] = []
    inpaint(cat, words, toy(halfway, scope="picture"), progress=steps.append)
    total = np.count_nonzero(words)
    assert steps == [Step(total / 2, total, 0.5, "half"), Step(total, total)]


def test_notes_and_confidence_reach_info(toy, cat):
    def noting(problem: Problem) -> np.ndarray:
        problem.note(iterations=3, converged=True, confidence=np.full(problem.hole.shape, 0.25, np.float32))
        return problem.image

    hole = two_far_apart()
    _, info = inpaint(np.zeros(hole.shape, np.uint8), hole, toy(noting), return_info=True)
    assert [region.facts for region in info.regions] == [{"iterations": 3, "converged": True}] * 2
    assert np.array_equal(info.confidence == 0.25, hole)
    assert (info.confidence[~hole] == 1).all()


def test_variants_differ_by_seed_and_deterministic_methods_have_none(toy, cat, words):
    def noise(problem: Problem, *, spread: float = 0.1) -> np.ndarray:
        return problem.image + problem.rng().normal(0, spread, problem.image.shape).astype(np.float32)

    name = toy(noise, stochastic=True)
    fills = variants(cat, words, name, n=3, seed=5, spread=0.2)
    assert len(fills) == 3
    assert not np.array_equal(fills[0], fills[1])
    assert np.array_equal(fills[1], inpaint(cat, words, name, seed=6, spread=0.2))
    with pytest.raises(ValueError, match=r"telea gives the same fill for every seed.*choose one of patchmatch, .*toy"):
        variants(cat, words, "telea")
    with pytest.raises(ValueError, match="n is 0"):
        variants(cat, words, name, n=0)


def two_far_apart() -> np.ndarray:
    """A hole of two regions that share no crop."""
    hole = np.zeros((600, 40), bool)
    hole[20:22, 20:22] = hole[550:552, 20:22] = True
    return hole


def test_every_region_has_its_own_generator(toy):
    def draw(problem: Problem) -> np.ndarray:
        return np.full_like(problem.image, problem.rng(3).random())

    hole = two_far_apart()
    image = np.zeros(hole.shape, np.float32)
    name = toy(draw, stochastic=True)
    one, two = (inpaint(image, hole, name, threads=count) for count in (1, 2))
    assert np.array_equal(one, two)
    assert one[20, 20] != one[550, 20]


def test_context_errors_name_the_region_and_the_way_out(toy, cat, words):
    with pytest.raises(ContextError, match=r"toy needs 100000 known pixels.* rows \d+ to \d+.* fallback=True"):
        inpaint(cat, words, toy(lambda problem: problem.image, min_known=100_000))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "tela"}, "no method 'tela': choose one of auto, telea"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"device": "gpu"}, "device is 'gpu': choose one of auto, cpu, cuda, mps"),
        ({"threads": 0}, "threads is 0"),
        ({"dilate": -1}, "dilate is -1"),
        ({"dilate": 1.5}, "dilate is 1.5"),
        ({"feather": -1}, "feather is -1"),
        ({"feather": float("nan")}, "feather is nan"),
        ({"method": "telea", "variant": "fast"}, "'damped' or 'paper' or 'opencv'"),
        ({"method": "telea", "radius": "wide"}, "radius is 'wide': expected a finite number"),
        ({"method": "telea", "radius": True}, "radius is True"),
    ],
)
def test_bad_arguments_are_named(cat, words, given, message):
    with pytest.raises(ValueError, match=message):
        inpaint(cat, words, **given)


def test_numpy_numbers_are_numbers(cat, words):
    expected = inpaint(cat, words, "telea", radius=4.0, seed=2)
    numbers = {"radius": np.float16(4), "seed": np.uint8(2), "dilate": np.int64(0), "feather": np.float32(0)}
    texts = {"variant": np.str_("damped"), "device": np.str_("cpu"), "channels": np.str_("bands")}
    switches = {"invert_mask": np.bool_(False), "fallback": np.bool_(True), "return_info": np.bool_(True)}
    given, info = inpaint(cat, words, np.str_("telea"), threads=np.int32(1), **numbers, **texts, **switches)
    assert np.array_equal(given, expected)
    assert {type(value) for value in info.regions[0].options.values()} == {float, str}
    plate = inpaint(cat, words, "biharmonic", clip=np.bool_(True))
    assert np.array_equal(plate, inpaint(cat, words, "biharmonic", clip=True))
    assert len(variants(cat[:60, :60], words[:60, :60], "patchmatch", n=np.int16(2), channels="bands")) == 2


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("dtype", [*INTEGERS, "float16", "float32", "float64"])
def test_every_type_is_filled_in_any_number_of_bands(dtype, channels):
    """A ramp goes on as a ramp, and what is known stays exact, also where floats could not hold it."""
    high = 1 if dtype.startswith("f") else np.iinfo(dtype).max
    low = -1 if dtype.startswith("f") else np.iinfo(dtype).min
    ramp = [low + (high // 16 - low // 16) * step for step in range(1, 16)] if high > 1 else np.linspace(low, high, 15)
    image = np.tile(np.array(ramp, dtype)[None, :, None], (9, 1, channels))
    hole = np.zeros((9, 15), bool)
    hole[3:6, 5:8] = True
    image[hole] = high
    result = inpaint(image, hole, "biharmonic", channels="bands")
    assert (result.dtype, result.shape) == (image.dtype, image.shape)
    assert np.array_equal(result[~hole], image[~hole])
    expected = np.tile(np.array(ramp[5:8], dtype)[:, None], (3, 1, channels)).reshape(9, channels)
    span = float(high) - float(low)
    assert np.abs(result[hole].astype(float) - expected.astype(float)).max() < max(1e-3 * span, 0.51)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_what_is_brighter_or_darker_than_the_type_allows_ends_there(dtype, toy):
    ends = np.iinfo(dtype)
    image = np.tile(np.array([ends.min, ends.max], dtype), (6, 3))
    hole = np.zeros((6, 6), bool)
    hole[2, 2:4] = True

    def glaring(problem):
        left = np.arange(problem.image.shape[1]) + problem.origin[1] < 3
        return np.broadcast_to(np.where(left, np.float32(-9), np.float32(9))[:, None], problem.image.shape)

    assert inpaint(image, hole, toy(glaring))[2, 2:4].tolist() == [ends.min, ends.max]


def test_the_last_of_four_bands_is_no_opacity():
    """Where near infrared is 0 the colours are as known as elsewhere."""
    cat = skimage.data.chelsea()[:90, :120]
    bands = np.concatenate([cat, np.zeros_like(cat[..., :1])], axis=2)
    hole = np.zeros(cat.shape[:2], bool)
    hole[20:70:6] = True
    filled = inpaint(bands, hole, "coherence", channels="bands")
    assert (filled[..., 3] == 0).all()
    assert np.abs(filled[..., :3].astype(int) - inpaint(cat, hole, "coherence")).mean() < 1
    with pytest.raises(ContextError):  # as opacity it hides all
        inpaint(bands, hole, "coherence")


def test_an_image_in_32_bits_stays_one():
    image = Image.fromarray(np.full((8, 8), 100_000, np.int32))
    filled = inpaint(image, np.eye(8, dtype=bool), "telea")
    assert (filled.mode, filled.size, filled.getextrema()) == ("I", (8, 8), (100_000, 100_000))


def test_a_method_for_colours_refuses_bands(cat, words):
    pytest.importorskip("torch")
    image = np.concatenate([cat, cat], axis=2)
    with pytest.raises(ValueError, match=r"mnps fills pictures of 1 or 3 colours, .* has 6"):
        inpaint(image, words, "mnps")
    with pytest.raises(ValueError, match=r"mnps fills pictures of 1 or 3 colours, .* has 2"):
        inpaint(image[..., :2], words, "mnps", channels="bands")


def test_compiling_is_said_once(cat, words, caplog, monkeypatch):
    monkeypatch.setattr(kernels, "_reported", set())
    with caplog.at_level(logging.WARNING, "inpaintkit"), kernels.compiling(what="telea") as watch:
        for _ in range(2):
            numba.njit(lambda x: x + 1)(1)
    assert watch.happened
    assert [record.message for record in caplog.records] == ["compiling telea for this machine (once, some seconds)"]


def test_public_names_are_what_they_seem():
    assert sorted(inpaintkit.__all__) == inpaintkit.__all__
    assert all(getattr(inpaintkit, name) is not None for name in inpaintkit.__all__)
    assert set(dir(inpaintkit)) == set(inpaintkit.__all__)
    assert inpaintkit.Filled is inpaintkit.FilledRegion  # until 0.2
    with pytest.raises(AttributeError, match="attribute paint"):
        _ = inpaintkit.paint


def test_a_plain_fill_looks_as_far_as_it_must(toy):
    image = np.zeros((300, 300, 4), np.uint8)
    image[250:, :, :] = (50, 60, 70, 255)
    hole = np.zeros((300, 300), bool)
    hole[10:14, 10:14] = True
    name = toy(lambda problem: problem.image, min_known=1)
    assert (inpaint(image, hole, name, fallback=True)[hole] == (50, 60, 70, 255)).all()
    image[..., 3] = 0
    with pytest.raises(ContextError, match="every pixel outside the mask is fully transparent"):
        inpaint(image, hole, name, fallback=True)


def test_floats_in_the_hole_do_not_set_the_range():
    image = np.full((30, 30), 0.25, np.float32)
    hole = np.zeros((30, 30), bool)
    hole[4:6, 4:6] = True
    image[hole] = 1e9
    assert (inpaint(image, hole) == 0.25).all()


def test_feathering_with_alpha_mixes_no_transparent_colour_in():
    rgba = np.full((30, 30, 4), (50, 60, 70, 255), np.uint8)
    hole = np.zeros((30, 30), bool)
    hole[10:20, 10:20] = True
    rgba[hole] = (255, 0, 255, 0)
    assert (inpaint(rgba, hole, feather=3)[hole] == (50, 60, 70, 255)).all()
    rgba[hole] = (255, 0, 255, 100)
    result = inpaint(rgba, "alpha", feather=3)
    assert (result[..., 3] == 255).all()
    assert 50 < result[10, 15, 0] < 255
    assert result[15, 15].tolist() == [50, 60, 70, 255]


def test_extreme_values_do_not_become_nan():
    image = np.full((20, 20), 0.5, np.float32)
    image[8, 8] = 1e38
    hole = np.zeros((20, 20), bool)
    hole[8, 9:12] = True
    assert np.isfinite(inpaint(image, hole)).all()


def test_what_is_not_finite_is_told(toy, cat, words):
    with pytest.raises(ValueError, match="toy gave colours that are not finite"):
        inpaint(cat, words, toy(lambda problem: problem.image * np.nan))


def test_a_method_cannot_reach_the_callers_picture_or_other_pixels(toy, cat, words):
    def greedy(problem: Problem) -> np.ndarray:
        problem.hole[:] = True
        with pytest.raises(ValueError, match="read-only"):
            problem.raw[:] = 0
        return np.zeros_like(problem.image)

    image = cat.copy()
    result = inpaint(image, words, toy(greedy))
    assert np.array_equal(result[~words], cat[~words])
    assert np.array_equal(image, cat)


def test_fallbacks_are_told_as_what_they_are(toy):
    def partly(problem: Problem) -> np.ndarray:
        problem.note(confidence=np.full(problem.hole.shape, 0.2, np.float32))
        if problem.region:
            raise ContextError("too little; fallback=True")
        return problem.image

    hole = two_far_apart()
    _, info = inpaint(np.zeros(hole.shape, np.uint8), hole, toy(partly), fallback=True, return_info=True)
    assert [(region.method, region.facts) for region in info.regions] == [("toy", {}), ("harmonic", {})]
    assert info.confidence[20, 20] == np.float32(0.2)
    assert info.confidence[550, 20] == 0


def test_a_progress_callback_may_fill_pictures_itself(cat, words):
    seen = []

    def nested(step: Step) -> None:
        seen.append(numba.njit(lambda x: x + 1)(1))

    inpaint(cat, words, progress=nested)
    assert seen


def test_a_plain_fill_amid_much_that_is_transparent_costs_little():
    image = np.zeros((900, 900, 4), np.uint8)
    image[:20] = (50, 60, 70, 255)
    hole = np.zeros((900, 900), bool)
    hole[890:892, 400:402] = True
    assert (inpaint(image, hole, fallback=True)[hole] == (50, 60, 70, 255)).all()


def test_a_mask_of_one_low_value_is_taken_and_said_to_be(cat):
    faint = np.zeros((200, 200), np.uint8)
    faint[50:60, 50:60] = 100
    with pytest.warns(InpaintWarning, match="holds 0 and 100 only, so 100 is taken for the hole"):
        filled = inpaint(cat, faint)
    assert np.array_equal(filled, inpaint(cat, faint > 0))


@pytest.mark.parametrize("feather", [0, 2.5])
@pytest.mark.parametrize("channels", [3, 4])
def test_a_fill_is_put_back_band_by_band(channels, feather, photo, monkeypatch):
    image = photo(64, channels).copy()
    image[..., -1] //= 2
    hole = np.zeros((64, 64), bool)
    hole[10:50, 20:40] = True
    whole = inpaint(image, hole, feather=feather)
    monkeypatch.setattr(compositing, "_BAND", 64 * 7)
    assert np.array_equal(inpaint(image, hole, feather=feather), whole)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sign", [1, -1])
def test_a_fill_ends_where_its_type_ends(sign):
    """A ramp that would run on beyond the largest half-precision float."""
    ramp = sign * np.tile(np.linspace(20_000, 65_000, 20), (9, 1))
    ramp = np.hstack([ramp, np.zeros((9, 8))]).astype(np.float16)
    hole = np.zeros(ramp.shape, bool)
    hole[:, 20:] = True
    filled = inpaint(ramp, hole, "biharmonic")
    assert np.isfinite(filled).all()
    assert np.abs(filled[:, 20:]).max() == np.finfo(np.float16).max


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"device": np.array([1, 2])}, "device is array"),
        ({"dilate": np.array([1, 2])}, "dilate is array"),
        ({"progress": 3}, "progress is 3: give a function"),
        ({"invert_mask": "no"}, "invert_mask is 'no': expected True or False"),
        ({"fallback": None}, "fallback is None: expected True or False"),
        ({"return_info": np.array([1, 2])}, "return_info is array"),
        ({"method": np.array([1, 2])}, "there is no method array"),
        (
            {"method": "patchmatch", "patch": 2**70},
            "option patch is 1180591620717411303424: expected a whole number below",
        ),
        ({"method": "fsr", "iterations": -(2**63)}, "option iterations is -9223372036854775808"),
    ],
)
def test_keywords_of_another_kind_are_named(words, keywords):
    image = np.zeros((12, 14, 3), np.uint8)
    hole = np.eye(12, 14, dtype=bool)
    with pytest.raises((TypeError, ValueError), match=words):
        inpaint(image, hole, **keywords)

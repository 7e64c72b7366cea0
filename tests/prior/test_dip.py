"""Deep Image Prior: the original's network; fits that improve, stop, resume and start again as promised."""

from __future__ import annotations

import logging
import os
import signal
import time
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data

from conftest import boxed
from inpaintkit import InpaintWarning, inpaint, read, write
from inpaintkit.problem import Problem

torch = pytest.importorskip("torch")

from inpaintkit.picture import Picture, span_of
from inpaintkit.prior import _accelerate, _region
from inpaintkit.prior._fit import Fit
from inpaintkit.prior._recipes import RECIPES, Recipe, recipe_of
from inpaintkit.prior._skip import Reflection, SkipNetwork
from inpaintkit.prior._target import held_out_pixels
from inpaintkit.prior._tiles import spans
from inpaintkit.prior._tone import Tone
from inpaintkit.prior.dip import dip

pytestmark = pytest.mark.usefixtures("one_thread")
nn, functional = torch.nn, torch.nn.functional

TINY = {"base": "small", "down": (8, 8), "up": (8, 8), "skip": (4, 4), "steps": 60, "runs": 1}


def photograph():
    """A piece of a photograph, float32 (48, 40, 3)."""
    pixels = cv2.resize(skimage.data.astronaut()[:192, 140:300], (40, 48), interpolation=cv2.INTER_AREA)
    return pixels.astype(np.float32) / 255


@pytest.fixture
def problem():
    image = photograph()
    hole = np.random.default_rng(1).random(image.shape[:2]) < 0.3
    return Problem.create(image, hole)


def fit(problem, **options):
    """The fill of a problem and the facts that ``Info`` has of it."""
    filled, info = inpaint(problem.image, problem.hole, "dip", return_info=True, **options)
    return filled, info.regions[0].facts


# The network


@pytest.mark.parametrize(
    ("name", "channels", "count"),
    [("kate", 3, 3_002_627), ("default", 3, 2_217_831), ("vase", 3, 2_157_955), ("library", 3, 2_996_467)],
)
def test_recipes_have_as_many_parameters_as_the_original_networks(name, channels, count):
    assert sum(p.numel() for p in SkipNetwork(RECIPES[name], channels).parameters()) == count
    assert count == counted(RECIPES[name], channels)


def counted(recipe: Recipe, channels: int) -> int:
    """Parameters by hand: a k x k layer from a to b channels has a b k^2 + b, its normalisation 2 b."""

    def layer(a: int, b: int, k: int) -> int:
        return a * b * k * k + b + 2 * b

    total = recipe.up[0] * channels + channels
    depth = 2 if recipe.input == "meshgrid" else recipe.depth
    for level, (down, up, skip) in enumerate(zip(recipe.down, recipe.up, recipe.skip, strict=True)):
        deep = down if level + 1 == len(recipe.down) else recipe.up[level + 1]
        total += layer(depth, down, recipe.kernel_down) + layer(down, down, recipe.kernel_down)
        total += layer(depth, skip, 1) if skip else 0
        total += 2 * (skip + deep) + layer(skip + deep, up, recipe.kernel_up)
        total += layer(up, up, 1) if recipe.mix else 0
        depth = down
    return total


@pytest.mark.parametrize("upsample", ["bilinear", "nearest"])
def test_the_network_computes_what_plain_layers_in_the_papers_order_compute(upsample):
    shape = {"down": (5,), "up": (6,), "skip": (2,), "depth": 3, "upsample": upsample}
    recipe = recipe_of({"base": "restoration", **shape})
    torch.manual_seed(0)
    network = SkipNetwork(recipe, 1).double()
    z = torch.rand(1, 3, 8, 10, dtype=torch.double)
    p = dict(network.named_parameters())

    def layer(x, name, at, side, stride=1):
        x = functional.pad(x, (side // 2,) * 4, mode="reflect") if side > 1 else x
        x = functional.conv2d(x, p[f"{name}.{at}.weight"], p[f"{name}.{at}.bias"], stride)
        return functional.leaky_relu(norm(x, f"{name}.{at + 1}"), 0.2)

    def norm(x, name):
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
        scale, shift = p[f"{name}.weight"].view(1, -1, 1, 1), p[f"{name}.bias"].view(1, -1, 1, 1)
        return (x - mean) / (variance + 1e-5).sqrt() * scale + shift

    deep = layer(layer(z, "scales.down.0", 1, 3, stride=2), "scales.down.1", 1, 3)
    deep = nn.Upsample(scale_factor=2, mode=upsample)(deep)
    with torch.no_grad():
        network.scales.normalised.weight.uniform_(0.5, 2)
        network.scales.normalised.bias.uniform_(-1, 1)
    joined = norm(torch.cat([layer(z, "scales.skip", 0, 1), deep], dim=1), "scales.normalised")
    last = layer(layer(joined, "scales.up.0", 1, 3), "scales.up.1", 0, 1)
    expected = torch.sigmoid(functional.conv2d(last, p["last.weight"], p["last.bias"]))
    network.last.float()
    assert torch.allclose(network(z), expected.float(), atol=1e-5)


@pytest.mark.parametrize("margin", [1, 2])
def test_reflection_and_its_gradient_are_torchs(margin):
    x = torch.randn(1, 3, 6, 7, dtype=torch.double, requires_grad=True)
    other = functional.pad(x, (margin,) * 4, mode="reflect")
    assert torch.equal(Reflection.apply(x, margin), other)
    weight = torch.randn_like(other)
    (ours,) = torch.autograd.grad(Reflection.apply(x, margin), x, weight)
    (theirs,) = torch.autograd.grad(other, x, weight)
    assert torch.allclose(ours, theirs)


# The fit


def test_the_loss_falls_and_the_hole_is_filled_better_than_by_the_mean_colour(problem):
    filled, facts = fit(problem, recipe={**TINY, "steps": 100, "hold_out": 0.0})
    truth, hole, known = photograph(), problem.hole, problem.known
    assert len(facts["loss"]) == facts["steps"] == 100
    assert facts["loss"][-1] < 0.1 * facts["loss"][0]
    mean = truth[known].mean(axis=0)
    span = span_of(Picture.of(truth), hole)
    averaged = facts["averaged"] * span.scale + span.offset  # facts are in a problem's units
    assert np.square(averaged - truth)[known].mean() < 0.25 * np.square(mean - truth)[known].mean()
    assert np.square(filled - truth)[hole].mean() < 0.5 * np.square(mean - truth)[hole].mean()
    assert np.array_equal(filled[known], truth[known])
    assert filled[hole] == pytest.approx(averaged[hole], abs=1e-6)


def test_the_first_loss_is_the_mean_over_all_pixels(problem):
    recipe = {**TINY, "base": "default", "steps": 1, "jitter": 0.0}
    facts: dict = {}
    dip(replace(problem, _facts=facts), recipe=recipe)  # in its own units, which are the network's
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(problem.rng(0).integers(2**63 - 1)))
        z = torch.rand(1, 32, 48, 40) / 10
        network = SkipNetwork(recipe_of(recipe), 3)
    output = network(z)[0].permute(1, 2, 0).detach().numpy()
    error = np.where(problem.known[..., None], output - problem.image, 0)
    assert facts["loss"][0] == pytest.approx(np.square(error).mean(), rel=1e-4)


def test_a_seed_gives_one_picture_and_torchs_own_generator_is_untouched(problem):
    torch.manual_seed(7)
    state = torch.get_rng_state()
    recipe = {**TINY, "jitter": 0.03, "steps": 15}
    first = dip(problem, recipe=recipe)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(first, dip(problem, recipe=recipe))
    other = Problem.create(problem.image, problem.hole, seed=1)
    assert not np.array_equal(first, dip(other, recipe=recipe))


def test_an_interrupted_fit_resumes_exactly_from_its_checkpoint(problem, tmp_path):
    recipe = {**TINY, "jitter": 0.03}
    expected, facts = fit(problem, recipe=recipe)
    path = tmp_path / "state.pt"

    def interrupt(step):
        if 0.3 < step.done / step.total < 0.5:
            raise KeyboardInterrupt

    clock = iter(np.arange(0, 1e6, 0.3))  # so that every step is reported
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: float(next(clock)))
        with pytest.warns(InpaintWarning, match="interrupted at step"):
            partial, stopped = fit(problem, recipe=recipe, checkpoint=path, progress=interrupt)
    assert stopped["interrupted"]
    assert stopped["steps"] < 60
    assert not np.array_equal(partial, expected)
    resumed, again = fit(problem, recipe=recipe, checkpoint=path)
    assert np.array_equal(resumed, expected)
    assert np.array_equal(again["loss"], facts["loss"])
    assert np.array_equal(again["held_out"], facts["held_out"])
    finished, _ = fit(problem, recipe=recipe, checkpoint=path)  # nothing is fitted again
    assert np.array_equal(finished, expected)


def test_a_checkpoint_of_another_fill_or_of_anything_else_is_refused(problem, tmp_path):
    path = tmp_path / "state.pt"
    dip(problem, recipe={**TINY, "steps": 5}, checkpoint=path)
    with pytest.raises(ValueError, match="another picture"):
        dip(problem, recipe={**TINY, "steps": 6}, checkpoint=path)
    path.write_bytes(b"anything else")
    with pytest.raises(ValueError, match="not a checkpoint of dip"):
        dip(problem, recipe={**TINY, "steps": 5}, checkpoint=path)
    torch.save({"owner": os.system}, path)  # a reference to a function: code
    with pytest.raises(ValueError, match="not a checkpoint of dip"):
        dip(problem, recipe={**TINY, "steps": 5}, checkpoint=path)
    with pytest.raises(ValueError, match="no folder"):
        dip(problem, recipe=TINY, checkpoint=tmp_path / "none" / "state.pt")


def test_ctrl_c_finishes_the_step_and_gives_the_picture(problem):
    def press(step):
        if step.loss is not None:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.warns(InpaintWarning, match="interrupted at step"):
        filled, facts = fit(problem, recipe=TINY, progress=press)
    assert facts["steps"] == 2  # pressed in the report of the first
    assert np.isfinite(filled).all()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_time_limit_ends_the_fit_with_a_falling_rate(problem, monkeypatch):
    clock = iter(np.arange(0, 1e6, 0.1))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    rates = []
    advance = Fit.advance

    def spied(fit, forward):
        loss = advance(fit, forward)
        rates.append(fit.optimiser.param_groups[0]["lr"])
        return loss

    monkeypatch.setattr(Fit, "advance", spied)
    _, facts = fit(problem, recipe={**TINY, "steps": 10000}, time_limit=3.0)
    assert 10 < facts["steps"] <= 30  # each takes a tenth of a second or more on this clock
    assert rates[0] == 0.01
    assert rates[-1] < 0.2 * rates[0]


def test_held_out_pixels_end_a_fit_that_no_longer_improves():
    noise = Problem.create(np.random.default_rng(0).random((24, 24, 1)), np.eye(24, dtype=bool))
    _, facts = fit(noise, recipe={**TINY, "steps": 400, "hold_out": 0.2})
    assert facts["step"] < facts["steps"] < 400
    best = facts["held_out"][np.argmax(facts["held_out"][:, 1])]
    assert abs(best[0] - facts["step"]) <= 50


def test_held_out_pieces_have_the_holes_shape():
    hole = boxed((100, 100), 40, 10, 4, 80)
    held = held_out_pixels(~hole, hole, 0.1, np.random.default_rng(0))
    assert not (held & hole).any()
    assert 0.1 <= held.sum() / (~hole).sum() < 0.13
    heights = np.diff(np.flatnonzero(np.diff(np.pad(held, ((1, 1), (0, 0))).astype(int).T.ravel())))[::2]
    assert np.median(heights) == 4


def test_a_loss_that_is_not_finite_starts_again_at_a_lower_rate_once(problem, monkeypatch):
    advance = Fit.advance
    rates = []

    def broken(fit, forward):
        if not rates or rates[-1] != fit.recipe.rate:
            rates.append(fit.recipe.rate)
        loss = advance(fit, forward)
        return loss * float("nan") if fit.recipe.rate in bad else loss

    monkeypatch.setattr(Fit, "advance", broken)
    bad = {0.01}
    _, facts = fit(problem, recipe=TINY)
    assert (facts["restarts"], rates) == (1, [0.01, pytest.approx(0.003)])
    bad.add(0.003)
    with pytest.raises(ValueError, match="not a finite number at step 25"):
        dip(problem, recipe=TINY)


def test_a_loss_that_leaps_takes_the_network_back(problem, monkeypatch):
    advance = Fit.advance

    def shaken(fit, forward):
        if fit.step == 48:
            with torch.no_grad():
                fit.network.last.bias += 50
        return advance(fit, forward)

    monkeypatch.setattr(Fit, "advance", shaken)
    _, facts = fit(problem, recipe={**TINY, "settle": 0.0, "hold_out": 0.0})
    loss = facts["loss"]
    assert loss[49] > 4 * loss[24]
    assert loss[50] < 2 * loss[24]


def test_compilation_is_used_from_enough_steps_and_its_failure_is_only_logged(problem, monkeypatch, caplog):
    compiled = []

    def compile_(network, **_):
        compiled.append(network)
        return lambda *inputs: network(*inputs)

    monkeypatch.setattr(torch, "compile", compile_)
    monkeypatch.setitem(_accelerate.MIN_STEPS, "compile", 20)
    _, facts = fit(problem, recipe={**TINY, "steps": 19}, accelerate="compile")
    assert (facts["accelerated"], compiled) == ("none", [])
    _, facts = fit(problem, recipe={**TINY, "steps": 20}, accelerate="compile")
    assert (facts["accelerated"], len(compiled)) == ("compile", 1)
    plain = inpaint(problem.image, problem.hole, "dip", recipe={**TINY, "steps": 20})

    def broken(network, **_):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", broken)
    with caplog.at_level(logging.WARNING, "inpaintkit"):
        filled, facts = fit(problem, recipe={**TINY, "steps": 20}, accelerate="compile")
    assert "without compile, which failed: no compiler here" in caplog.text
    assert facts["accelerated"] == "none"
    assert np.array_equal(filled, plain)


def test_graphs_are_recorded_on_cuda_alone(monkeypatch):
    network = nn.Conv2d(1, 1, 1)
    recorded = []

    def record(network, sample):
        recorded.append(network)
        return lambda *_: torch.zeros(1, requires_grad=True)

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    sample = torch.zeros(1, 1, 2, 2)
    assert _accelerate.accelerated(network, (sample,), "graphs", 200, mixed=False) == (network, "none")
    on_cuda = SimpleNamespace(device=torch.device("cuda"))
    forward, kind = _accelerate.accelerated(network, (on_cuda,), "graphs", 200, mixed=False)
    assert kind == "graphs"
    assert forward is not network
    assert recorded == [network]


# Size, memory, range


def test_a_picture_larger_than_a_tile_goes_from_coarse_to_fine_without_seams():
    yy, xx = np.mgrid[:60, :110]
    truth = (0.5 + 0.3 * np.sin(xx / 13) * np.cos(yy / 17)).astype(np.float32)[..., None]
    hole = boxed((60, 110), 24, 12, 12, 86)
    filled, facts = fit(Problem.create(truth, hole), recipe={**TINY, "steps": 100}, tile=64)
    assert facts["tiles"] == 3  # the whole at half the size, then two
    mean = truth[~hole].mean()
    assert np.square(filled - truth)[hole].mean() < 0.25 * np.square(mean - truth)[hole].mean()
    slopes = np.abs(np.diff(facts["averaged"][25:35, 13:97, 0], axis=1))
    ends = {end - 13 for span in spans(110, 64) for end in (span.start, span.stop) if 14 < end < 96}
    assert ends
    for column in ends:
        assert slopes[:, column].mean() <= np.percentile(slopes, 95)


def test_spans_cover_a_side_and_overlap():
    for side in range(1, 400):
        found = spans(side, 64)
        assert found[0].start == 0
        assert found[-1].stop == side
        assert all(span.stop - span.start <= 64 for span in found)
        assert all(a.stop - b.start >= 8 for a, b in pairwise(found))


def test_out_of_gpu_memory_is_tried_once_more_in_tiles_then_explained(problem, monkeypatch):
    advance = Fit.advance
    sides = []

    def hungry(fit, forward):
        sides.append(max(fit.shape))
        if max(fit.shape) > limit:
            raise torch.cuda.OutOfMemoryError
        return advance(fit, forward)

    monkeypatch.setattr(Fit, "advance", hungry)
    large = Problem.create(np.tile(problem.image, (2, 3, 1)), np.tile(problem.hole, (2, 3)))
    limit = 64
    filled, facts = fit(large, recipe={**TINY, "steps": 5})
    assert max(sides) == 120
    assert facts["tiles"] > 1
    assert np.isfinite(filled).all()
    limit = 1
    with pytest.raises(MemoryError, match="smaller tile"):
        dip(large, recipe={**TINY, "steps": 5})


def test_values_beyond_the_unit_range_come_back():
    tone = Tone.of(np.array([[-3.0], [0.2], [40.0]], np.float32))
    values = np.array([-3, -0.5, 0, 0.2, 1, 2, 40], np.float32)
    inside = tone.compressed(values)
    assert inside.min() == 0
    assert inside.max() == 1
    assert np.allclose(tone.restored(inside.astype(np.float32)), values, atol=1e-4)


def test_a_channel_that_is_constant_stays_exactly_so(problem):
    image = np.concatenate([problem.image, np.ones((*problem.hole.shape, 1), np.float32)], axis=2)
    filled = dip(Problem.create(image, problem.hole), recipe={**TINY, "steps": 5})
    assert (filled[..., 3] == 1).all()


def test_total_variation_makes_the_picture_flatter(problem):
    def variation(picture):
        return np.abs(np.diff(picture, axis=0)).mean() + np.abs(np.diff(picture, axis=1)).mean()

    _, plain = fit(problem, recipe=TINY)
    _, flat = fit(problem, recipe=TINY, total_variation=0.1)
    assert variation(flat["averaged"]) < variation(plain["averaged"])


# Messages


def test_the_cost_of_a_long_fit_is_announced(problem, monkeypatch, caplog):
    monkeypatch.setattr(_region, "ANNOUNCE_FROM", 0.0)
    with caplog.at_level(logging.WARNING, "inpaintkit"):
        dip(problem, recipe={**TINY, "steps": 12})
    assert "40 x 48 pixels (12 steps" in caplog.text


def test_progress_reports_the_loss_and_the_held_out_pixels(problem):
    steps = []
    fit(problem, recipe={**TINY, "hold_out": 0.1}, progress=steps.append)
    assert steps[-2].loss > 0
    assert "held out" in steps[-2].remark


def test_info_draws_the_curves(problem, tmp_path):
    recipe = {**TINY, "steps": 100, "hold_out": 0.1}
    _, info = inpaint(problem.image, problem.hole, "dip", recipe=recipe, return_info=True)
    info.plot(tmp_path / "curves.png")
    sheet = read(tmp_path / "curves.png").astype(int)
    blue = (np.abs(sheet - (31, 95, 168)).sum(axis=2) < 30) & (np.arange(720) < 650)
    columns = [np.flatnonzero(blue[:300, x]).mean() for x in range(75, 640, 5) if blue[:300, x].any()]
    assert len(columns) > 100  # the loss is drawn from end to end,
    assert columns[-1] > columns[0]  # and falls
    assert blue[300:].any()
    _, plain = inpaint(problem.image, problem.hole, "harmonic", return_info=True)
    with pytest.raises(ValueError, match="nothing to plot"):
        plain.plot(tmp_path / "none.png")


def test_the_command_reports_the_cost_and_takes_a_checkpoint(run, problem, tmp_path, monkeypatch):
    monkeypatch.setattr(_region, "ANNOUNCE_FROM", 0.0)
    monkeypatch.setitem(RECIPES, "small", recipe_of(TINY))
    write(tmp_path / "photo.png", (photograph() * 255).astype(np.uint8))
    write(tmp_path / "mask.png", problem.hole.astype(np.uint8) * 255)
    line = ["fill", tmp_path / "photo.png", "--mask", tmp_path / "mask.png", "-o", tmp_path / "out.png", "-v"]
    line += ["--method", "dip", "--recipe", "small", "--steps", 30, "--checkpoint", tmp_path / "state.pt"]
    status, _, err = run(*line)
    assert status == 0
    assert "about" in err
    assert "(30 steps" in err
    assert (tmp_path / "state.pt").exists()
    first = read(tmp_path / "out.png")
    assert run(*line)[0] == 0
    assert np.array_equal(read(tmp_path / "out.png"), first)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("vasen", "expected one of vase"),
        ({"base": 3}, "expected one of vase"),
        ({"width": 3}, "no setting 'width'"),
        ({"down": (16, 16)}, "2 scales in down, 5 in up"),
        ({"down": "16"}, "down = '16'"),
        ({"kernel_down": 4}, "an odd number from 1 to 15"),
        ({"mix": 1}, "True or False"),
        ({"rate": 0}, "rate = 0"),
        ({"upsample": "cubic"}, "'nearest' or 'bilinear'"),
    ],
)
def test_a_wrong_recipe_is_an_error_that_names_the_setting(problem, recipe, message):
    with pytest.raises(ValueError, match=message):
        dip(problem, recipe=recipe)


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"time_limit": 0.0}, {"total_variation": 2.0}, {"tile": 10}], ids=lambda o: next(iter(o))
)
def test_options_out_of_range_are_errors(problem, options):
    with pytest.raises(ValueError, match=f"option {next(iter(options))} is"):
        dip(problem, recipe=TINY, **options)

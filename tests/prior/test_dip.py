"""Deep Image Prior: the original's network, fits that fall, end, go on and start again as promised."""

from __future__ import annotations

import logging
import os
import signal
from itertools import pairwise

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from torch import nn
from torch.nn import functional

from inpaintkit import InpaintWarning, inpaint, read, write
from inpaintkit.prior import dip as module
from inpaintkit.prior._recipes import RECIPES, recipe_of
from inpaintkit.prior._skip import SkipNetwork, _Reflection
from inpaintkit.prior.dip import Recipe, dip
from inpaintkit.problem import Problem

TINY = {"base": "small", "down": (8, 8), "up": (8, 8), "skip": (4, 4), "steps": 60, "runs": 1}


def truth():
    """A piece of a photograph, 48 x 40."""
    return (
        cv2.resize(skimage.data.astronaut()[:192, 140:300], (40, 48), interpolation=cv2.INTER_AREA).astype(np.float32)
        / 255
    )


@pytest.fixture
def problem():
    image = truth()
    hole = np.random.default_rng(1).random(image.shape[:2]) < 0.3
    return Problem.create(image, hole)


def facts_of(problem, **options):
    """The fill and what was noted of it."""
    filled = dip(problem, **options)
    return filled, dict(problem._facts)


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
    assert torch.equal(_Reflection.apply(x, margin), other)
    weight = torch.randn_like(other)
    (ours,) = torch.autograd.grad(_Reflection.apply(x, margin), x, weight)
    (theirs,) = torch.autograd.grad(other, x, weight)
    assert torch.allclose(ours, theirs)


# The fit


def test_the_loss_falls_the_known_pixels_are_met_and_the_hole_is_filled(problem):
    filled, facts = facts_of(problem, recipe={**TINY, "steps": 400, "hold_out": 0.0})
    loss = facts["loss"]
    assert len(loss) == facts["steps"] == 400
    assert loss[-1] < 0.03 * loss[0]
    assert np.sqrt(np.square(facts["averaged"] - truth())[problem.known].mean()) < 0.05
    error, spread = filled - truth(), truth()[problem.known].mean(axis=0) - truth()
    assert np.square(error)[problem.hole].mean() < 0.1 * np.square(spread)[problem.hole].mean()
    assert np.array_equal(filled[problem.known], problem.image[problem.known])
    assert np.array_equal(filled[problem.hole], facts["averaged"][problem.hole])


def test_the_first_loss_is_the_mean_over_all_pixels(problem):
    recipe = {**TINY, "base": "default", "steps": 1, "jitter": 0.0}
    _, facts = facts_of(problem, recipe=recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(problem.rng(0).integers(2**63 - 1)))
        z = torch.rand(1, 32, 48, 40) / 10
        network = SkipNetwork(recipe_of(recipe), 3)
    output = network(z)[0].permute(1, 2, 0).detach().numpy()
    error = np.where(problem.known[..., None], output - problem.image, 0)
    assert facts["loss"][0] == pytest.approx(np.square(error).mean(), rel=1e-4)


def test_the_same_seed_repeats_itself_and_leaves_torchs_chance_alone(problem):
    torch.manual_seed(7)
    state = torch.get_rng_state()
    recipe = {**TINY, "jitter": 0.03, "steps": 30}
    first = dip(problem, recipe=recipe)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(first, dip(problem, recipe=recipe))
    other = Problem.create(problem.image, problem.hole, seed=1)
    assert np.abs(first - dip(other, recipe=recipe))[problem.hole].max() > 0.01


def test_a_fit_that_was_interrupted_goes_on_exactly_from_its_checkpoint(problem, tmp_path):
    recipe = {**TINY, "jitter": 0.03}
    expected, facts = facts_of(problem, recipe=recipe)
    path = tmp_path / "state.pt"

    def interrupt(step):
        if 0.3 < step.done < 0.5:
            raise KeyboardInterrupt

    stopped = Problem.create(problem.image, problem.hole, _report=interrupt)
    clock = iter(np.arange(0, 1e6, 0.3))  # so that every step is reported
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.time, "monotonic", lambda: float(next(clock)))
        with pytest.warns(InpaintWarning, match="interrupted at step"):
            partial = dip(stopped, recipe=recipe, checkpoint=path)
    assert stopped._facts["interrupted"]
    assert 10 < stopped._facts["steps"] < 40
    assert not np.array_equal(partial, expected)
    resumed, again = facts_of(problem, recipe=recipe, checkpoint=path)
    assert np.array_equal(resumed, expected)
    assert np.array_equal(again["loss"], facts["loss"])
    assert np.array_equal(again["held_out"], facts["held_out"])
    done = dip(problem, recipe={**recipe}, checkpoint=path)  # finished: nothing is fitted again
    assert np.array_equal(done, expected)


def test_a_checkpoint_of_something_else_is_refused(problem, tmp_path):
    path = tmp_path / "state.pt"
    dip(problem, recipe={**TINY, "steps": 5}, checkpoint=path)
    with pytest.raises(ValueError, match="another picture"):
        dip(problem, recipe={**TINY, "steps": 6}, checkpoint=path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="no checkpoint of dip"):
        dip(problem, recipe={**TINY, "steps": 5}, checkpoint=path)
    torch.save({"owner": os.system}, path)  # a reference to a function: code
    with pytest.raises(ValueError, match="no checkpoint of dip"):
        dip(problem, recipe={**TINY, "steps": 5}, checkpoint=path)
    with pytest.raises(ValueError, match="no folder"):
        dip(problem, recipe=TINY, checkpoint=tmp_path / "none" / "state.pt")


def test_ctrl_c_finishes_the_step_and_gives_the_picture(problem):
    def press(step):
        if step.loss is not None:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    pressed = Problem.create(problem.image, problem.hole, _report=press)
    with pytest.warns(InpaintWarning, match="interrupted at step"):
        filled = dip(pressed, recipe=TINY)
    facts = pressed._facts
    assert facts["steps"] == 2  # the report of the first one asked
    assert np.isfinite(filled).all()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_time_limit_ends_the_fit_with_a_fallen_rate(problem, monkeypatch):
    clock = iter(np.arange(0, 1e6, 0.1))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    rates = []
    step = module.Fit.advance

    def spied(fit, forward):
        loss = step(fit, forward)
        rates.append(fit.optimiser.param_groups[0]["lr"])
        return loss

    monkeypatch.setattr(module.Fit, "advance", spied)
    _, facts = facts_of(problem, recipe={**TINY, "steps": 10000}, time_limit=6.0)
    assert 20 < facts["steps"] < 61
    assert rates[0] == 0.01
    assert rates[-1] < 0.2 * rates[0]


def test_held_out_pixels_end_a_fit_that_no_longer_gains(problem, monkeypatch):
    noise = Problem.create(np.random.default_rng(0).random((32, 32, 1)), problem.hole[:32, :32])
    _, facts = facts_of(noise, recipe={**TINY, "steps": 1000, "hold_out": 0.2})
    assert facts["steps"] < 900
    assert facts["step"] < facts["steps"]
    best = facts["held_out"][np.argmax(facts["held_out"][:, 1])]
    assert abs(best[0] - facts["step"]) <= 50


def test_held_out_pieces_have_the_holes_shape():
    hole = np.zeros((100, 100), bool)
    hole[40:44, 10:90] = True
    held = module._held_out(~hole, hole, 0.1, np.random.default_rng(0))
    assert not (held & hole).any()
    assert 0.1 <= held.sum() / (~hole).sum() < 0.13
    runs = np.diff(np.flatnonzero(np.diff(np.pad(held, ((1, 1), (0, 0))).astype(int).T.ravel())))[::2]
    assert np.median(runs) == 4  # as tall as the hole


def test_a_loss_that_is_not_finite_starts_again_at_a_lower_rate_once(problem, monkeypatch):
    step = module.Fit.advance
    rates = []

    def broken(fit, forward):
        if not rates or rates[-1] != fit.recipe.rate:
            rates.append(fit.recipe.rate)
        loss = step(fit, forward)
        return loss * float("nan") if fit.recipe.rate in bad else loss

    monkeypatch.setattr(module.Fit, "advance", broken)
    bad = {0.01}
    _, facts = facts_of(problem, recipe=TINY)
    assert (facts["restarts"], rates) == (1, [0.01, pytest.approx(0.003)])
    bad.add(0.003)
    with pytest.raises(ValueError, match="not a finite number at step 25"):
        dip(problem, recipe=TINY)


def test_a_loss_that_leaps_takes_the_network_back(problem, monkeypatch):
    step = module.Fit.advance

    def shaken(fit, forward):
        if fit.step == 48:
            with torch.no_grad():
                fit.network.last.bias += 50
        return step(fit, forward)

    monkeypatch.setattr(module.Fit, "advance", shaken)
    _, facts = facts_of(problem, recipe={**TINY, "settle": 0.0, "hold_out": 0.0})
    loss = facts["loss"]
    assert loss[49] > 4 * loss[24]
    assert loss[50] < 2 * loss[24]


def test_acceleration_is_used_where_it_pays_and_a_failure_of_it_is_no_failure(problem, monkeypatch, caplog):
    calls = []

    def compiled(network, **_):
        calls.append(network)
        return lambda *inputs: network(*inputs)

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setitem(module._WORTH, "compile", 20)
    _, facts = facts_of(problem, recipe={**TINY, "steps": 19}, accelerate="compile")
    assert (facts["accelerated"], calls) == ("none", [])
    _, facts = facts_of(problem, recipe={**TINY, "steps": 20}, accelerate="compile")
    assert (facts["accelerated"], len(calls)) == ("compile", 1)
    plain = dip(problem, recipe={**TINY, "steps": 20})

    def broken(network, **_):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", broken)
    with caplog.at_level(logging.WARNING, "inpaintkit"):
        filled, facts = facts_of(problem, recipe={**TINY, "steps": 20}, accelerate="compile")
    assert "without compile, which failed: no compiler here" in caplog.text
    assert facts["accelerated"] == "none"
    assert np.array_equal(filled, plain)
    _, facts = facts_of(problem, recipe={**TINY, "steps": 120}, accelerate="graphs")
    assert facts["accelerated"] == "none"  # no CUDA here


def test_recorded_graphs_are_those_of_the_network_that_is_fitted(problem, monkeypatch):
    given = []

    def record(network, sample):
        given.append((network, sample))
        return network

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    target = module.Target(problem.image, problem.known, problem.hole, None)
    fit = module.Fit(target, recipe_of({**TINY, "steps": 200}), torch.device("cpu"), seed=0)
    fit.device = type("Device", (), {"type": "cuda"})()
    monkeypatch.setattr(fit, "_output", lambda forward, z: forward(z))
    monkeypatch.setattr(fit, "_mixed", lambda: False)
    assert fit._accelerated("graphs") is fit.network
    assert given[0][0] is fit.network
    assert len(given[0][1]) == 1


# Size, memory, range


def test_a_picture_larger_than_a_tile_goes_from_coarse_to_fine_without_seams():
    yy, xx = np.mgrid[:150, :170]
    truth = (0.5 + 0.3 * np.sin(xx / 13) * np.cos(yy / 17)).astype(np.float32)[..., None]
    hole = np.zeros(truth.shape[:2], bool)
    hole[60:90, 20:150] = True
    problem = Problem.create(truth, hole)
    filled, facts = facts_of(problem, recipe={**TINY, "steps": 300}, tile=96)
    assert facts["tiles"] > 2
    assert np.sqrt(np.square(filled - truth)[hole].mean()) < 0.08
    fill = facts["averaged"][61:89, 21:149, 0]
    slopes = np.abs(np.diff(fill, axis=1))
    spans = module._Work._spans(type("Work", (), {"tile": 96, "_overlap": lambda self: 12})(), 170)
    for span in spans:
        for column in (span.start, span.stop):
            if 22 < column < 148:
                assert slopes[:, column - 22].mean() <= np.percentile(slopes, 95)


def test_spans_cover_a_side_and_overlap():
    work = type("Work", (), {"tile": 64, "_overlap": lambda self: 8})()
    for side in range(1, 400):
        spans = module._Work._spans(work, side)
        assert spans[0].start == 0
        assert spans[-1].stop == side
        assert all(span.stop - span.start <= 64 for span in spans)
        assert all(a.stop - b.start >= 8 for a, b in pairwise(spans))


def test_out_of_gpu_memory_is_tried_once_more_in_tiles_then_explained(problem, monkeypatch):
    step = module.Fit.advance
    seen = []

    def hungry(fit, forward):
        seen.append(max(fit.shape))
        if max(fit.shape) > limit:
            raise torch.cuda.OutOfMemoryError
        return step(fit, forward)

    monkeypatch.setattr(module.Fit, "advance", hungry)
    image = np.tile(problem.image, (2, 3, 1))
    large = Problem.create(image, np.tile(problem.hole, (2, 3)))
    limit = 64
    filled, facts = facts_of(large, recipe={**TINY, "steps": 5})
    assert max(seen) == 120
    assert facts["tiles"] > 1
    assert np.isfinite(filled).all()
    limit = 1
    with pytest.raises(MemoryError, match="smaller tile"):
        dip(large, recipe={**TINY, "steps": 5})


def test_values_beyond_the_unit_range_come_back(problem):
    tone = module._Tone.of(np.array([[-3.0], [0.2], [40.0]], np.float32))
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

    _, plain = facts_of(problem, recipe=TINY)
    _, flat = facts_of(problem, recipe=TINY, total_variation=0.1)
    assert variation(flat["averaged"]) < 0.7 * variation(plain["averaged"])


# Words


def test_what_a_long_fit_will_cost_is_said_before(problem, monkeypatch, caplog):
    monkeypatch.setattr(module, "_LONG", 0.0)
    with caplog.at_level(logging.WARNING, "inpaintkit"):
        dip(problem, recipe=TINY)
    assert "40 x 48 pixels (60 steps" in caplog.text


def test_progress_tells_loss_and_held_out_pixels(problem):
    steps = []
    inpaint(problem.image, problem.hole, "dip", recipe={**TINY, "hold_out": 0.1}, progress=steps.append)
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
    assert columns[-1] > columns[0] + 100  # and falls
    assert blue[300:].any()
    _, plain = inpaint(problem.image, problem.hole, "telea", return_info=True)
    with pytest.raises(ValueError, match="nothing to plot"):
        plain.plot(tmp_path / "none.png")


def test_the_command_says_the_cost_and_takes_a_checkpoint(run, problem, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LONG", 0.0)
    monkeypatch.setitem(RECIPES, "small", recipe_of(TINY))
    write(tmp_path / "photo.png", (truth() * 255).astype(np.uint8))
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
    ("recipe", "said"),
    [
        ("vasen", "needed is one of vase"),
        ({"base": 3}, "needed is one of vase"),
        ({"width": 3}, "no setting 'width'"),
        ({"down": (16, 16)}, "2 scales in down, 5 in up"),
        ({"down": "16"}, "down = '16'"),
        ({"kernel_down": 4}, "an odd number from 1 to 15"),
        ({"mix": 1}, "True or False"),
        ({"rate": 0}, "rate = 0"),
        ({"upsample": "cubic"}, "'nearest' or 'bilinear'"),
    ],
)
def test_a_recipe_that_cannot_be_is_explained(problem, recipe, said):
    with pytest.raises(ValueError, match=said):
        dip(problem, recipe=recipe)


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"time_limit": 0.0}, {"total_variation": 2.0}, {"tile": 10}], ids=lambda o: next(iter(o))
)
def test_options_out_of_range_are_errors(problem, options):
    with pytest.raises(ValueError, match=f"option {next(iter(options))} is"):
        dip(problem, recipe=TINY, **options)

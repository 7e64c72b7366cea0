"""Multi-scale neural patch synthesis (Yang et al. 2017): a fill whose VGG19 patches are those of its surroundings.

From coarse to fine, the hole's pixels x are moved to lower

    E(x) = |x - t|^2 + alpha E_t(x) + beta TV(x),    E_t = sum over layers, mean over R of |P_i(x) - P_nn(i)|^2

with L-BFGS. doi:10.1109/CVPR.2017.434

Symbols: t, the content, a prediction at the coarsest scale and at every other the upsampled result of the one before;
R, the hole's cells on a layer's feature map; P_i, the 3 x 3 patch of features around cell i; nn(i), the patch most like
it among those that share no cell with R; TV, squared differences of neighbouring pixels. Colours are in [0, 1].

The sum over R's patches is one over cells: cell a lies in c_a patches, whose sources have the mean m_a there, so that

    sum of |P_i - P_nn(i)|^2 = sum of c_a |F_a - m_a|^2 + what does not depend on x.

The paper fills holes of 256 x 256 pixels. E_t is multiplied by the hole's size over that, so that one alpha suits any
hole. Layers are divided by their root mean squares, and alpha is in the paper's units with those of Caffe's weights.

With the paper's alpha a smooth first fill stays smooth, since the nearest patch of a smooth one is smooth: the default
weighs the texture forty times as much and matches by correlation.

In the order of reading: ``_presets.py``, ``_content.py`` (the first t), ``_scale.py`` (x and the features), then
``_texture.py`` (R, nn, c and m), ``_energy.py`` (E) and ``_descent.py`` (its minimum).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from inpaintkit.picture import PictureColours
from inpaintkit.prior._content import Content, copies, first_fill
from inpaintkit.prior._descent import refined
from inpaintkit.prior._presets import PRESETS, Preset
from inpaintkit.prior._scale import Scale, Settings
from inpaintkit.prior._torch import device_of, settled
from inpaintkit.prior.vgg import read
from inpaintkit.prior.weights import located
from inpaintkit.problem import NEUTRAL, Image, Problem, Step
from inpaintkit.pyramid import Level, halved, masked_pyramid, upsampled

_PAPER_HOLE = 256 * 256  # pixels


def mnps(
    problem: Problem,
    *,
    content: Content | PictureColours | str = "patchmatch",
    weights: str | None = None,
    preset: Literal["default", "paper", "code"] = "default",
    layers: str | None = None,
    scales: int | None = None,
    steps: int = 100,
    refresh: int | None = None,
    alpha: float | None = None,
    beta: float | None = None,
    match: Literal["l2", "correlation"] | None = None,
    optimizer: Literal["lbfgs", "adam"] = "lbfgs",
    neighbourhood: int | None = None,
    strict: bool = False,
    rotations: int | None = None,
    sizes: int | None = None,
    memory: int = 1024,
    network_size: int = 128,
    network_range: Literal["-1..1", "0..1"] = "-1..1",
) -> Image:
    """Fill a hole so that its VGG19 patches are those of the known part, near to a first fill.

    Parameters
    ----------
    problem : the region to fill.
    content : the first fill: a method's name; a picture of the same size (from Python); the file of a picture; or, as
        in the paper, the file of a content network, TorchScript (.pt, .ts) or ONNX (.onnx).
    weights : file of VGG19's weights; None: the variable INPAINTKIT_VGG19, else the cache folder, else a download.
    preset : values of the options left out: those measured here, the paper's, or those of its released code.
    layers : VGG19's layers, separated by commas, e.g. relu3_1,relu4_1.
    scales : sizes of the picture, each half the one before, 1 to 8; None: 3, or 1 with the default preset and a first
        fill that copies, whose large shapes are settled; fewer where the hole vanishes.
    steps : iterations at each scale, 0 to 10000.
    refresh : iterations after which the nearest patches are searched anew, 1 or more.
    alpha : weight of the texture, 0 or more.
    beta : weight of the total variation, 0 or more.
    match : nearest patches by distance or by normalised correlation.
    optimizer : L-BFGS (with a strong Wolfe line search) or Adam.
    neighbourhood : how far a source may lie, in pixels of the picture; None: anywhere in the crop.
    strict : no source feature may see a pixel of the hole, where enough sources remain.
    rotations : source patches are also turned, by up to this many steps of 7.5 degrees either way, 0 to 4.
    sizes : source patches are also scaled, by up to this many steps of 5 % either way, 0 to 4.
    memory : MiB for the search and for gradients, 16 or more.
    network_size : side in pixels of what the content network takes.
    network_range : range of colours that the content network takes and gives.

    Returns
    -------
    float32 (H, W, C), the crop with its hole filled; alpha, where there is one, is the first fill's. Notes ``scales``,
    ``layers``, ``energy`` (before and after, at each scale, coarsest first), ``evaluations``, ``sources`` (patches),
    ``device``.

    Raises
    ------
    ValueError : an option out of range, a layer that the weights lack, a content that does not fit.
    OSError : no weights, and no connection to get them.
    ContextError : too little context for the first fill.
    MissingExtraError : an ONNX file without onnxruntime.

    References
    ----------
    C. Yang, X. Lu, Z. Lin, E. Shechtman, O. Wang and H. Li, High-resolution image inpainting using multi-scale neural
    patch synthesis, CVPR 2017, doi:10.1109/CVPR.2017.434.
    C. Li and M. Wand, Combining Markov random fields and convolutional neural networks for image synthesis, CVPR 2016,
    doi:10.1109/CVPR.2016.272.
    """
    chosen = _chosen(
        PRESETS[preset],
        copied=copies(content),
        layers=layers,
        alpha=alpha,
        beta=beta,
        refresh=refresh,
        match=match,
        rotations=rotations,
        sizes=sizes,
    )
    _check(chosen, scales, steps, neighbourhood, memory, network_size)
    device = device_of(problem.device)
    names = tuple(dict.fromkeys(name.strip() for name in chosen.layers.split(",")))
    net = read(located(weights, lambda done, total: problem.report(Step(0, 1, remark=f"weights {done / total:.0%}"))))
    net.check([*names, *([chosen.content_layer] if chosen.content_layer else [])])
    first = first_fill(problem, content, network_size, network_range)
    with settled() as plan:
        settings = Settings(
            preset=chosen,
            layers=names,
            net=net.to(device),
            device=device,
            steps=steps,
            optimizer=optimizer,
            neighbourhood=neighbourhood,
            strict=strict,
            memory=memory << 20,
            share=float(np.count_nonzero(problem.hole)) / _PAPER_HOLE,
        )
        count = scales or (1 if preset == "default" and copies(content) else 3)
        filled, facts = _coarse_to_fine(problem, settings, first, count)
    problem.note(weights=net.source, layers=names, device=str(device), **plan, **facts)
    return filled


def _chosen(preset: Preset, *, copied: bool, **options: Any) -> Preset:
    """A preset with the options that are not None."""
    chosen = replace(preset, **{name: value for name, value in options.items() if value is not None})
    return chosen if copied else replace(chosen, rim=0.0)  # a smooth first fill would stay smooth there


def _check(
    chosen: Preset, scales: int | None, steps: int, neighbourhood: int | None, memory: int, network_size: int
) -> None:
    for name, value, lowest, highest in (
        ("scales", 1 if scales is None else scales, 1, 8),
        ("steps", steps, 0, 10_000),
        ("refresh", chosen.refresh, 1, math.inf),
        ("alpha", chosen.alpha, 0, math.inf),
        ("beta", chosen.beta, 0, math.inf),
        ("neighbourhood", 1 if neighbourhood is None else neighbourhood, 1, math.inf),
        ("rotations", chosen.rotations, 0, 4),
        ("sizes", chosen.sizes, 0, 4),
        ("memory", memory, 16, math.inf),
        ("network_size", network_size, 8, 4096),
    ):
        if not lowest <= value <= highest:
            upper = "or more" if highest == math.inf else f"to {highest}"
            raise ValueError(f"mnps' option {name} is {value:g}: expected {lowest} {upper}")


def _coarse_to_fine(problem: Problem, settings: Settings, first: Image, scales: int) -> tuple[Image, dict[str, Any]]:
    """The crop with its hole filled, and the facts of all scales."""
    channels = problem.image.shape[2]
    kept = channels - problem.alpha  # alpha stays the first fill's
    pyramid = masked_pyramid(problem.image, problem.known, problem.hole, levels=scales, min_side=1)
    contents = [first]
    for level in pyramid[:-1]:
        coloured = problem.known | problem.hole if level is pyramid[0] else level.known | level.hole
        contents.append(halved(contents[-1], coloured))
    rounds = max(settings.steps, 1)
    total, done = float(sum(level.hole.size for level in pyramid) * rounds), 0.0
    facts: dict[str, Any] = {"energy": (), "evaluations": (), "sources": ()}
    result: Image | None = None
    for number in reversed(range(len(pyramid))):
        level, target = pyramid[number], contents[number][..., :kept]
        if result is not None:
            if settings.preset.detail:
                change = result - contents[number + 1][..., :kept]
                target = target + upsampled(_within(pyramid[number + 1], change), level.hole.shape)
            else:
                target = upsampled(result, level.hole.shape)
        scale = Scale(settings, level, _start(level, target), number)

        def report(step: int, energy: float, level: Level = level, done: float = done) -> None:
            problem.report(Step(min(done + level.hole.size * step, total), total, energy))

        found = refined(scale, report)
        result = found.colours
        done += level.hole.size * rounds
        facts["energy"] += (found.energy,)
        facts["evaluations"] += (found.evaluations,)
        facts["sources"] += (found.sources,)
    assert result is not None
    filled = first.copy()
    filled[problem.hole, :kept] = result[problem.hole]
    return filled, facts | {"scales": len(pyramid)}


def _within(level: Level, change: Image) -> Image:
    """What a scale has changed: nothing outside its hole."""
    return np.where(level.hole[..., None], change, 0).astype(np.float32)


def _start(level: Level, target: Image) -> Image:
    """The known colours, with the content in the hole."""
    start = np.where(level.known[..., None], level.image[..., : target.shape[2]], target)
    start[~(level.known | level.hole)] = NEUTRAL
    return start.astype(np.float32)

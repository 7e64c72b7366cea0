"""Multi-scale neural patch synthesis (Yang et al. 2017): a fill whose VGG19 patches are those of its surroundings.

From coarse to fine, the hole's pixels x are moved to lower

    E(x) = |x - t|^2 + alpha E_t(x) + beta TV(x),    E_t = sum over layers, mean over R of |P_i(x) - P_nn(i)|^2

with L-BFGS. doi:10.1109/CVPR.2017.434

Symbols: t, the content, a prediction at the coarsest scale and at every other the upsampled result of the one before;
R, the hole's cells on a layer's feature map; P_i, the 3 x 3 patch of features around cell i; nn(i), the patch most like
it among those that share no cell with R; TV, squared differences of neighbouring pixels. Colours are in [0, 1].

The sum over R's patches is one over cells: cell a lies in c_a patches, whose sources have the mean m_a there, so that

    sum of |P_i - P_nn(i)|^2 = sum of c_a |F_a - m_a|^2 + what does not depend on x.

The paper fills holes of 256 x 256 pixels; E_t goes with the hole's share of that, so that one alpha does for any hole.
Layers are divided by their root mean squares, and alpha is in the paper's units with those of Caffe's weights.

The paper's alpha leaves a smooth first fill smooth, and the nearest patch of a smooth one is smooth: the default weighs
the texture forty times as much and matches by correlation. See also ``Preset``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpaintkit.picture import PictureColours
from inpaintkit.prior._content import Content, copies, first_fill, rgb
from inpaintkit.prior._patches import MEMORY_LEFT, Sources, Window, nearest_patches, offsets
from inpaintkit.prior._torch import device_of, settled
from inpaintkit.prior.vgg import LAYERS, Vgg19, read
from inpaintkit.prior.weights import located
from inpaintkit.problem import NEUTRAL, Image, Mask, Problem, Step
from inpaintkit.pyramid import Level, halved, masked_pyramid, upsampled

_CAFFE = 376.0  # root mean square of relu3_1 with Caffe's weights, which the paper's alpha belongs to
_PAPER_HOLE = 256 * 256  # pixels
_SEEN = (-1.0, 2.0)  # what the network is shown of colours far outside [0, 1]
_LONGER = 4.0  # times; sources that cancel out say nothing
_EDGE = 16  # px by which the picture is continued where it ends, so that the zeros beyond do not show
_TILE_BYTES = 1400  # a pixel costs so much while gradients are taken
_LEAST_TILE = 64  # px
_CODE_RANGE = 256.0  # white, in the released code
_TURN, _ZOOM = math.pi / 24, 1.05  # steps of turned and scaled copies, as in the released code
_RIM = 2.0  # px over which the hold on the rim falls off
_LEARNING_RATE = 0.01  # of Adam, in units of the range


@dataclass(frozen=True)
class Preset:
    """Values of the options left at None, and what only the presets set.

    Attributes
    ----------
    full : the mean source of a cell is made as long as its sources are on the mean (root mean square); means of unlike
        patches are short, which would take the texture's contrast.
    inner : a cell counts by the square of the hole's share in what it sees: what the known part settles would otherwise
        be made up for by the few pixels at the rim, in glaring colours.
    rim : further weight at the rim, gone some pixels further in, of a first fill that copies: without it the few pixels
        there, which answer for what the known part settles, show as dots.
    colour : further weight of changes that the channels do not share, which the network hardly sees in fine detail.
    stride : every how many rows and columns a source patch begins.
    detail : the content's own detail is put back at every scale; otherwise t is the upsampled result alone.
    content_layer : the energy has the released code's form: the content is compared at this layer, weighted with
        ``content_weight``; a cell counts once; the units are those of colours up to 256.
    """

    layers: str
    alpha: float
    beta: float
    refresh: int
    match: Literal["l2", "correlation"]
    rotations: int = 0
    sizes: int = 0
    stride: int = 1
    full: bool = False
    inner: bool = False
    rim: float = 0.0
    colour: float = 0.0
    detail: bool = False
    content_layer: str = ""
    content_weight: float = 1.0
    line_search: bool = True


PRESETS = {
    "default": Preset(
        "relu3_1", 2e-4, 0.02, 25, "correlation", full=True, inner=True, rim=10.0, colour=20.0, detail=True
    ),
    "paper": Preset("relu3_1,relu4_1", 5e-6, 5e-6, 10, "l2"),
    "code": Preset(
        "relu4_1",
        1e-4,
        1e-4,
        100,
        "correlation",
        1,
        1,
        2,
        content_layer="relu4_2",
        content_weight=20,
        line_search=False,
    ),
}


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
    content : the first fill: a method's name; a picture of the same size (from Python); the file of a picture; or of a
        content network, TorchScript (.pt, .ts) or ONNX (.onnx), which is the paper's own form: the paper trained one.
    weights : file of VGG19's weights; None: the variable INPAINTKIT_VGG19, else the cache folder, else a download.
    preset : values of the options left out: those measured here, the paper's, or those of its released code.
    layers : VGG19's layers, separated by commas, e.g. relu3_1,relu4_1.
    scales : sizes of the picture, each half the one before, 1 to 8; None: 3, and 1 with the default preset and a first
        fill that copies, whose large shapes are settled; fewer where the hole vanishes.
    steps : iterations at each scale, 0 to 10000.
    refresh : nearest patches are searched anew after so many iterations, 1 or more.
    alpha : weight of the texture, 0 or more.
    beta : weight of the total variation, 0 or more.
    match : nearest patches by distance or by normalised correlation.
    optimizer : L-BFGS (with a strong Wolfe line search) or Adam.
    neighbourhood : how far a source may lie, in pixels of the picture; None: anywhere in the crop.
    strict : no source feature may see a pixel of the hole, where enough sources remain.
    rotations : source patches also turned by up to so many steps of 7.5 degrees either way, 0 to 4.
    sizes : source patches also scaled by up to so many steps of 5 % either way, 0 to 4.
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
    chosen = PRESETS[preset]
    given: dict[str, Any] = {
        "layers": layers, "alpha": alpha, "beta": beta, "refresh": refresh, "match": match, "rotations": rotations,
        "sizes": sizes,
    }  # fmt: skip
    chosen = replace(chosen, **{name: value for name, value in given.items() if value is not None})
    if not copies(content):
        chosen = replace(chosen, rim=0.0)  # what is smooth would stay so
    _check(chosen, scales, steps, neighbourhood, memory, network_size)
    device = device_of(problem.device)
    names = tuple(dict.fromkeys(name.strip() for name in chosen.layers.split(",")))
    net = read(located(weights, lambda done, total: problem.report(Step(0, 1, remark=f"weights {done / total:.0%}"))))
    net.check([*names, *([chosen.content_layer] if chosen.content_layer else [])])
    first = first_fill(problem, content, network_size, network_range)
    with settled() as settings:
        work = _Work(problem, chosen, names, net.to(device), device, steps, optimizer, neighbourhood, strict, memory)
        filled = work.filled(first, scales or (1 if preset == "default" and copies(content) else 3))
    problem.note(weights=net.source, layers=names, device=str(device), **settings, **work.facts)
    return filled


def _check(
    chosen: Preset, scales: int | None, steps: int, neighbourhood: int | None, memory: int, network_size: int
) -> None:
    for name, value, least, most in (
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
        if not least <= value <= most:
            upper = "or more" if most == math.inf else f"to {most}"
            raise ValueError(f"mnps' option {name} is {value:g}: needed is {least} {upper}")


# Coarse to fine


class _Work:
    """One region's fill: what all scales share."""

    def __init__(
        self, problem: Problem, chosen: Preset, names: tuple[str, ...], net: Vgg19, device: torch.device, steps: int,
        optimizer: str, neighbourhood: int | None, strict: bool, memory: int,
    ) -> None:  # fmt: skip
        self.problem, self.chosen, self.names, self.net, self.device = problem, chosen, names, net, device
        self.steps, self.optimizer, self.neighbourhood, self.strict = steps, optimizer, neighbourhood, strict
        self.memory = memory << 20  # bytes
        channels = problem.image.shape[2]
        self.colours = channels - (channels in (2, 4))
        self.share = float(np.count_nonzero(problem.hole)) / _PAPER_HOLE
        self.facts: dict[str, Any] = {"energy": (), "evaluations": (), "sources": ()}

    def filled(self, first: Image, scales: int) -> Image:
        problem, kept = self.problem, self.colours
        there = problem.known | problem.hole
        pyramid = masked_pyramid(problem.image, problem.known, problem.hole, levels=scales, min_side=1)
        contents = [first]
        for level in pyramid[:-1]:
            contents.append(halved(contents[-1], there if level is pyramid[0] else level.known | level.hole))
        self.total = float(sum(level.hole.size for level in pyramid) * max(self.steps, 1))
        self.done = 0.0
        result: Image | None = None
        for number, (level, content) in reversed(list(enumerate(zip(pyramid, contents, strict=True)))):
            target = content[..., :kept]
            if result is not None:
                if self.chosen.detail:  # what the coarser scale has changed, which is nothing outside its hole
                    change = np.where(pyramid[number + 1].hole[..., None], result - contents[number + 1][..., :kept], 0)
                    target = target + upsampled(change.astype(np.float32), level.hole.shape)
                else:
                    target = upsampled(result, level.hole.shape)
            start = np.where(level.known[..., None], level.image[..., :kept], target)
            start[~(level.known | level.hole)] = NEUTRAL
            scale = _Scale(self, level, start.astype(np.float32), number)
            result = scale.optimised()
            self.done += level.hole.size * max(self.steps, 1)
        assert result is not None
        self.facts["scales"] = len(pyramid)
        filled = first.copy()
        filled[problem.hole, :kept] = result[problem.hole]
        return filled

    def report(self, step: int, cells: int, loss: float) -> None:
        self.problem.report(Step(min(self.done + cells * step, self.total), self.total, loss))


class _Scale:
    """One size of the picture: the hole's pixels as variables, and all that stays as it is."""

    def __init__(self, work: _Work, level: Level, start: Image, number: int) -> None:
        self.work, self.level, self.number = work, level, number
        self.cell = max(LAYERS[name].cell for name in self.layers)
        self.reach = max(LAYERS[name].reach for name in self.layers)
        height, width = level.hole.shape
        edge = -(-_EDGE // self.cell) * self.cell
        # The picture goes on as its mirror image, a whole number of cells wide.
        rows, columns = (
            np.pad(np.arange(side), (edge, edge + -side % self.cell), mode="symmetric") for side in (height, width)
        )
        self.inner = Window(edge, edge, edge + height, edge + width)
        self.shape = len(rows), len(columns)
        self.picture = self._tensor(rgb(start)[rows][:, columns].transpose(2, 0, 1))  # (3, H, W)
        variable = np.full(level.hole.shape, -1)
        variable[level.hole] = np.arange(np.count_nonzero(level.hole))
        self.variable = variable[rows][:, columns]  # (H, W), which variable a pixel shows, or -1
        self.blocked = ~level.known[rows][:, columns]
        self.start = self._tensor(start[level.hole])  # (n, K)
        self.holes: dict[Window, tuple[Tensor, Tensor]] = {}  # places of a window's hole, and the variables there

    @property
    def layers(self) -> tuple[str, ...]:
        extra = self.work.chosen.content_layer
        return (*self.work.names, *([extra] if extra else []))

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.work.device, self._dtype)

    @property
    def _dtype(self) -> torch.dtype:
        return next(iter(self.work.net.weights.values()))[0].dtype

    def optimised(self) -> Image:
        """The level's colours (H, W, K) with the hole filled."""
        hole = self.level.hole
        x = self.start.clone()
        textures = [texture for name in self.work.names if (texture := self._texture(name))]
        self.work.facts["sources"] += (sum(texture.count for texture in textures),)
        if textures and self.work.steps and len(x):
            x = self._minimised(x, textures)
        else:
            self.work.facts["energy"] += ((0.0, 0.0),)
            self.work.facts["evaluations"] += (0,)
        inner = self.picture[(slice(None), *self.inner.slices)]
        colours = inner.cpu().numpy().transpose(1, 2, 0)[..., : x.shape[1]].astype(np.float32)
        colours[hole] = x.cpu().numpy()
        return np.ascontiguousarray(colours)

    def _texture(self, name: str) -> _Texture | None:
        texture = _Texture(self, name)
        return texture if texture.count and len(texture.places) else None

    def _minimised(self, x: Tensor, textures: list[_Texture]) -> Tensor:
        work, chosen = self.work, self.work.chosen
        energy = _Energy(self, textures, x)
        x = x.requires_grad_()
        taken = 0
        while taken < work.steps:
            rounds = min(chosen.refresh, work.steps - taken)
            energy.refresh(x.detach())
            (self._adam if work.optimizer == "adam" else self._lbfgs)(x, energy, rounds, taken)
            taken += rounds
        last = energy.with_gradient(x)  # a line search may have ended at another point than it tried last
        work.facts["energy"] += ((energy.first, last),)
        work.facts["evaluations"] += (energy.evaluations,)
        return x.detach()

    def _lbfgs(self, x: Tensor, energy: _Energy, rounds: int, taken: int) -> None:
        search = "strong_wolfe" if self.work.chosen.line_search else None
        most = 2 * rounds if search else math.ceil(1.25 * rounds)
        history = 10 if search else 25
        optimizer = torch.optim.LBFGS(
            [x], lr=1.0, max_iter=rounds, max_eval=most, tolerance_grad=0.0, tolerance_change=0.0,
            history_size=history, line_search_fn=search,
        )  # fmt: skip
        told = energy.evaluations

        def closure() -> float:
            loss = energy.with_gradient(x)
            self.work.report(taken + min(rounds, energy.evaluations - told), self.level.hole.size, loss)
            return loss

        optimizer.step(closure)

    def _adam(self, x: Tensor, energy: _Energy, rounds: int, taken: int) -> None:
        optimizer = torch.optim.Adam([x], lr=_LEARNING_RATE)
        for step in range(rounds):
            loss = energy.with_gradient(x)
            optimizer.step()
            self.work.report(taken + step + 1, self.level.hole.size, loss)

    def shown(self, x: Tensor, window: Window) -> Tensor:
        """A window of the continued picture with the variables in the hole, (1, 3, h, w), as the network sees it."""
        base = self.picture[(slice(None), *window.slices)]
        if window not in self.holes:
            flat = self.variable[window.slices].reshape(-1)
            inside = np.flatnonzero(flat >= 0)
            self.holes[window] = torch.from_numpy(inside).to(x.device), torch.from_numpy(flat[inside]).to(x.device)
        places, variable = self.holes[window]
        colours = x[variable].T.expand(3, -1)
        shown = base.reshape(3, -1).index_copy(1, places, colours)
        return shown.reshape(1, *base.shape).clamp(*_SEEN)

    def map(self, picture: Callable[[Window], Tensor], name: str, within: Window) -> Iterator[tuple[Window, Tensor]]:
        """A layer's features over a window, tile by tile so that memory stays bounded, without gradients."""
        with torch.no_grad():
            for tile in within.tiles(self.tile_side()):
                yield tile, self.cut(picture, tile, [name])[name]

    def cut(self, picture: Callable[[Window], Tensor], tile: Window, names: Iterable[str]) -> dict[str, Tensor]:
        """Layers' features (D, h, w) of a tile, exact: taken from a window as much larger as a feature sees."""
        window = tile.grown(max(LAYERS[name].reach for name in names), self.shape, self.cell)
        found = self.work.net.features(picture(window), names)
        for name, features in found.items():
            found[name] = features[(slice(None), *tile.cells(LAYERS[name].cell, window))]
        return found

    def tile_side(self) -> int:
        """Side of a tile whose gradients fit the memory, whole cells."""
        side = int(math.sqrt(self.work.memory / _TILE_BYTES)) - 2 * self.reach
        return max(_LEAST_TILE, side // self.cell * self.cell)


class _Texture:
    """One layer at one scale: the hole's patches, where they may copy from, and what they do copy."""

    def __init__(self, scale: _Scale, name: str) -> None:
        self.scale, self.name, self.layer = scale, name, LAYERS[name]
        work, cell = scale.work, self.layer.cell
        self.height, self.width = (side // cell for side in scale.shape)
        shown = np.zeros(scale.shape, np.bool_)
        shown[scale.inner.slices] = True
        hole = _pooled((scale.variable >= 0) & shown, cell)
        self.places = _places(hole)  # (N,) middle cells of R's patches, flat; the picture's edge is cells away
        seen = cv2.blur((scale.variable >= 0).astype(np.float32), (cell + 2 * self.layer.reach,) * 2)
        self.inner = scale._tensor(_cells(seen, cell).mean(axis=(1, 3)) ** 2)
        # Mirrored pixels are no sources of their own; what they add to a feature of the picture is.
        usable = self._usable(scale.blocked) & _pooled(shown, cell)
        if work.strict:
            square = np.ones(2 * (2 * self.layer.reach + 1,), np.uint8)
            apart = self._usable(cv2.dilate(scale.blocked.view(np.uint8), square) > 0) & usable
            usable = apart if np.count_nonzero(apart) >= len(self.places) else usable
        self.centres = _places(self._offered(usable))
        self.count = len(self.centres)
        if not self.count or not len(self.places):
            return
        device = work.device
        self.targets = torch.from_numpy(self.places).to(device)
        whole = Window(0, 0, *scale.shape)
        parts = scale.map(_windows_of(scale.picture), name, whole)
        self.sources = [self._sources(parts, torch.from_numpy(self.centres).to(device), (self.height, self.width))]
        self.sources += self._turned()
        y, x = np.divmod(self.places, self.width)
        box = Window(*(int(v) * cell for v in (y.min() - 1, x.min() - 1, y.max() + 2, x.max() + 2)))
        self.box = box.grown(0, scale.shape, scale.cell)
        self.changing = box.grown(self.layer.reach, scale.shape, scale.cell)  # features that see the hole

    def _usable(self, blocked: Mask) -> Mask:
        """Middle cells of patches none of whose cells holds a blocked pixel."""
        cells = _pooled(blocked, self.layer.cell)
        free: Mask = cv2.dilate(cells.view(np.uint8), np.ones((3, 3), np.uint8)) == 0
        return free

    def _offered(self, usable: Mask) -> Mask:
        """Those of the middle cells that lie inside the map, and on the stride."""
        offered = np.zeros_like(usable)
        step = self.scale.work.chosen.stride
        inside = slice(step if step > 1 else 1, -1, step)
        offered[inside, inside] = usable[inside, inside]
        return offered

    def _sources(self, parts: Iterator[tuple[Window, Tensor]], centres: Tensor, shape: tuple[int, int]) -> Sources:
        rows: Tensor | None = None
        for tile, features in parts:
            if rows is None:
                rows = features.new_zeros((*shape, len(features)))
            rows[tile.cells(self.layer.cell)] = features.permute(1, 2, 0)
        assert rows is not None
        return Sources(rows.reshape(-1, rows.shape[2]), shape[1], centres)

    def _turned(self) -> list[Sources]:
        """Turned and scaled copies of the picture, each about its middle."""
        scale, chosen = self.scale, self.scale.work.chosen
        height, width = scale.shape
        pixels = np.ascontiguousarray(scale.picture.cpu().numpy().transpose(1, 2, 0), np.float32)
        middle = ((width - 1) / 2, (height - 1) / 2)
        blocked = scale.blocked.astype(np.float32)
        copies = []
        for turn in range(-chosen.rotations, chosen.rotations + 1):
            for zoom in range(-chosen.sizes, chosen.sizes + 1):
                if (turn, zoom) == (0, 0):
                    continue
                matrix = cv2.getRotationMatrix2D(middle, math.degrees(turn * _TURN), _ZOOM**zoom)
                turned = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
                bad = cv2.warpAffine(blocked, matrix, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=1.0)
                places = _places(self._offered(self._usable(bad > 0)))
                if len(places):
                    picture = scale._tensor(turned.transpose(2, 0, 1))
                    parts = scale.map(_windows_of(picture), self.name, Window(0, 0, *scale.shape))
                    shape = (self.height, self.width)
                    copies.append(self._sources(parts, torch.from_numpy(places).to(scale.work.device), shape))
        return copies

    def refresh(self, x: Tensor) -> None:
        """Nearest patches with the estimate in the hole: the mean source m and the count c of every cell of the box."""
        scale = self.scale
        source = self.sources[0]
        grid = source.rows.reshape(self.height, self.width, -1)
        for tile, features in scale.map(lambda window: scale.shown(x, window), self.name, self.changing):
            grid[tile.cells(self.layer.cell)] = features.permute(1, 2, 0)
        rows, columns = self.box.cells(self.layer.cell)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        total = grid.new_zeros((height * width, grid.shape[2]))
        counts = grid.new_zeros(height * width)
        squares = grid.new_zeros(height * width)
        for places in torch.split(self.targets, self._chunk(source)):
            which, centre = self._nearest(places)
            here = (places // self.width - rows.start) * width + places % self.width - columns.start
            for number, stock in enumerate(self.sources):
                mine = which == number
                for to, step in zip(offsets(width), offsets(stock.width), strict=True):
                    copied = stock.rows[centre[mine] + step]
                    total[here[mine] + to] += copied  # no cell twice, so that nothing is lost
                    counts[here[mine] + to] += 1
                    squares[here[mine] + to] += copied.square().sum(dim=1)
        self.counts = counts.reshape(height, width)
        self.weights = self.counts * self.inner[rows, columns] if scale.work.chosen.inner else self.counts
        self.mean = (total / counts.clamp_min(1)[:, None]).reshape(height, width, -1)
        met = counts * self.mean.square().sum(dim=2).reshape(-1)
        self.spread = float((squares - met).sum(dtype=torch.float64))  # of the sources about their means
        if scale.work.chosen.full:
            self.mean *= (squares / met.clamp_min(1e-12)).sqrt().clamp_max(_LONGER).reshape(height, width, 1)

    def _chunk(self, source: Sources) -> int:
        """Target patches that take a quarter of the memory."""
        return max(1, self.scale.work.memory // (4 * source.rows.element_size() * 9 * source.rows.shape[1]))

    def _nearest(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Maps and middle cells of the nearest source patches."""
        match, memory = self.scale.work.chosen.match, self.scale.work.memory // 4
        patches = Sources(self.sources[0].rows, self.width, places).patches(places)
        which, centre = nearest_patches(patches, self.sources, match, memory, self._near(places))
        alone = which < 0  # nothing so near: from anywhere
        if alone.any():
            which[alone], centre[alone] = nearest_patches(patches[alone], self.sources, match, memory)
        return which, centre

    def _near(self, places: Tensor) -> Callable[[int, Tensor], Tensor] | None:
        if self.scale.work.neighbourhood is None:
            return None
        radius = max(2, self.scale.work.neighbourhood >> self.scale.number) / self.layer.cell
        y, x = places // self.width, places % self.width

        def near(number: int, some: Tensor) -> Tensor:
            width = self.sources[number].width
            away = torch.maximum((y[:, None] - some[None] // width).abs(), (x[:, None] - some[None] % width).abs())
            return away <= radius

        return near


def _windows_of(picture: Tensor) -> Callable[[Window], Tensor]:
    """Gives windows of a picture (3, H, W), as the network sees them."""
    return lambda window: picture[(slice(None), *window.slices)][None].clamp(*_SEEN)


def _places(mask: Mask) -> NDArray[np.int64]:
    """Flat places of the marked cells."""
    return np.flatnonzero(mask).astype(np.int64)


def _pooled(mask: Mask, cell: int) -> Mask:
    """Cells that hold a marked pixel."""
    return np.asarray(_cells(mask, cell).any(axis=(1, 3)))


def _cells(plane: NDArray[Any], cell: int) -> NDArray[Any]:
    """Every cell's pixels, (H / cell, cell, W / cell, cell)."""
    height, width = (side // cell for side in plane.shape)
    return plane.reshape(height, cell, width, cell)


class _Energy:
    """E(x) and its gradient at one scale, summed over tiles."""

    def __init__(self, scale: _Scale, textures: list[_Texture], target: Tensor) -> None:
        self.scale, self.textures, self.target = scale, textures, target.clone()
        chosen = scale.work.chosen
        self.first = 0.0
        self.evaluations = 0
        self.side = scale.tile_side()
        self.content = chosen.content_layer
        self.alpha = chosen.alpha * _CAFFE**2 * (0.5 if self.content else scale.work.share)
        self.beta = chosen.beta * (_CODE_RANGE**2 / 2 if self.content else 1)
        beyond = cv2.distanceTransform((~scale.level.known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) - 1
        self.hold = scale._tensor(1 + chosen.rim * np.exp(-beyond[scale.level.hole] / _RIM))
        self._differences()

    def refresh(self, x: Tensor) -> None:
        for texture in self.textures:
            texture.refresh(x)
        self.tiles = self._tiles()

    def with_gradient(self, x: Tensor) -> float:
        """E(x); its gradient goes into ``x.grad``."""
        while True:
            x.grad = None
            try:
                value = self._summed(x)
                break
            except torch.cuda.OutOfMemoryError:
                if self.side <= _LEAST_TILE:
                    raise MemoryError(f"the GPU's memory does not hold the network for a tile: {MEMORY_LEFT}") from None
                self.side = max(_LEAST_TILE, self.side // 2 // self.scale.cell * self.scale.cell)
                torch.cuda.empty_cache()
                self.tiles = self._tiles()
        if not self.evaluations:
            self.first = value
        self.evaluations += 1
        return value

    def _summed(self, x: Tensor) -> float:
        loss = self.beta * self._variation(x)
        if not self.content:
            change = x - self.target
            own = change - change.mean(dim=1, keepdim=True)
            held = change.square().sum(dim=1) + self.scale.work.chosen.colour * own.square().sum(dim=1)
            loss = loss + (self.hold * held).sum()
        loss.backward()
        value = float(loss.detach())
        if not (self.content or self.scale.work.chosen.inner or self.scale.work.chosen.full):
            value += sum(self.alpha / len(texture.places) * texture.spread for texture in self.textures)
        for tile, terms in self.tiles:
            found = self.scale.cut(lambda window: self.scale.shown(x, window), tile, list(terms))
            part = torch.stack(
                [(count * (found[name] - mean).square().sum(dim=0)).sum() for name, (mean, count) in terms.items()]
            ).sum()
            part.backward()
            value += float(part.detach())
        return value

    def _tiles(self) -> list[tuple[Window, dict[str, tuple[Tensor, Tensor]]]]:
        """Tiles that hold cells of R's patches; for each layer m (D, h, w) and the weight of its cells (h, w)."""
        tiles = []
        boxes = [texture.box for texture in self.textures]
        top, left = min(box.top for box in boxes), min(box.left for box in boxes)
        box = Window(top, left, max(box.bottom for box in boxes), max(box.right for box in boxes))
        for tile in box.tiles(self.side):
            terms = {}
            for texture in self.textures:
                part = self._part(texture, tile)
                if part is not None:
                    terms[texture.name] = part
            if terms and self.content:
                terms[self.content] = self._content(tile, box)
            if terms:
                tiles.append((tile, terms))
        return tiles

    def _part(self, texture: _Texture, tile: Window) -> tuple[Tensor, Tensor] | None:
        """A texture's m and weights over a tile, zero outside its box."""
        count = texture.weights.new_zeros(tile.size(texture.layer.cell))
        mean = texture.mean.new_zeros((*count.shape, texture.mean.shape[2]))
        both = tile.common(texture.box)
        if both is None:
            return None
        mine, here = both.cells(texture.layer.cell, texture.box), both.cells(texture.layer.cell, tile)
        count[here], mean[here] = texture.weights[mine], texture.mean[mine]
        if not count.any():
            return None
        weight = (
            (count > 0).to(count.dtype) * self.alpha if self.content else count * (self.alpha / len(texture.places))
        )
        return mean.permute(2, 0, 1).contiguous(), weight

    def _content(self, tile: Window, box: Window) -> tuple[Tensor, Tensor]:
        """The content's features over a tile, and their weight in the mean over the box."""
        with torch.no_grad():
            features = self.scale.cut(lambda window: self.scale.shown(self.target, window), tile, [self.content])
        found = features[self.content]
        height, width = box.size(LAYERS[self.content].cell)
        weight = self.scale.work.chosen.content_weight * _CAFFE**2 / (len(found) * height * width)
        return found, found.new_full(found.shape[1:], weight)

    def _differences(self) -> None:
        """Pairs of neighbours of which one at least lies in the hole and both have a colour."""
        level, device = self.scale.level, self.scale.work.device
        there = level.known | level.hole
        pairs = []
        flat = np.arange(level.hole.size).reshape(level.hole.shape)
        for a, b in (
            ((slice(1, None),), (slice(None, -1),)),
            ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ):
            counts = (level.hole[a] | level.hole[b]) & there[a] & there[b]
            pairs.append((flat[a][counts], flat[b][counts]))
        one, other = (torch.from_numpy(np.concatenate(sides)).to(device) for sides in zip(*pairs, strict=True))
        self.pairs = one, other
        inner = self.scale.picture[(slice(None), *self.scale.inner.slices)]
        self.colours = inner.permute(1, 2, 0).reshape(level.hole.size, 3)[:, : self.target.shape[1]]
        self.hole = torch.from_numpy(np.flatnonzero(level.hole)).to(device)

    def _variation(self, x: Tensor) -> Tensor:
        colours = self.colours.index_copy(0, self.hole, x)
        one, other = self.pairs
        return (colours[one] - colours[other]).square().sum()

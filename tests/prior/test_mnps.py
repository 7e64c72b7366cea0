"""Neural patch synthesis with a tiny random VGG19: gradients, nearest patches, sources, contents, presets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import skimage.data

import inpaintkit
from conftest import boxed
from inpaintkit import inpaint
from inpaintkit.problem import Problem
from inpaintkit.pyramid import masked_pyramid

torch = pytest.importorskip("torch")

from inpaintkit.prior import _scale
from inpaintkit.prior._energy import Energy
from inpaintkit.prior._patches import Sources, nearest_patches, offsets
from inpaintkit.prior._presets import PRESETS
from inpaintkit.prior._scale import Scale, Settings
from inpaintkit.prior._texture import Texture, textures_of
from inpaintkit.prior.mnps import mnps
from inpaintkit.prior.vgg import Vgg19, read

pytestmark = pytest.mark.usefixtures("one_thread")

FAST = {"content": "harmonic", "steps": 4, "scales": 2}


@pytest.fixture(scope="module")
def grass():
    return skimage.data.grass()[:96, :96].copy()


def scale_of(tiny_vgg, problem, start, layers, dtype, preset="default", memory=256, more=None, **search) -> Scale:
    """The problem's full size as a scale of float64 or float32; ``more`` changes the preset."""
    settings = Settings(
        preset=replace(PRESETS[preset], layers=",".join(layers), **(more or {})),
        layers=layers,
        net=read(tiny_vgg).to(torch.device("cpu"), dtype),
        device=torch.device("cpu"),
        steps=1,
        optimizer="lbfgs",
        memory=memory << 20,
        share=np.count_nonzero(problem.hole) / 256**2,
        **{"neighbourhood": None, "strict": False, **search},
    )
    return Scale(settings, masked_pyramid(problem.image, problem.known, problem.hole, levels=1)[0], start, 0)


def energy_of(tiny_vgg, image, hole, layers=("relu2_1", "relu3_1"), memory=256, preset="default", **more):
    """E of one scale in float64, x somewhat off the content, the scale and its textures."""
    problem = Problem.create(np.float32(image) / 255, hole)
    start = np.where(hole[..., None], np.float32(image) / 255 * 0.7 + 0.1, problem.image)
    scale = scale_of(tiny_vgg, problem, start, layers, torch.float64, preset, memory, more)
    textures = textures_of(scale)
    energy = Energy(scale, textures, scale.start)
    rng = torch.Generator().manual_seed(1)
    x = (scale.start + 0.1 * torch.randn(scale.start.shape, generator=rng, dtype=torch.float64)).requires_grad_()
    energy.refresh(x.detach())
    return energy, x, scale, textures


def slopes(energy, x, count, step=1e-6):
    """Central differences of E along random directions, beside the gradient's."""
    energy.with_gradient(x)
    gradient = x.grad.clone()
    rng = torch.Generator().manual_seed(2)
    for _ in range(count):
        way = torch.randn(x.shape, generator=rng, dtype=torch.float64)
        above, below = (energy.with_gradient((x.detach() + sign * step * way).requires_grad_()) for sign in (1, -1))
        yield (above - below) / (2 * step), float((gradient * way).sum())


@pytest.mark.parametrize("preset", ["default", "code"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_is_that_of_finite_differences(tiny_vgg, photo, channels, preset):
    hole = boxed((64, 64), 20, 0, 18, 23)
    hole[50, 50] = True
    energy, x, *_ = energy_of(tiny_vgg, photo(64, channels), hole, preset=preset, alpha=1e-3, beta=0.1)
    for measured, computed in slopes(energy, x, 3):
        assert measured == pytest.approx(computed, rel=1e-5)


def test_the_energy_is_the_papers_sum_over_patches(tiny_vgg, photo):
    """Every term computed anew from the whole picture: patches one by one, the nearest by trying all."""
    hole = boxed((64, 64), 24, 28, 9, 14)
    energy, x, scale, textures = energy_of(
        tiny_vgg,
        photo(64),
        hole,
        ("relu3_1",),
        alpha=1e-3,
        beta=0.1,
        match="l2",
        inner=False,
        full=False,
        rim=0.0,
        colour=0.0,
    )
    found = energy.with_gradient(x)

    whole = np.float64(scale.start.numpy())
    image = np.float64(np.float32(photo(64)) / np.float32(255))
    image[hole] = x.detach().numpy()
    padded = np.pad(image, ((16, 16), (16, 16), (0, 0)), mode="symmetric")
    tensor = torch.from_numpy(padded.transpose(2, 0, 1)[None].copy())
    features = scale.settings.net.features(tensor, ["relu3_1"])["relu3_1"].numpy()
    cells = np.pad(hole, 16, mode="symmetric").reshape(24, 4, 24, 4).any(axis=(1, 3))

    def patch(y, x):
        return features[:, y - 1 : y + 2, x - 1 : x + 2]

    inside = [(y, x) for y, x in np.argwhere(cells) if 4 <= y < 20 and 4 <= x < 20]
    outside = [(y, x) for y in range(4, 20) for x in range(4, 20) if not cells[y - 1 : y + 2, x - 1 : x + 2].any()]
    distance = [min(np.square(patch(*a) - patch(*b)).sum() for b in outside) for a in inside]
    texture = 1e-3 * 376**2 * np.count_nonzero(hole) / 256**2 * np.mean(distance)
    content = np.square(image[hole] - whole).sum()
    variation = 0.0
    for y, x in np.argwhere(np.ones_like(hole)):
        for a, b in ((y + 1, x), (y, x + 1)):
            if a < 64 and b < 64 and (hole[y, x] or hole[a, b]):
                variation += np.square(image[a, b] - image[y, x]).sum()
    assert textures[0].count == len(outside)
    assert found == pytest.approx(texture + content + 0.1 * variation)


def test_tiles_change_neither_the_energy_nor_its_gradient(tiny_vgg, photo, monkeypatch):
    hole = boxed((112, 112), 16, 8, 80, 84)
    found = []
    for cost in (_scale.BYTES_PER_PIXEL, 10**9):  # all at once, then tiles as small as they may be
        monkeypatch.setattr(_scale, "BYTES_PER_PIXEL", cost)
        energy, x, *_ = energy_of(tiny_vgg, photo(112), hole, alpha=1e-3)
        found.append((energy.with_gradient(x), x.grad.clone(), len(energy.tiles)))
    assert found[0][2] == 1
    assert found[1][2] >= 4
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-9)
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("match", ["l2", "correlation"])
def test_nearest_patches_are_those_of_brute_force(match):
    rng = np.random.default_rng(3)
    maps = [rng.normal(size=(9 * 11, 4)), 1.3 * rng.normal(size=(7 * 8, 4))]
    centres = [np.array([12, 13, 20, 35, 50, 64, 85]), np.array([9, 14, 30, 46])]
    sources = [
        Sources(torch.from_numpy(rows), width, torch.from_numpy(some))
        for rows, width, some in zip(maps, (11, 8), centres, strict=True)
    ]
    targets = rng.normal(size=(17, 36))
    best = []
    for target in targets:
        scores = {}
        for number, (rows, width, some) in enumerate(zip(maps, (11, 8), centres, strict=True)):
            for centre in some:
                y, x = divmod(centre, width)
                grid = rows.reshape(-1, width, 4)
                patch = np.concatenate([grid[y + dy, x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
                if match == "l2":
                    scores[number, int(centre)] = -np.linalg.norm(target - patch)
                else:
                    scores[number, int(centre)] = target @ patch / np.linalg.norm(patch)
        best.append(max(scores, key=scores.get))
    for memory in (1, 3000, 10**9):  # one patch at a time, some, all
        which, centre = nearest_patches(torch.from_numpy(targets), sources, match, memory)
        assert list(zip(which.tolist(), centre.tolist(), strict=True)) == best
    assert len({number for number, _ in best}) == 2


@pytest.mark.parametrize("more", [{}, {"rotations": 1, "sizes": 1}, {"strict": True}, {"neighbourhood": 30}])
def test_patches_of_the_hole_and_of_what_is_not_known_are_never_sources(tiny_vgg, more):
    hole, void = boxed((120, 120), 50, 45, 20, 22), boxed((120, 120), 10, 80, 9, 9)
    hole[52, 5] = True
    image = np.random.default_rng(0).random((120, 120, 3)).astype(np.float32)
    problem = Problem.create(image, hole, ~hole & ~void)
    start = np.where(hole[..., None], 0.5, problem.image)
    copies = {name: value for name, value in more.items() if name in ("rotations", "sizes")}
    search = {name: value for name, value in more.items() if name not in copies}
    scale = scale_of(tiny_vgg, problem, start, ("relu3_1",), torch.float32, memory=64, more=copies, **search)
    texture = Texture(scale, "relu3_1")
    blocked = np.pad(hole | void, 16, mode="symmetric")
    reach = 10 if more.get("strict") else 0
    centres = texture.sources[0].centres.tolist()
    assert len(centres) > 100
    for centre in centres:
        y, x = 4 * (centre // texture.width), 4 * (centre % texture.width)
        assert not blocked[y - 4 - reach : y + 8 + reach, x - 4 - reach : x + 8 + reach].any()
    assert len(texture.sources) == (9 if copies else 1)
    assert all(len(source.centres) for source in texture.sources)
    texture.refresh(scale.start)
    which, centre = texture.nearest(texture.targets)
    offered = [set(source.centres.tolist()) for source in texture.sources]
    assert all(c in offered[n] for n, c in zip(which.tolist(), centre.tolist(), strict=True))
    if "neighbourhood" in more:
        away = [
            max(abs(a // texture.width - b // texture.width), abs(a % texture.width - b % texture.width))
            for a, b in zip(texture.targets.tolist(), centre.tolist(), strict=True)
        ]
        assert max(away) <= 30 / 4


def test_where_too_little_remains_strict_and_the_neighbourhood_give_way(grass):
    hole = boxed(grass.shape, 30, 30, 40, 40)
    assert np.isfinite(inpaint(grass, hole, "mnps", **FAST, neighbourhood=1)).all()
    narrow = boxed((40, 40), 14, 14, 12, 12)
    strict, info = inpaint(grass[:40, :40], narrow, "mnps", **FAST, strict=True, return_info=True)
    assert np.array_equal(strict, inpaint(grass[:40, :40], narrow, "mnps", **FAST))
    assert info.regions[0].facts["sources"][-1] > 0


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_every_scale_lowers_its_energy_and_the_fill_leaves_its_start(grass, optimizer):
    hole = boxed(grass.shape, 36, 36, 24, 24)
    filled, info = inpaint(
        grass, hole, "mnps", content="harmonic", steps=20, optimizer=optimizer, alpha=1e-3, return_info=True
    )
    facts = info.regions[0].facts
    assert facts["scales"] == 3
    assert facts["layers"] == ("relu3_1",)
    assert all(after < before for before, after in facts["energy"])
    assert not np.array_equal(filled, inpaint(grass, hole, "harmonic"))


def test_without_texture_or_steps_the_content_is_the_fill(photo):
    image, hole = photo(64), boxed((64, 64), 20, 20, 24, 24)
    first = inpaint(image, hole, "harmonic")
    for more in ({"steps": 0}, {"alpha": 0.0, "beta": 0.0, "steps": 3}):
        for scales in (1, 3):
            filled = inpaint(image, hole, "mnps", content="harmonic", scales=scales, **more)
            assert np.abs(filled.astype(int) - first).max() <= 1


@pytest.mark.parametrize("preset", ["paper", "code"])
def test_the_presets_of_the_paper_and_of_its_code_lower_the_energy(grass, preset):
    image = np.dstack([grass] * 3)
    hole = boxed(grass.shape, 36, 36, 24, 24)
    filled, info = inpaint(image, hole, "mnps", content="harmonic", preset=preset, steps=6, scales=2, return_info=True)
    facts = info.regions[0].facts
    assert facts["layers"] == {"paper": ("relu3_1", "relu4_1"), "code": ("relu4_1",)}[preset]
    assert all(after < before for before, after in facts["energy"])
    assert np.array_equal(filled[~hole], image[~hole])


def test_a_seed_gives_one_picture_and_another_seed_another(photo):
    image, hole = photo(64), boxed((64, 64), 20, 20, 24, 24)
    fills = [inpaint(image, hole, "mnps", steps=2, scales=1, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(fills[0], fills[1])
    assert not np.array_equal(fills[0], fills[2])


# Contents


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_picture_as_content_is_taken_in_its_own_units(photo, channels, tmp_path):
    image, hole = photo(48, channels), boxed((48, 48), 10, 12, 14, 11)
    hole[40, 3] = True  # far off: another region, another crop
    content = image[::-1].copy()
    expected = np.where(hole[..., None], content, image)
    for given in (content, content.astype(np.uint16) * 257, content / 255):
        assert np.array_equal(inpaint(image, hole, "mnps", content=given, steps=0), expected)
    inpaintkit.write(tmp_path / "content.png", content)
    assert np.array_equal(inpaint(image, hole, "mnps", content=str(tmp_path / "content.png"), steps=0), expected)
    with pytest.raises(ValueError, match="option content is"):
        inpaint(image, hole, "mnps", content=content[:20])
    with pytest.raises(ValueError, match="channels"):
        inpaint(image[..., :1], hole, "mnps", content=photo(48, 3))


class Grey(torch.nn.Module):
    """Gives its input's mean colour with the sign changed: for the whole picture, or for a part of its size."""

    def __init__(self, part: int) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        side = x.shape[2] // self.part
        return -x.mean(dim=(2, 3), keepdim=True).expand(1, 3, side, side)


@pytest.mark.parametrize("part", [1, 2])
@pytest.mark.parametrize("span", ["-1..1", "0..1"])
def test_a_content_network_fills_the_box(part, span, tmp_path):
    image, hole = np.full((60, 80, 3), (204, 51, 102), np.uint8), boxed((60, 80), 0, 30, 17, 24)
    path = tmp_path / "network.pt"
    torch.jit.save(torch.jit.script(Grey(part)), path)
    more = {"content": str(path), "steps": 0, "network_size": 32, "network_range": span}
    filled = inpaint(image, hole, "mnps", **more)
    expected = (51, 204, 153) if span == "-1..1" else (0, 0, 0)
    assert np.abs(filled[hole].astype(int) - expected).max() <= 1
    grey = inpaint(image[..., :1], hole, "mnps", **more)
    assert np.abs(grey[hole].astype(int) - expected[0]).max() <= 1


def test_a_content_that_cannot_be_used_is_an_error(tmp_path, photo):
    image, hole = photo(48), boxed((48, 48), 10, 12, 14, 11)
    torch.jit.save(torch.jit.script(Grey(3)), tmp_path / "third.pt")
    for name, error, message in (
        ("third.pt", ValueError, r"gives \(1, 3, 42, 42\) for \(1, 3, 128, 128\)"),
        ("gone.pt", FileNotFoundError, "no such file"),
        ("gone.png", ValueError, "expected a method"),
    ):
        with pytest.raises(error, match=message):
            inpaint(image, hole, "mnps", content=str(tmp_path / name), steps=0)
    with pytest.raises(ValueError, match="another method"):
        inpaint(image, hole, "mnps", content="mnps")


# Errors


def test_a_layer_that_the_weights_lack_is_an_error_that_names_the_others(tiny_vgg, tmp_path, photo):
    torch.save(read(tiny_vgg).entries("relu3_1"), tmp_path / "short.pth")
    image, hole = photo(48), boxed((48, 48), 10, 12, 14, 11)
    more = {**FAST, "weights": str(tmp_path / "short.pth")}
    inpaint(image, hole, "mnps", **more)
    with pytest.raises(ValueError, match=r"short\.pth ends before relu4_1: it has relu1_1, .*relu3_1"):
        inpaint(image, hole, "mnps", **more, layers="relu3_1,relu4_1")
    with pytest.raises(ValueError, match="no layer 'fc6'"):
        inpaint(image, hole, "mnps", **more, layers="fc6")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scales", 0),
        ("steps", -1),
        ("refresh", 0),
        ("alpha", -1.0),
        ("memory", 1),
        ("rotations", 5),
        ("neighbourhood", 0),
    ],
)
def test_options_out_of_range_are_errors(photo, name, value):
    with pytest.raises(ValueError, match=f"option {name} is {value:g}: expected"):
        inpaint(photo(48), boxed((48, 48), 10, 12, 14, 11), "mnps", **{name: value})


def test_a_missing_device_is_an_error(photo, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match='device is "cuda"'):
        inpaint(photo(48), boxed((48, 48), 10, 12, 14, 11), "mnps", device="cuda", **FAST)


def test_a_gpu_without_memory_gets_smaller_tiles_and_chunks_and_then_an_error(tiny_vgg, photo, monkeypatch):
    hole = boxed((112, 112), 16, 8, 80, 84)
    energy, x, _, textures = energy_of(tiny_vgg, photo(112), hole, alpha=1e-3)
    expected = energy.with_gradient(x)
    features = Vgg19.features

    def hungry(self, picture, names, scaled=True):
        if picture.shape[2] > limit:
            raise torch.cuda.OutOfMemoryError
        return features(self, picture, names, scaled)

    limit = 100
    monkeypatch.setattr(Vgg19, "features", hungry)
    assert energy.with_gradient(x) == pytest.approx(expected, rel=1e-9)
    assert len(energy.tiles) > 1
    limit = 10
    with pytest.raises(MemoryError, match="--device cpu"):
        energy.with_gradient(x)

    source = textures[1].sources[0]
    patches = Sources.patches
    targets = patches(source, textures[1].targets)
    best = nearest_patches(targets, [source], "l2", 10**9)

    def hungry_patches(self, centres):
        if len(centres) > limit:
            raise torch.cuda.OutOfMemoryError
        return patches(self, centres)

    limit = 50
    monkeypatch.setattr(Sources, "patches", hungry_patches)
    assert all(torch.equal(a, b) for a, b in zip(nearest_patches(targets, [source], "l2", 10**9), best, strict=True))
    limit = 0
    with pytest.raises(MemoryError, match="--device cpu"):
        nearest_patches(targets, [source], "l2", 10**9)


def test_offsets_are_the_nine_of_a_patch():
    assert offsets(10) == [-11, -10, -9, -1, 0, 1, 9, 10, 11]


def test_the_alpha_channel_is_the_first_fills(photo):
    image = photo(64, 4).copy()
    image[..., 3] = np.linspace(60, 255, 64).astype(np.uint8)
    hole = boxed((64, 64), 20, 20, 24, 24)
    filled = inpaint(image, hole, "mnps", **FAST)
    assert np.array_equal(filled[..., 3], inpaint(image, hole, "harmonic")[..., 3])


def test_without_a_patch_to_copy_the_fill_is_the_content():
    image = np.full((12, 12, 3), 80, np.uint8)
    image[0, 0] = 200
    hole = np.ones((12, 12), bool)
    hole[0, 0] = hole[11, 11] = hole[5, 3] = False
    problem = Problem.create(np.float32(image) / 255, hole)
    filled = mnps(problem, content="harmonic")
    assert np.array_equal(filled, inpaintkit.methods()["harmonic"].load()(problem))

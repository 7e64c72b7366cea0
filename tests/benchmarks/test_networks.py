"""Exported networks: a small one in both formats, fed by conventions of every kind, through the door and in a run."""

from __future__ import annotations

import numpy as np
import pytest

import inpaintkit
from conftest import boxed
from inpaintkit.benchmarks import networks
from inpaintkit.benchmarks.entrants import entrants
from inpaintkit.benchmarks.networks import SHIPPED, Conventions, Network, conventions, conventions_of
from inpaintkit.benchmarks.run import Extras, Run, Task, attempt
from inpaintkit.problem import Problem
from inpaintkit.registry import unregister

onnx, torch = pytest.importorskip("onnx"), pytest.importorskip("torch")

RULES = "title: small\ninputs: [[image], [mask]]\nsources: [made by the test]\n"


class Inverse(torch.nn.Module):
    """Gives 1 - image outside the mask, and the mask itself in red where it is."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        red = torch.cat([mask, mask * 0, mask * 0], dim=1)
        return (1 - image) * (1 - mask) + red


def torchscript(path):
    torch.jit.trace(Inverse(), (torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16))).save(str(path))


def onnx_of(path, nodes, inputs, outputs, constants=None):
    """Write an ONNX file of nodes (operator, inputs, output, attributes) over float tensors of any size."""
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(kind, ins, [out], **more) for kind, ins, out, more in nodes],
        "g",
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, None, None, None]) for name in inputs],
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


def echo(path):
    """An ONNX network that gives back its only image, and beside it its mask."""
    onnx_of(
        path,
        [("Identity", ["image"], "same", {}), ("Identity", ["mask"], "hole", {})],
        ["image", "mask"],
        ["same", "hole"],
    )


def ran(rules: Conventions, image: np.ndarray, hole: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """What a network is fed with under conventions, and what comes of one that gives back its first tensor."""
    fed = []

    def run(tensors):
        fed.extend(tensors)
        return [tensors[0]]

    return fed, networks.fill(Problem.create(image, hole), rules, run)


@pytest.fixture
def colours() -> np.ndarray:
    """A float picture (5, 6, 3) whose every value is another."""
    return (np.arange(90, dtype=np.float32).reshape(5, 6, 3) + 1) / 100


def test_rgb_goes_in_scaled_and_padded_with_the_hole_blanked(colours):
    hole = boxed((5, 6), 1, 2, 2, 2)
    rules = Conventions("t", [["image"], ["mask"]], ["s"], range=(-1, 1), hole=0.25, multiple=4)
    (image, mask), _ = ran(rules, colours, hole)
    assert image.shape == (1, 3, 8, 8)
    assert mask.shape == (1, 1, 8, 8)
    assert image[0, 2, 0, 0] == pytest.approx(2 * 0.03 - 1)
    assert (image[0, :, 1:3, 2:4] == 0.25).all()
    assert (mask[0, 0, :5, :6] == hole).all()
    assert (image[0, :, 5, :6] == image[0, :, 4, :6]).all()  # symmetric: the last row stands twice
    assert (mask[0, 0, 5:, :6] == hole[:1:-1]).all()


def test_what_comes_back_is_in_the_callers_colours(colours):
    hole = boxed((5, 6), 1, 2, 2, 2)
    for rules in (
        Conventions("t", [["image"]], ["s"], range=(-1, 1), multiple=4, order="BGR"),
        Conventions("t", [["image"]], ["s"], mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), layout="nhwc"),
        Conventions("t", [["image"]], ["s"], range=(0, 255), order="BGR", layout="nhwc"),
    ):
        _, filled = ran(rules, colours, hole)
        assert filled.shape == (5, 6, 3)
        assert filled[~hole] == pytest.approx(colours[~hole], abs=1e-6)


def test_mean_and_std_are_each_channels_own(colours):
    rules = Conventions("t", [["image"]], ["s"], mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    (image,), _ = ran(rules, colours, boxed((5, 6), 1, 2, 1, 1))
    assert image[0, :, 0, 0] == pytest.approx([(0.01 - 0.4) / 0.2, (0.02 - 0.5) / 0.3, (0.03 - 0.6) / 0.4])


def test_bgr_and_channels_last(colours):
    rules = Conventions("t", [["image"]], ["s"], order="BGR", layout="nhwc", range=(0, 255))
    (image,), _ = ran(rules, colours, boxed((5, 6), 1, 2, 1, 1))
    assert image[0, 0, 0] == pytest.approx([255 * 0.03, 255 * 0.02, 255 * 0.01])


def test_a_mask_may_be_one_where_known_have_three_channels_or_share_a_tensor(colours):
    hole = boxed((5, 6), 1, 2, 2, 2)
    fed, _ = ran(Conventions("t", [["image"], ["mask"]], ["s"], mask=0, mask_channels=3), colours, hole)
    assert fed[1].shape == (1, 3, 5, 6)
    assert (fed[1][0] == ~hole).all()
    rules = Conventions("t", [["image", "ones", "mask"]], ["s"])
    fed = []
    with pytest.raises(ValueError, match=r"gave \(5, 6, 5\), expected \(5, 6, 3\)"):
        networks.fill(Problem.create(colours, hole), rules, lambda tensors: fed.extend(tensors) or tensors)
    assert fed[0].shape == (1, 5, 5, 6)
    assert (fed[0][0, 3] == 1).all()
    assert (fed[0][0, 4] == hole).all()


def test_grey_goes_in_as_equal_channels_and_comes_back_as_their_mean(colours):
    fed, filled = ran(Conventions("t", [["image"]], ["s"]), colours[..., :1], boxed((5, 6), 1, 2, 1, 1))
    assert (fed[0][0, 0] == fed[0][0, 2]).all()
    assert filled.shape == (5, 6, 1)
    assert filled[0, 0, 0] == pytest.approx(0.01)


def test_a_network_of_one_size_does_not_apply_to_another(colours):
    from inpaintkit.errors import ContextError

    with pytest.raises(ContextError, match="takes 512 x 512 only, the picture is 5 x 6"):
        ran(Conventions("t", [["image"]], ["s"], size=(512, 512)), colours, boxed((5, 6), 1, 2, 1, 1))


def test_torchscript_and_onnx_take_part_in_a_run(tmp_path, photo):
    for name in ("album", "models"):
        (tmp_path / name).mkdir()
    for name in ("cat", "dog"):
        inpaintkit.write(tmp_path / "album" / f"{name}.png", photo(50))
    torchscript(tmp_path / "models" / "inverse.pt")
    (tmp_path / "models" / "inverse.yaml").write_text(RULES + "multiple: 8\n")
    echo(tmp_path / "models" / "echo.onnx")
    (tmp_path / "own.yaml").write_text(RULES + "order: BGR\nrange: [0, 255]\nhole: 51\n")
    everyone = entrants(
        [],
        [],
        [f"inverse={tmp_path / 'models' / 'inverse.pt'}", f"echo={tmp_path / 'models' / 'echo.onnx'}"],
        [f"echo={tmp_path / 'own.yaml'}"],
    )
    run = Run(tmp_path / "run")
    entries = run.prepare(tmp_path / "album", ["center:side=0.3"], 0, [each.name for each in everyone])
    for each in everyone:
        run.file(each.name, "").parent.mkdir()
    tasks = [Task(run.folder, each, entry, True) for each in everyone for entry in entries]
    found = [attempt(task, seed=0, count=1, extras=Extras()) for task in tasks]
    assert [result.status for result in found] == ["done"] * 4
    hole = boxed((50, 50), 18, 18, 15, 15)
    for result, colour in zip(found, [(255, 0, 0)] * 2 + [(51, 51, 51)] * 2, strict=True):
        filled = inpaintkit.read(run.file(result.entrant, result.case, ".png"))
        assert (filled[hole] == colour).all()
        assert (filled[~hole] == photo(50)[~hole]).all()


def test_a_network_is_a_method_like_any_other(tmp_path, photo):
    torchscript(tmp_path / "inverse.pt")
    (tmp_path / "rules.yaml").write_text(RULES)
    inpaintkit.register(Network.of("inverse", tmp_path / "inverse.pt", conventions(tmp_path / "rules.yaml")))
    try:
        filled, info = inpaintkit.inpaint(photo(40), boxed((40, 40), 9, 9, 6, 6), "inverse", return_info=True)
        assert (filled[10, 10] == (255, 0, 0)).all()
        assert info.method == "inverse"
    finally:
        unregister("inverse")


def test_another_number_of_inputs_than_the_conventions_name_is_an_error(tmp_path):
    echo(tmp_path / "echo.onnx")
    rules = Conventions("t", [["image"]], ["s"])
    with pytest.raises(ValueError, match=r"takes 2 inputs \(image, mask\), its conventions name 1: correct inputs"):
        Network.of("echo", tmp_path / "echo.onnx", rules).load()


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_conventions_hold_together_and_name_their_sources(file, colours):
    rules = conventions(file)
    assert all(":" in source for source in rules.sources)
    image = np.resize(colours, rules.size + (3,)) if rules.size else colours.repeat(20, axis=0).repeat(20, axis=1)
    hole = boxed(image.shape[:2], 10, 20, 8, 8)
    fed = []

    def run(tensors):
        fed.extend(tensors)
        return [tensors[0][:, :3] if rules.layout == "nchw" else tensors[0][..., :3]] * 2

    filled = networks.fill(Problem.create(image, hole), rules, run)
    assert np.allclose(filled[~hole], image[~hole], atol=1e-5)
    axes = slice(2, 4) if rules.layout == "nchw" else slice(1, 3)
    assert all(side % rules.multiple == 0 for tensor in fed for side in tensor.shape[axes])


def test_at_least_six_public_models_are_shipped():
    assert len(list(SHIPPED.glob("*.yaml"))) >= 6


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("colour: RGB\n", "of the rest only"),
        ("order: RBG\n", "order is 'RBG': expected one of RGB, BGR"),
        ("mask: 255\n", "mask is 255"),
        ("layout: chw\n", "layout is 'chw'"),
    ],
)
def test_invalid_conventions_are_named(tmp_path, more, message):
    (tmp_path / "c.yaml").write_text(RULES + more)
    with pytest.raises(ValueError, match=message):
        conventions(tmp_path / "c.yaml")


def test_a_model_without_conventions_says_where_they_are_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"needs conventions: .*lamma.*or a built-in one: aot-gan"):
        conventions_of("lamma", tmp_path / "lamma.pt", None)
    assert conventions_of("LaMa", tmp_path / "big.pt", None).title.startswith("LaMa")
    with pytest.raises(ValueError, match=r"x\.pth is not an exported network: expected \.onnx"):
        Network.of("x", tmp_path / "x.pth", conventions(SHIPPED / "lama.yaml"))

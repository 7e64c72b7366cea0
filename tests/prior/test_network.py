"""Exported networks opened from files: what they give, and one clear error for each that cannot be opened."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from inpaintkit import MissingExtraError
from inpaintkit.prior._network import open_network

IMAGE = np.linspace(0, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)
MASK = np.ones((1, 1, 4, 4), np.float32)


@pytest.fixture(params=[".onnx", ".pt", ".ts"])
def blend(request, tmp_path) -> Path:
    """A file of the network (image, mask) -> image * mask, mask."""
    path = tmp_path / f"blend{request.param}"
    write_onnx(path) if request.param == ".onnx" else write_torchscript(path)
    return path


def write_onnx(path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper = onnx.helper

    def tensor(name, shape):
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "mask"], ["blend"]), helper.make_node("Identity", ["mask"], ["same"])],
        "blend",
        [tensor("image", [1, 3, None, None]), tensor("mask", [1, 1, None, None])],
        [tensor("blend", None), tensor("same", None)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def write_torchscript(path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Blend(torch.nn.Module):
        def forward(self, image, mask):
            return image * mask, mask

    example = torch.from_numpy(IMAGE), torch.from_numpy(MASK)
    torch.jit.trace(Blend(), example).save(str(path))


def test_outputs_come_as_arrays_in_the_files_order(blend):
    product, same = open_network(blend)([IMAGE, MASK / 2])
    assert np.array_equal(product, IMAGE / 2)
    assert np.array_equal(same, MASK / 2)


def test_another_number_of_inputs_is_an_error_that_names_them(blend):
    network = open_network(blend)
    with pytest.raises(ValueError, match=r"blend\.\w+ takes 2 inputs \(image, mask\), 1 were given"):
        network([IMAGE])


@pytest.mark.parametrize(
    ("name", "package", "message"),
    [
        ("net.onnx", "onnxruntime", "is not an ONNX file that onnxruntime can read"),
        ("net.pt", "torch", "is not a TorchScript file: write one with torch.jit.save"),
        ("net.TS", "torch", "is not a TorchScript file"),
    ],
)
def test_a_damaged_file_is_an_error(name, package, message, tmp_path):
    pytest.importorskip(package)
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ValueError, match=message):
        open_network(tmp_path / name)


def test_another_suffix_is_an_error_that_names_those_that_open(tmp_path):
    (tmp_path / "net.pth").write_bytes(b"weights")
    with pytest.raises(ValueError, match=r"net\.pth is not an exported network: .*\.onnx.*\.pt, \.ts"):
        open_network(tmp_path / "net.pth")


def test_no_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx: no such file"):
        open_network(tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    ("name", "package", "extra"), [("net.onnx", "onnxruntime", "onnx"), ("net.pt", "torch", "prior")]
)
def test_a_package_that_is_not_installed_is_an_error_that_says_how_to_get_it(
    name, package, extra, tmp_path, monkeypatch
):
    (tmp_path / name).write_bytes(b"unread")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf'needs {package}, .*pip install "inpaintkit\[{extra}\]"'):
        open_network(tmp_path / name)

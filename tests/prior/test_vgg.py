"""VGG19's layers compared with torch's own modules, and the files they are read from."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from inpaintkit.prior.vgg import LAYERS, Vgg19, read


def entries_of(path):
    return torch.load(path, weights_only=True)


def test_layers_are_torchvisions_and_see_no_farther_than_their_reach(tiny_vgg):
    # Columns from the published table: index of the convolution, and side of the square of pixels a feature sees.
    for name, index, field in (("relu1_2", 2, 5), ("relu2_2", 7, 14), ("relu3_1", 10, 24), ("relu4_1", 19, 68)):
        assert LAYERS[name].index == index
        assert LAYERS[name].cell + 2 * LAYERS[name].reach == field
    net = read(tiny_vgg).to(torch.device("cpu"), torch.float64)
    picture = torch.rand(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    net.features(picture, ["relu3_1"])["relu3_1"][:, 16, 15].sum().backward()
    rows, columns = np.nonzero(picture.grad[0].abs().sum(dim=0).numpy())
    layer = LAYERS["relu3_1"]
    assert rows.min() >= 16 * 4 - layer.reach
    assert rows.max() < 17 * 4 + layer.reach
    assert columns.min() >= 15 * 4 - layer.reach
    assert columns.max() < 16 * 4 + layer.reach


def test_features_are_those_of_a_stack_of_modules(tiny_vgg):
    entries, modules, width = entries_of(tiny_vgg), [], 3
    for index in range(12):
        if f"features.{index}.weight" in entries:
            kernel = entries[f"features.{index}.weight"]
            convolution = torch.nn.Conv2d(width, len(kernel), 3, padding=1)
            convolution.load_state_dict({"weight": kernel, "bias": entries[f"features.{index}.bias"]})
            modules += [convolution, torch.nn.ReLU()]
            width = len(kernel)
        elif index in (4, 9):
            modules.append(torch.nn.MaxPool2d(2))
    stack = torch.nn.Sequential(*modules)
    picture = torch.rand(1, 3, 37, 50)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = stack((picture - mean[:, None, None]) / deviation[:, None, None])[0]
    found = read(tiny_vgg).features(picture, ["relu3_1"], scaled=False)["relu3_1"]
    assert torch.allclose(found, expected, atol=1e-5)


def test_files_of_any_scale_and_either_kind_of_name_give_the_same_features(tiny_vgg):
    entries = entries_of(tiny_vgg)
    caffe = {}
    for key, value in entries.items():
        name = key.removeprefix("features.")
        # Inputs up to 255 instead of 1: kernels as they are but the first, every bias as much larger.
        caffe[name] = value * 255 if name.endswith("bias") or name.startswith("0.") else value
    picture = torch.rand(1, 3, 48, 48)
    one, other = Vgg19.of(entries), Vgg19.of(caffe)
    assert other.rms["relu3_1"] == pytest.approx(255 * one.rms["relu3_1"], rel=1e-4)
    for name in ("relu1_1", "relu2_2", "relu4_1"):
        a, b = (net.features(picture, [name])[name] for net in (one, other))
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5)


def test_scales_that_a_file_stores_are_used(tiny_vgg):
    kept = read(tiny_vgg).entries("relu3_1")
    kept["rms.relu3_1"] = torch.tensor(7.0)
    net = Vgg19.of(kept)
    assert list(net.weights) == ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1"]
    assert net.rms["relu3_1"] == 7


def test_a_missing_layer_is_an_error_that_names_the_others(tiny_vgg):
    net = Vgg19.of(read(tiny_vgg).entries("relu3_1"))
    net.check(["relu3_1"])
    with pytest.raises(ValueError, match="ends before relu4_1: it has relu1_1, relu1_2, relu2_1, relu2_2, relu3_1"):
        net.features(torch.rand(1, 3, 32, 32), ["relu4_1"])
    with pytest.raises(ValueError, match=r"no layer 'conv3'.*relu5_4"):
        net.check(["conv3"])


def test_a_file_that_holds_something_else_is_an_error(tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(FileNotFoundError, match="no such file"):
        read(path)
    path.write_bytes(b"anything else")
    with pytest.raises(ValueError, match=r"weights\.pth is not a file of weights"):
        read(path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(TypeError, match="holds a Tensor"):
        read(path)
    torch.save({"conv1": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"holds conv1.*features\.0\.weight"):
        read(path)
    torch.save({"0.weight": torch.zeros(8, 4, 3, 3), "0.bias": torch.zeros(8)}, path)
    with pytest.raises(ValueError, match=r"convolution 0 is \(8, 4, 3, 3\)"):
        read(path)
    torch.save({"0.weight": torch.full((8, 3, 3, 3), torch.nan), "0.bias": torch.zeros(8)}, path)
    with pytest.raises(ValueError, match="no finite activation"):
        read(path)


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_nothing_in_a_file_is_executed(tmp_path, capsys):
    torch.save({"0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ValueError, match="safely"):
        read(tmp_path / "evil.pth")
    assert "executed" not in capsys.readouterr().out

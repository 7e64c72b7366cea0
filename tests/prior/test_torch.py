"""What the torch methods share: devices by name, and settings that are restored."""

from __future__ import annotations

import contextlib

import pytest

from inpaintkit import threads

torch = pytest.importorskip("torch")

from inpaintkit.prior._torch import device_of, settled


def test_a_missing_device_is_an_error_that_names_another(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device_of("auto") == device_of("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match=r'"cuda", and torch .*--device cpu'):
        device_of("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto") == torch.device("cuda")


def test_settings_hold_for_a_fill_and_are_restored_after_an_error():
    before = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        with threads.limit(1), settled() as plan:
            assert plan["threads"] == torch.get_num_threads() == 1
            assert not torch.backends.cudnn.allow_tf32
        with contextlib.suppress(KeyError), settled():
            torch.set_num_threads(before[0] + 1)
            raise KeyError
        assert torch.backends.cudnn.allow_tf32
        assert torch.get_num_threads() == before[0]
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before[1:]

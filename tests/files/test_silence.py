"""Reading is quiet in its own thread only, and several threads read at once."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from inpaintkit import read, write
from inpaintkit.files.silence import quiet

RNG = np.random.default_rng(4)
DEEP = RNG.integers(0, 65536, (40, 60, 3)).astype(np.uint16)


def corrupt_exif():
    """A JPEG whose EXIF makes Pillow warn."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x40\0\0\0\xf0\xff\0\0\x10\x01\x02\0\x40\0\0\0\xf0\xff\0\0"
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG")
    data = file.getvalue()
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def test_the_files_used_here_do_make_libraries_speak():
    with pytest.warns(UserWarning, match="Corrupt EXIF|Tag data larger"):
        Image.open(io.BytesIO(corrupt_exif())).getexif()


def test_other_threads_warnings_arrive_while_files_are_read(tmp_path, caplog):
    (tmp_path / "corrupt.jpg").write_bytes(corrupt_exif())
    write(tmp_path / "sound.png", DEEP)
    write(tmp_path / "sound.tif", DEEP)
    (tmp_path / "cut.tif").write_bytes((tmp_path / "sound.tif").read_bytes()[:300])
    (tmp_path / "cut.png").write_bytes((tmp_path / "sound.png").read_bytes()[:300])
    stop, wrong, loops = threading.Event(), [], [0]

    def load_all():
        while not stop.is_set():
            read(tmp_path / "corrupt.jpg")
            for name in ("sound.png", "sound.tif"):
                if not np.array_equal(read(tmp_path / name), DEEP):
                    wrong.append(name)
            for name in ("cut.png", "cut.tif"):
                with contextlib.suppress(ValueError):
                    wrong.append(read(tmp_path / name))
            loops[0] += 1

    said = 3000
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        readers = [in_thread(load_all) for _ in range(3)]
        for number in range(said):
            warnings.warn(f"mine {number}", UserWarning, stacklevel=1)
            if number % 100 == 0:
                logging.getLogger("tifffile").error("mine too")
        while loops[0] < 6 and any(reader.is_alive() for reader in readers):
            pass
        stop.set()
        for reader in readers:
            reader.join()
    texts = [str(warning.message) for warning in caught]
    assert [text for text in texts if text.startswith("mine")] == [f"mine {number}" for number in range(said)]
    assert not [text for text in texts if not text.startswith("mine") and "its metadata cannot be read" not in text]
    assert [record.message for record in caplog.records] == ["mine too"] * (said // 100)
    assert not wrong
    assert loops[0] >= 6


def test_blocks_that_overlap_leave_no_filter_that_swallows():
    first_is_in, second_is_out = threading.Event(), threading.Event()

    def first():
        with quiet():
            first_is_in.set()
            second_is_out.wait()

    def second():
        first_is_in.wait()
        with quiet(), quiet():
            warnings.warn("hidden", UserWarning, stacklevel=1)
        second_is_out.set()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for thread in [in_thread(first), in_thread(second)]:
            thread.join()
        warnings.warn("seen", UserWarning, stacklevel=1)
        with quiet():
            warnings.warn("hidden", UserWarning, stacklevel=1)
            logging.getLogger("tifffile").error("hidden")
            warnings.simplefilter("always")
        warnings.warn("seen", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["seen", "seen"]


def test_the_filter_is_in_the_list_once_however_it_is_pushed_down():
    with warnings.catch_warnings():
        for _ in range(5):
            warnings.simplefilter("always")
            with quiet():
                warnings.warn("hidden", UserWarning, stacklevel=1)
        assert len({id(entry) for entry in warnings.filters}) == len(warnings.filters)


def test_readers_do_not_wait_for_one_another(tmp_path, monkeypatch):
    """Two threads are inside the decoder together."""
    write(tmp_path / "a.tif", DEEP)
    both, real = threading.Barrier(2, timeout=20), tifffile.TiffFile

    def together(*given, **options):
        both.wait()
        return real(*given, **options)

    monkeypatch.setattr(tifffile, "TiffFile", together)
    found = []
    for thread in [in_thread(lambda: found.append(read(tmp_path / "a.tif"))) for _ in range(2)]:
        thread.join()
    assert len(found) == 2
    assert all(np.array_equal(pixels, DEEP) for pixels in found)

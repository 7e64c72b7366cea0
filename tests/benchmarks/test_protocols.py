"""Mask protocols: what each promises, and that a manifest replays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from inpaintkit import damage, write
from inpaintkit.benchmarks import protocols
from inpaintkit.files import read

SHAPE = (180, 240)


@pytest.mark.parametrize("name", protocols.DRAW)
def test_a_seed_gives_one_mask_and_another_seed_another(name):
    protocol = protocols.parse(name)[0]
    first, again, other = (protocol.draw(SHAPE, seed) for seed in (1, 1, 2))
    assert first.shape == SHAPE
    assert first.dtype == bool
    assert (first == again).all()
    assert (first != other).any() == (name != "center")
    assert 0 < first.mean() < 1


@pytest.mark.parametrize("text", protocols.BINS)
@pytest.mark.parametrize("border", ["yes", "no"])
def test_irregular_masks_lie_in_their_bin_and_keep_off_the_border(text, border):
    low, high = (float(end) / 100 for end in text.split("-"))
    protocol = protocols.parse(f"pconv:bin={text},border={border}")[0]
    for seed in range(3):
        mask = protocol.draw((256, 256), seed)
        assert low < mask.mean() <= high
        if border == "no":  # 50/512 of 256 px are 25
            assert not mask[:25].any()
            assert not mask[-25:].any()
            assert not mask[:, :25].any()
            assert not mask[:, -25:].any()


def test_pconv_alone_is_all_bins():
    assert [protocol.options["bin"] for protocol in protocols.parse("pconv")] == list(protocols.BINS)


def test_boxes_have_the_sides_that_are_asked_for():
    center = protocols.parse("center:side=0.5")[0].draw((256, 256), 0)
    assert center[64:192, 64:192].all()
    assert center.sum() == 128 * 128
    places = set()
    for seed in range(5):
        box = protocols.parse("box:side=0.25")[0].draw((64, 128), seed)
        rows, columns = np.nonzero(box)
        places.add((rows.min(), columns.min()))
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1, box.sum()) == (16, 32, 16 * 32)
    assert len(places) > 1


def test_text_covers_what_is_asked_for_and_lost_pixels_too():
    assert protocols.parse("text:share=0.2,size=12")[0].draw((400, 400), 0).mean() == pytest.approx(0.2, abs=0.02)
    assert protocols.parse("drop:share=0.3")[0].draw((400, 400), 0).mean() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("name", ["lama-thin", "lama-medium", "lama-thick"])
def test_lamas_masks_cover_at_most_half(name):
    protocol = protocols.parse(name)[0]
    shares = [protocol.draw((128, 128), seed).mean() for seed in range(20)]
    assert 0 < min(shares) < max(shares) <= 0.5


def test_a_folder_of_masks_is_drawn_from_by_share_and_border(tmp_path):
    inner, outer = np.zeros((512, 512), np.uint8), np.zeros((512, 512), np.uint8)
    inner[100:300, 100:300] = 255  # 15.3 %
    outer[:200, :200] = 255
    write(tmp_path / "inner.png", inner)
    write(tmp_path / "outer.png", outer)
    off, on = (protocols.parse(f"pconv:bin=10-20,border={border},folder={tmp_path}")[0] for border in ("no", "yes"))
    assert (off.draw((512, 512), 3) == (inner > 0)).all()
    assert (on.draw((256, 256), 3) == (outer[::2, ::2] > 0)).all()
    with pytest.raises(ValueError, match="holds 2 masks, none that covers 30% to 40%"):
        protocols.parse(f"pconv:bin=30-40,folder={tmp_path}")[0].draw((256, 256), 0)


def test_a_manifest_replays_exactly_and_tells_when_it_does_not(tmp_path):
    made = [
        protocols.generated("cat", SHAPE, protocol, 7)
        for name in protocols.DRAW
        for protocol in protocols.parse(name)[:1]
    ]
    protocols.save_manifest(tmp_path / "manifest.json", [entry for entry, _ in made], {"numpy": "2"})
    for entry, (same, mask) in zip(protocols.load_manifest(tmp_path / "manifest.json"), made, strict=True):
        assert entry == same
        assert (protocols.replayed(entry) == mask).all()
    with pytest.raises(ValueError, match="the manifest says 000000000000"):
        protocols.replayed(dataclasses.replace(made[0][0], sha256="0" * 64))


def test_the_digest_is_of_shape_and_bits():
    # printf '(2, 3)\xc8' | sha256sum: the bits 110 010 and two of padding are 0xc8
    expected = "18d0ca958ea28c70721c6c65ecc40e91ceb6a64145ef461eca7201063cee6a02"
    mask = np.array([[1, 1, 0], [0, 1, 0]], bool)
    assert protocols.digest(mask) == expected
    assert protocols.digest(mask.reshape(3, 2)) != expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("circle", "no mask protocol 'circle': choose one of pconv"),
        ("drop:part=0.5", "no option 'part': its options are share"),
        ("drop:share=half", "expected a number"),
        ("pconv:bin=5-15", "expected 1-10 or 10-20"),
        ("pconv:border=maybe", "expected yes or no"),
    ],
)
def test_an_unknown_protocol_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        protocols.parse(text)


def test_the_command_writes_masks_and_makes_them_again(run, photo, tmp_path):
    (tmp_path / "photos").mkdir()
    write(tmp_path / "photos" / "cat.png", photo(96))
    status, _, err = run(
        "bench", "masks", "brush", "drop:share=0.4", "--images", tmp_path / "photos", "-o", tmp_path / "a"
    )
    assert (status, err) == (0, "")
    status, _, err = run("bench", "masks", "--replay", tmp_path / "a" / "manifest.json", "-o", tmp_path / "b")
    assert (status, err) == (0, "")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["cat--brush.png", "cat--drop-0.4.png", "manifest.json"]
    for name in names[:2]:
        assert (read(tmp_path / "a" / name) == read(tmp_path / "b" / name)).all()


def test_a_folder_of_masks_is_found_again_from_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here" / "set").mkdir(parents=True)
    mask = np.zeros((40, 40), np.uint8)
    mask[10:22, 10:25] = 255
    write(tmp_path / "here" / "set" / "m.png", mask)
    monkeypatch.chdir(tmp_path / "here")
    (protocol,) = protocols.parse("pconv:bin=10-20,border=no,folder=set")
    entry, made = protocols.generated("cat", (40, 40), protocol, 0)
    assert entry.protocol.endswith("folder=set")
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(protocols.replayed(entry), made)


def test_the_ends_of_what_damage_can_be_asked_for():
    assert not damage.text((50, 60), share=0).any()
    assert not damage.scratches((50, 60), number=0).any()
    assert damage.text((50, 60), size=1, share=1e-9).shape == (50, 60)
    for wrong in ({"share": -0.1}, {"share": 1.1}, {"share": float("nan")}, {"size": 0}):
        with pytest.raises(ValueError, match="expected a size of 1 or more and a share of 0 to 1"):
            damage.text((50, 60), **wrong)
    for wrong in ({"number": -1}, {"max_width": 0}):
        with pytest.raises(ValueError, match="expected 0 or more lines of 1 pixel or more"):
            damage.scratches((50, 60), **wrong)
    with pytest.raises(ValueError, match="2 x 2 pixels hold no letter"):
        protocols.text((2, 2), 2, share=0.1, size=90)

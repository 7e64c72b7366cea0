"""Dust by the infrared of a film scan: real outlines over photographs, composited by the model of the study."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inpaintkit import find_mask
from inpaintkit.benchmarks.studies import film_damage
from inpaintkit.benchmarks.studies import infrared as study
from inpaintkit.benchmarks.studies._near import precision, recall

SIDE = 300
SCANNERS = [(0.62, 0.05), (0.92, 0.005)]


@pytest.fixture(scope="module")
def opacity(data):
    return film_damage.windows(data("film_damage").parent, 0.5)[0].opacity[:SIDE, :SIDE]


def scanned(opacity, film, loss, noise):
    return study.scan(skimage.data.chelsea()[:SIDE, :SIDE], opacity, film, loss, noise)


@pytest.mark.parametrize("film", ["negative", "slide"])
@pytest.mark.parametrize(("loss", "noise"), [*SCANNERS, (0.38, 0.05)])
def test_dust_is_found_on_any_scanner_and_a_clean_frame_has_none(opacity, film, loss, noise):
    scan = scanned(opacity, film, loss, noise)
    for purpose in ("propose", "act"):
        mask = find_mask(scan.damaged, "dust", purpose=purpose, infrared=scan.infrared)
        assert recall(mask, scan.truth) >= 0.95
        assert precision(mask, scan.covered) >= 0.95
        assert not find_mask(scan.photo, "dust", purpose=purpose, infrared=scan.clean).any()


@pytest.mark.parametrize(("loss", "noise"), SCANNERS)
def test_neither_level_nor_type_matters(opacity, loss, noise):
    scan = scanned(opacity, "slide", loss, noise)
    found = find_mask(scan.damaged, "dust", infrared=scan.infrared)
    assert np.array_equal(find_mask(scan.damaged, "dust", infrared=scan.infrared.astype(np.float32)), found)
    tenth = find_mask(scan.damaged, "dust", infrared=scan.infrared * 0.1)
    levels = find_mask(scan.damaged, "dust", infrared=np.rint(scan.infrared * 40_000).astype(np.uint16))
    coarse = find_mask(scan.damaged, "dust", infrared=Image.fromarray((scan.infrared * 255).astype(np.uint8)))
    for other, least in ((tenth, 0.999), (levels, 0.99), (coarse, 0.9)):
        assert np.count_nonzero(other & found) >= least * np.count_nonzero(other | found)


def test_what_the_dyes_hide_is_no_dust(opacity):
    """The film's own dyes, far denser in infrared than its noise, and an uneven lamp."""
    photo = skimage.data.astronaut()[:SIDE, :SIDE]
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    dyes = np.prod((np.maximum(photo, 1) / 255) ** (0.15, 0.05, 0.02), axis=2)
    lamp = 1 - 0.4 * ((rows - 0.5) ** 2 + (columns - 0.5) ** 2)
    infrared = dyes * lamp + np.random.default_rng(1).normal(0, 0.01, photo.shape[:2])
    assert not find_mask(photo, "dust", infrared=infrared).any()
    infrared[100:103, 150:153] -= 0.06  # two to three deviations in each of nine pixels
    mask = find_mask(photo, "dust", infrared=infrared)
    assert mask[101, 151]
    assert mask.sum() < 60


@pytest.mark.parametrize(("loss", "noise"), SCANNERS)
def test_what_dust_lets_through_is_said(opacity, loss, noise):
    scan = scanned(opacity, "slide", loss, noise)
    mask, info = find_mask(scan.damaged, "dust", infrared=scan.infrared, return_info=True)
    assert info.transmission.dtype == np.float32
    assert (info.transmission[~mask] == 1).all()
    assert info.transmission.min() > 0
    off = np.abs(info.transmission - (1 - loss * scan.opacity))[mask]
    assert np.median(off) < 1.5 * noise + 0.005
    assert 0.8 * noise < np.median(info.deviation[~mask]) < 1.4 * noise
    assert find_mask(scan.damaged, "dust", return_info=True)[1].transmission is None


def test_auto_finds_dust_by_infrared_too(opacity):
    scan = scanned(opacity, "slide", 0.92, 0.005)
    assert recall(find_mask(scan.damaged, "auto", infrared=scan.infrared), scan.truth) >= 0.95


@pytest.mark.parametrize(
    ("kind", "infrared", "words"),
    [
        ("text", np.ones((40, 60)), "is for kinds 'dust' and 'auto', not 'text'"),
        ("dust", np.ones((40, 61)), r"infrared is an array of shape \(40, 61\).*\(40, 60\)"),
        ("dust", np.full((40, 60), np.nan), "expected finite numbers"),
        ("auto", "band4", "expected finite numbers"),
    ],
)
def test_another_infrared_is_refused(kind, infrared, words):
    with pytest.raises(ValueError, match=words):
        find_mask(np.zeros((40, 60, 3), np.uint8), kind, infrared=infrared)

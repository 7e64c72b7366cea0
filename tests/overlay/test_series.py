"""One overlay on many pictures, estimated: drawn marks with known truth, in pictures that are not alike."""

from __future__ import annotations

import io
import tracemalloc
import warnings

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image as PILImage

from inpaintkit import Overlay, estimate_overlay, inpaint, remove_overlay, write
from inpaintkit.errors import EmptyMaskWarning
from inpaintkit.overlay.marks import read_mark, write_mark
from inpaintkit.picture import Picture

SIDES = 96, 144
WHITE, OPACITY = np.array([250.0, 250.0, 250.0]), 0.5


def crops(number=12, sides=SIDES):
    """Pieces of photographs that have nothing in common."""
    found = []
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        photo = getattr(skimage.data, name)()[..., :3]
        for top in range(0, photo.shape[0] - sides[0] + 1, sides[0]):
            for left in range(0, photo.shape[1] - sides[1] + 1, sides[1]):
                found.append(np.ascontiguousarray(photo[top : top + sides[0], left : left + sides[1]]))
    every = len(found) / number
    return [found[int(every * index)] for index in range(number)]


def letters(shape=SIDES, text="Ferry"):
    """How much of each pixel letters with soft edges cover, in 255ths."""
    canvas = np.zeros((shape[0] * 4, shape[1] * 4), np.uint8)
    cv2.putText(canvas, text, (30, 240), cv2.FONT_HERSHEY_SIMPLEX, 5.4, 255, 30, cv2.LINE_AA)
    return cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA) / 255


def drawn(text, left):
    """How much of each pixel small letters cover."""
    canvas = np.zeros((SIDES[0] * 4, SIDES[1] * 4), np.uint8)
    cv2.putText(canvas, text, (left, 240), cv2.FONT_HERSHEY_SIMPLEX, 2.2, 255, 14, cv2.LINE_AA)
    return cv2.resize(canvas, SIDES[::-1], interpolation=cv2.INTER_AREA) / 255


def marked(pictures, opacity, ink=WHITE):
    seen = (1 - opacity[..., None]) * np.array(pictures, float) + opacity[..., None] * ink
    return list(seen.round().clip(0, 255).astype(np.uint8))


def stored(picture, quality):
    """As a JPEG keeps it."""
    file = io.BytesIO()
    PILImage.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(PILImage.open(file))


def psnr(one, other, where):
    return float(10 * np.log10(255**2 / np.mean(np.square(np.array(one, float) - other)[:, where])))


@pytest.fixture(scope="module")
def photos():
    return crops()


@pytest.fixture(scope="module")
def cover():
    return letters()


@pytest.fixture(scope="module")
def filled(photos, cover):
    return psnr([inpaint(photo, cover > 0, "fsr") for photo in photos], photos, cover > 0)


@pytest.fixture(scope="module")
def uniform(photos, cover):
    return estimate_overlay(marked(photos, OPACITY * cover), cover > 0)


def test_a_uniform_mark_is_known_to_a_level(photos, cover, uniform, filled):
    assert uniform.mode == "cover"
    assert uniform.colour.shape == (3,)
    assert uniform.info.pictures == 12
    assert np.abs(uniform.colour - WHITE).max() < 6
    core = uniform.opacity[cover == 1]
    assert np.abs(core - OPACITY).max() < 0.02
    assert np.abs(uniform.opacity - OPACITY * cover).max() < 0.12
    taken_off = remove_overlay(marked(photos, OPACITY * cover), overlay=uniform, method="fsr")
    assert psnr(taken_off, photos, cover > 0) > filled + 13
    for before, after in zip(marked(photos, OPACITY * cover), taken_off, strict=True):
        assert (before == after)[uniform.opacity == 0].all()


def test_a_mark_of_any_colours(photos, cover, filled):
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    ink = np.stack([100 + columns, 60 + 2 * rows, 230 - columns], axis=-1).astype(float)
    seen = marked(photos, OPACITY * cover, ink)
    overlay = estimate_overlay(seen, cover > 0)
    assert overlay.colour.shape == (*SIDES, 3)
    core = cover == 1
    assert np.abs(overlay.opacity[core] - OPACITY).mean() < 0.03
    assert np.abs(overlay.colour[core] - ink[core]).mean() < 8
    taken_off = remove_overlay(seen, overlay=overlay, method="fsr")
    assert psnr(taken_off, photos, cover > 0) > filled + 8


def test_without_a_mask_it_is_found(photos, cover, filled):
    seen = marked(photos, OPACITY * cover)
    overlay = estimate_overlay(seen)
    assert (overlay.opacity > 0)[cover > 0.2].mean() > 0.99
    far = cv2.dilate((cover > 0).astype(np.uint8), np.ones((7, 7))) == 0
    assert not overlay.opacity[far].any()
    taken_off = remove_overlay(seen, overlay=overlay, method="fsr")
    assert psnr(taken_off, photos, cover > 0) > filled + 12


def test_what_is_as_bright_as_the_pictures_is_found_without_a_mask(photos, cover):
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    ink = np.stack([100 + columns / 1.0, 60.0 + 2 * rows, 200 - columns / 1.5], axis=-1)
    seen = marked(photos, 0.3 * cover, ink)
    given, found = (
        psnr(remove_overlay(seen, overlay=estimate_overlay(seen, mask), method="fsr"), photos, cover > 0)
        for mask in (cover > 0, None)
    )
    assert found > given - 1


def test_a_mark_of_any_colours_is_found_in_jpegs_without_a_mask(photos, cover):
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    ink = np.stack([100 + columns, 60 + 2 * rows, 230 - columns], axis=-1).astype(float)
    seen = [stored(picture, 92) for picture in marked(photos, OPACITY * cover, ink)]
    overlay = estimate_overlay(seen)
    assert (overlay.opacity > 0)[cover > 0.5].mean() > 0.98
    assert np.abs(overlay.opacity[cover == 1] - OPACITY).mean() < 0.08


def test_a_clean_series_gives_nothing(photos):
    for gain in (False, True):
        with pytest.warns(EmptyMaskWarning, match="nothing repeats"):
            overlay = estimate_overlay(photos, gain=gain)
        assert not overlay.opacity.any()
        assert all((remove_overlay(photo, overlay=overlay) == photo).all() for photo in photos[:2])


def test_a_date_that_differs_is_not_touched(photos):
    texts = [f"{(7 * number + 3) % 31:02d}.{(37 * number + 19) % 97:02d}" for number in range(len(photos))]
    for opacity in (0.5, 1.0):
        dated = [
            marked([photo[:64, :]], opacity * letters(text=text)[:64])[0]
            for photo, text in zip(photos, texts, strict=True)
        ]
        with pytest.warns(EmptyMaskWarning, match="no overlay"):
            assert not estimate_overlay(dated).opacity.any()


@pytest.mark.parametrize("opacity", [0.5, 1.0])
def test_a_year_that_all_dates_share_is_left_with_them(photos, opacity):
    days = [f"{(7 * number + 3) % 31:02d}.{(5 * number) % 12 + 1:02d}.1967" for number in range(len(photos))]
    dated = [marked([photo], opacity * drawn(day, 20))[0] for photo, day in zip(photos, days, strict=True)]
    with pytest.warns(EmptyMaskWarning, match="no overlay"):
        assert not estimate_overlay(dated).opacity.any()
    year = estimate_overlay(marked(photos, opacity * drawn("1967", 20)))  # by itself it is a mark as any other
    assert (year.opacity > 0)[drawn("1967", 20) > 0.5].mean() > 0.95


def test_the_order_of_pictures_makes_no_difference(photos, cover, uniform, tmp_path):
    seen = marked(photos, OPACITY * cover)
    other = estimate_overlay(seen[::-1], cover > 0)
    assert (other.opacity == uniform.opacity).all()
    assert (other.colour == uniform.colour).all()
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for path, picture in zip(paths, seen, strict=False):
        write(path, picture)
    mask = (cover > 0) & (np.arange(SIDES[1]) < 50)
    one, two = (estimate_overlay(iter(order), mask) for order in (paths, paths[::-1]))
    three = estimate_overlay(seen[:5], mask)
    assert one.opacity.any()
    assert (one.opacity == two.opacity).all()
    assert (one.colour == two.colour).all()
    assert np.abs(one.opacity - three.opacity).max() < 0.01


def test_memory_does_not_grow_with_the_series(tmp_path, cover):
    def peak(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        for index, photo in enumerate(marked(crops(number), 0.5 * cover)):
            PILImage.fromarray(photo).save(folder / f"{index:03d}.png")
        tracemalloc.start()
        estimate_overlay(sorted(folder.iterdir()), small)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    small = np.zeros(SIDES, np.bool_)
    small[40:52, 40:58] = True
    peak(4)  # imports
    assert peak(20) < 1.05 * peak(5)


def test_what_hides_everything_is_a_hole(photos):
    block = np.zeros(SIDES)
    block[30:60, 40:90] = 1
    overlay = estimate_overlay(marked(photos, block, np.array([10.0, 200.0, 30.0])), block > 0)
    assert (overlay.opacity[block > 0] == 1).all()
    assert np.abs(overlay.colour[45, 60] - [10, 200, 30]).max() < 1


def test_dust_darkens(photos):
    rows, columns = np.mgrid[: SIDES[0], : SIDES[1]]
    gain = 1 - 0.25 / (1 + np.exp((np.hypot(rows - 48, columns - 70) - 6) / 1.2))
    gain[gain > 0.998] = 1
    seen = [(photo * gain[..., None]).round().astype(np.uint8) for photo in photos]
    overlay = estimate_overlay(seen, gain < 1, gain=True)
    assert overlay.mode == "multiply"
    assert np.abs(1 - overlay.opacity - gain)[gain < 0.9].max() < 0.04


def test_a_picture_without_the_mark_is_noticed_and_stays(photos, cover, tmp_path):
    seen = [*marked(photos[:10], OPACITY * cover), *photos[10:]]
    with pytest.warns(UserWarning, match="2 of the series do not seem to have the overlay"):
        overlay = estimate_overlay(seen, cover > 0)
    assert np.abs(overlay.opacity[cover == 1] - OPACITY).max() < 0.03
    after = remove_overlay(seen, overlay=overlay, method="harmonic")
    changed = [bool((one != two).any()) for one, two in zip(seen, after, strict=True)]
    assert changed == [True] * 10 + [False] * 2
    write_mark(tmp_path / "mark.png", overlay, 255.0)
    again = read_mark(tmp_path / "mark.png", Picture.of(seen[11]))
    for number in (0, 11):
        result = remove_overlay(seen[number], overlay=again, method="harmonic")
        assert bool((result != seen[number]).any()) == changed[number]


def test_shifts_are_found(photos, cover):
    shifts = [(0, 0), *((number % 5 - 2, number % 3 - 1) for number in range(1, 12))]
    seen = [
        marked([photo], np.roll(OPACITY * cover, shift, (0, 1)))[0] for photo, shift in zip(photos, shifts, strict=True)
    ]
    overlay = estimate_overlay(seen, align=3)
    best = max(
        np.corrcoef(np.roll(cover, shift, (0, 1)).ravel(), overlay.opacity.ravel())[0, 1] for shift in set(shifts)
    )
    assert best > 0.98
    after = remove_overlay(seen, overlay=overlay, method="fsr", align=4)
    places = [np.roll(cover, shift, (0, 1)) > 0 for shift in shifts]
    filled = [inpaint(picture, place, "fsr") for picture, place in zip(seen, places, strict=True)]
    gains = []
    for one, two, photo, place in zip(after, filled, photos, places, strict=True):
        errors = (np.mean(np.square(result[place] - photo[place].astype(float))) for result in (two, one))
        gains.append(10 * np.log10(next(errors) / next(errors)))
    assert min(gains) > -0.1
    assert np.mean(gains) > 13


@pytest.mark.parametrize("mode", ["cover", "add", "multiply"])
@pytest.mark.parametrize("opacity", [0.3, 1.0])
def test_a_known_overlay_is_found_where_it_lies(photos, cover, mode, opacity):
    ink = np.array([20.0, 60, 30]) if mode != "multiply" else np.array([128.0, 90, 90])
    mark = Overlay((opacity * cover).astype(np.float32), ink, mode=mode)
    for number, (down, right) in enumerate([(0, 0), (2, -3), (-3, 1), (3, 3)]):
        a = np.roll(mark.opacity, (down, right), (0, 1))[..., None]
        photo = photos[number].astype(float)
        top = {
            "cover": (1 - a) * photo + a * ink,
            "add": photo + a * ink,
            "multiply": photo * (1 - a * (1 - ink / 255)),
        }
        seen = top[mode].round().clip(0, 255).astype(np.uint8)
        _, info = remove_overlay(seen, overlay=mark, align=3, method="harmonic", return_info=True)
        assert (info.overlay.opacity == a[..., 0]).all()


def test_an_overlay_moves_with_all_its_parts():
    opacity = np.zeros((4, 5), np.float32)
    opacity[0, 4], opacity[2, 1] = 0.5, 0.25
    colour = np.arange(20.0).reshape(4, 5, 1)
    mark = Overlay(opacity, colour, deviation=opacity / 2, under=(Overlay(opacity, [3.0]),)).moved(-1, 2)
    assert mark.opacity[1, 3] == 0.25
    assert np.count_nonzero(mark.opacity) == 1
    assert mark.colour[1, 3, 0] == 11
    assert mark.deviation[1, 3] == 0.125
    assert mark.under[0].opacity[1, 3] == 0.25
    assert mark.under[0].colour.tolist() == [3]


def test_bad_series_are_refused(photos, cover):
    for pictures, message in [
        ([], "holds no picture"),
        ([photos[0], photos[1][:50]], "a series is of one size"),
        ([photos[0], photos[1][..., 0]], "3 channels"),
        ([photos[0]] * 4, "alike beside the mask"),
    ]:
        with pytest.raises(ValueError, match=message):
            estimate_overlay(pictures, cover > 0)
    with pytest.raises(ValueError, match="align is -1"):
        estimate_overlay(photos, align=-1)
    with pytest.raises(ValueError, match=r"align is 1\.5"):
        remove_overlay(photos, overlay=Overlay(cover, [1.0, 2.0, 3.0]), align=1.5)
    with pytest.raises(ValueError, match="leave one of them out"):
        estimate_overlay(photos, gain=True, mode="add")
    with pytest.raises(ValueError, match="mode is 'screen': choose one of cover"):
        estimate_overlay(photos, cover > 0, mode="screen")
    with pytest.raises(ValueError, match=r"colour is .*expected 3 finite numbers"):
        estimate_overlay(photos, cover > 0, colour=(255, np.nan, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(estimate_overlay(photos[:3], np.eye(*SIDES)), Overlay)


def test_a_series_of_one_is_one_picture(photos, cover):
    seen = marked(photos[:1], 0.6 * cover)[0]
    one, other = estimate_overlay(seen, cover > 0), estimate_overlay([seen], cover > 0)
    assert (one.opacity == other.opacity).all()
    assert (one.colour == other.colour).all()
    with pytest.raises(ValueError, match="are for a series"):
        estimate_overlay([seen], cover > 0, gain=True)

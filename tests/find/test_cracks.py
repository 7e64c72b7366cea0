"""Cracks of toned prints are found where they are drawn, branches included; grain and borders are left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inpaintkit import find_mask, threads
from inpaintkit.find.cracks import find_cracks
from inpaintkit.find.tracing import trace_crack

TRUNK = [(40, 30), (90, 80), (120, 150), (200, 170), (290, 250)]
BRANCH = [(120, 150), (60, 200), (50, 270)]
APART = [(330, 20), (300, 60), (340, 110)]


def toned(grey):
    """Grey (H, W) in [0, 1] on a brown tone curve."""
    print_ = np.stack([grey**0.9 * 0.9 + 0.07, grey * 0.85 + 0.06, grey**1.2 * 0.7 + 0.05], axis=2)
    return print_.clip(0, 1).astype(np.float32)


def grainy(shape=(300, 400), grain=0.02, seed=0):
    """Grain on a soft gradient."""
    rng = np.random.default_rng(seed)
    return np.linspace(0.25, 0.6, shape[1]) + rng.normal(0, grain, shape)


def along(shape, way, width):
    """The pixels of a line through points X, Y, with its soft edge left out."""
    mask = np.zeros(shape, np.uint8)
    cv2.polylines(mask, [np.array(way, np.int32)], False, 1, width)
    return mask > 0


def cracked(*ways, width=3, seed=0):
    """A toned print with light cracks, and their pixels."""
    grey = grainy(seed=seed)
    mask = np.zeros(grey.shape, np.bool_)
    for way in ways:
        mask |= along(grey.shape, way, width)
    soft = cv2.GaussianBlur(mask.astype(np.float64), (0, 0), 0.7)
    return toned(grey + soft * (0.9 - grey)), mask


def recall(found, truth):
    return (found & truth).sum() / truth.sum()


def precision(found, truth, near=3):
    return (found & (cv2.dilate(truth.astype(np.uint8), np.ones((2 * near + 1,) * 2)) > 0)).sum() / found.sum()


def test_branching_crack_on_a_toned_gradient():
    image, truth = cracked(TRUNK, BRANCH)
    found, confidence = find_cracks(image)
    assert recall(found, truth) > 0.9
    assert precision(found, truth) > 0.9
    assert ((confidence > 0) == found).all()
    assert confidence.max() <= 1


@pytest.mark.parametrize("grain", [0.01, 0.04])
@pytest.mark.parametrize("blur", [0, 0.8])
def test_nothing_in_grain(grain, blur):
    grey = grainy(grain=grain, seed=3)
    image = toned(grey if not blur else cv2.GaussianBlur(grey, (0, 0), blur))
    assert not find_cracks(image)[0].any()


def test_a_line_of_a_tenth_of_depth_is_found_and_nothing_in_the_grain_alone():
    grey, mask = grainy(grain=0.04, seed=1), np.zeros((300, 400), np.bool_)
    x = np.arange(50, 350)
    y = np.rint(60 + 0.5 * x + 6 * np.sin(x / 25)).astype(int)
    mask[y, x] = mask[y + 1, x] = True
    found = find_cracks(toned(grey + 0.052 * mask))[0]  # 1.3 of the grain's standard deviations
    assert recall(found, mask) > 0.9
    assert not find_cracks(toned(grey))[0].any()


def test_the_border_of_a_print_is_left_alone():
    image, truth = cracked(TRUNK, BRANCH)
    framed = np.full((340, 440, 3), (0.93, 0.9, 0.82), np.float32)
    framed[20:320, 20:420] = image
    found = find_cracks(framed)[0]
    border = np.ones(found.shape, np.bool_)
    border[26:314, 26:414] = False
    assert not (found & border).any()
    assert recall(found[20:320, 20:420], truth) > 0.8


def patched(colour):
    """A print with a ragged area of a colour, and its pixels."""
    outline = [(150, 80), (240, 95), (230, 140), (260, 180), (190, 170), (140, 190), (160, 130)]
    lost = cv2.fillPoly(np.zeros((300, 400), np.uint8), [np.array(outline, np.int32)], 1) > 0
    image = toned(grainy(seed=7))
    image[lost] = colour
    return image, lost


def test_an_area_of_bare_paper_is_found_and_none_of_the_print_s_own_tone():
    image, lost = patched((0.93, 0.93, 0.92))
    found = find_cracks(image)[0]
    assert recall(found, lost) > 0.95
    assert precision(found, lost) > 0.9
    image, lost = patched(toned(np.full((1, 1), 0.85))[0, 0])
    assert (find_cracks(image)[0] & lost).sum() < 0.2 * lost.sum()


def test_acting_takes_less_than_proposing():
    image, _ = cracked(TRUNK, BRANCH, width=2)
    proposed, acted = (find_cracks(image, act=act)[0] for act in (False, True))
    assert not (acted & ~proposed).any()


def test_labels_number_the_cracks():
    image, truth = cracked(TRUNK, BRANCH, APART)
    labels = np.zeros(truth.shape, np.int32)
    found = find_cracks(image, labels=labels)[0]
    assert ((labels > 0) == found).all()
    trunk, apart = labels[along(truth.shape, TRUNK, 1)], labels[along(truth.shape, APART, 1)]
    assert np.intersect1d(trunk[trunk > 0], apart[apart > 0]).size == 0


def test_a_traced_crack_has_its_branches_and_no_other_crack():
    image, _ = cracked(TRUNK, BRANCH, APART)
    shape = image.shape[:2]
    found, _ = trace_crack(image, (91, 81))
    assert recall(found, along(shape, TRUNK, 3) | along(shape, BRANCH, 3)) > 0.9
    assert not found[along(shape, APART, 7)].any()
    assert precision(found, along(shape, TRUNK, 3) | along(shape, BRANCH, 3)) > 0.9


def test_a_click_beside_any_line_is_an_error():
    image, _ = cracked(TRUNK)
    with pytest.raises(ValueError, match="there is no line within 6 px of 330,150"):
        trace_crack(image, (330, 150))


def test_threads_do_not_change_what_is_found():
    image, _ = cracked(TRUNK, BRANCH, seed=5)
    results = []
    for count in (1, 2, 3):
        with threads.limit(count):
            results.append(find_cracks(image))
    for mask, confidence in results[1:]:
        np.testing.assert_array_equal(mask, results[0][0])
        np.testing.assert_array_equal(confidence, results[0][1])


def recoded(image, kind):
    """The picture as another kind of array, of the same values within half a level of 8 bits."""
    levels = np.rint(image * 255)
    if kind == "float":
        return (levels / 255).astype(np.float64)
    return (levels * 257).astype(kind) if kind in (">u2", "<u2") else levels.astype(kind)


@pytest.mark.parametrize("kind", [">u2", "<u2", "float"])
def test_any_array_of_the_same_picture_has_the_same_cracks(kind):
    image, truth = cracked(TRUNK, BRANCH)
    expected = find_mask(recoded(image, np.uint8), "cracks")
    assert recall(expected, truth) > 0.9
    changed = find_mask(recoded(image, kind), "cracks") != expected
    assert changed.sum() < 0.02 * expected.sum()  # rounding of floats


def test_trace_through_find_mask():
    image, _ = cracked(TRUNK, BRANCH, APART)
    mask, info = find_mask(image, "cracks", trace=(301, 60), return_info=True)
    np.testing.assert_array_equal(mask, trace_crack(image, (301, 60))[0])
    assert [(one.kind, one.pixels) for one in info.found] == [("cracks", mask.sum())]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "dust", "trace": (3, 3)}, "trace is for kind 'cracks', not 'dust'"),
        ({"trace": (400, 3)}, "trace is 400,3, outside a picture 400 wide and 300 high: pick a pixel of it"),
        ({"trace": 7}, "trace is 7: expected X, Y in whole pixels from the top left"),
    ],
)
def test_a_trace_that_cannot_be_is_an_error(options, message):
    image, _ = cracked(TRUNK)
    with pytest.raises(ValueError, match=message):
        find_mask(image, **{"kind": "cracks", **options})

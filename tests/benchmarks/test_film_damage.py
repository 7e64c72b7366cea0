"""Film damage over photographs: what is laid over, what of it is true, and what counts as found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inpaintkit.benchmarks.studies import film_damage
from inpaintkit.benchmarks.studies._near import near, precision, recall
from inpaintkit.benchmarks.studies.film_damage import Layer


def dots(*places: tuple[int, int]) -> np.ndarray[Any, Any]:
    """A mask of 9 x 20 with pixels Y, X."""
    mask = np.zeros((9, 20), np.bool_)
    for place in places:
        mask[place] = True
    return mask


def test_an_artefact_hides_its_share_of_the_photograph_in_the_channels_that_it_reaches():
    photo = np.full((1, 4, 3), 100, np.uint8)
    opacity = np.array([[0, 0.25, 0.5, 1]], np.float32)
    shows = np.full((1, 4, 3), np.nan, np.float32)
    shows[..., 0], shows[..., 1] = 200, 0
    after = film_damage.laid_over(photo, opacity, shows)
    np.testing.assert_allclose(after[0], [[100, 100, 100], [125, 75, 100], [150, 50, 100], [200, 0, 100]])


@pytest.mark.parametrize(("grain", "expected"), [(0, [False, False, True, True]), (4, [False, False, False, True])])
def test_a_change_is_seen_above_8_levels_and_3_sigma_of_the_grain(grain, expected):
    before = np.full((1, 4, 3), 100, np.uint8)
    after = before.astype(np.float32)
    after[0, :, 1] += [0, 8, -12, 12.5]
    assert film_damage.visible(before, after, grain)[0].tolist() == expected


def test_scratches_are_light_or_dark_each_by_itself_and_other_artefacts_as_the_film_is():
    kinds = np.full((40, 40), 50, np.uint8)
    kinds[::8, 1:] = 250  # five scratches
    for film, level in (("negative", 247), ("slide", 8)):
        shows = film_damage.shown(kinds, film, 3, 1)
        assert (shows[kinds == 50] == level).all()
        looks = {tuple(np.nan_to_num(shows[y, 5], nan=-1)) for y in range(0, 40, 8)}
        assert len(looks) > 1
        assert {value for look in looks for value in look} == {-1, 247, 8}
        assert all((shows[y, 1:] == shows[y, 5])[:, ~np.isnan(shows[y, 5])].all() for y in range(0, 40, 8))
        np.testing.assert_array_equal(shows, film_damage.shown(kinds, film, 3, 1))


def test_soft_edges_have_the_kind_of_the_nearest_artefact():
    labels = np.zeros((8, 8), np.uint8)
    labels[2, 1], labels[2, 6] = 150, 250
    overlay = np.full((8, 8), 51, np.uint8)
    window = film_damage.layer(labels, overlay, 0.5)
    assert window.opacity.shape == (4, 4)
    np.testing.assert_allclose(window.opacity, 0.2)
    assert (window.kinds[:, :2] == 150).all()
    assert (window.kinds[:, 2:] == 250).all()


def test_the_truth_of_a_case_is_what_is_opaque_and_seen():
    photo = np.full((60, 80, 3), 100, np.uint8)
    photo[:, 40:] = 247  # on which light artefacts are not seen
    opacity, kinds = np.zeros((48, 60), np.float32), np.full((48, 60), 50, np.uint8)
    opacity[10:14, 5:10] = 0.5
    opacity[30:34] = 0.5
    opacity[44:46] = 11 / 255  # as good as clear
    kinds[30:] = 200
    case = film_damage.case("grey", photo, Layer(opacity, kinds), "negative", 0)
    assert case.damaged.shape == (48, 60, 3)
    expected = np.zeros((48, 60), np.bool_)
    expected[10:14, 5:10] = True
    np.testing.assert_array_equal(case.kinds["dust"], expected)
    hair = case.kinds["long hair"]
    assert hair[30:34, :29].all()
    assert not hair[:, 31:].any()
    assert not hair[44:].any()
    np.testing.assert_array_equal(case.truth, expected | hair)
    assert case.ignored[30:34, 32:].all()
    assert np.count_nonzero(case.ignored) == 4 * 60 - np.count_nonzero(hair)
    again = film_damage.case("grey", photo, Layer(opacity, kinds), "negative", 0)
    np.testing.assert_array_equal(case.damaged, again.damaged)


def test_what_lies_within_3_px_is_found_and_right():
    assert np.count_nonzero(near(dots((4, 8)))) == 29  # a disc of radius 3
    truth = dots((4, 4), (4, 14))
    found = dots((4, 7), (4, 10), (0, 19))
    assert recall(found, truth) == 0.5
    assert precision(found, truth) == pytest.approx(1 / 3)
    assert precision(found, truth, dots((4, 10), (4, 7))) == 0.5
    assert np.isnan(recall(found, dots()))
    assert np.isnan(precision(dots(), truth))


def test_the_table_counts_the_pixels_of_all_pictures_together():
    nothing = dict.fromkeys(("dirt", "short hair", "long hair", "scratch"), (float("nan"), 0))
    scores = [
        film_damage.Score({**nothing, "dust": share, "all": share}, (1.0, 10), 0.01, 1.0, 3.0)
        for share in ((0.5, 300), (1.0, 100))
    ]
    line = film_damage.table({("dust", "act"): scores}).splitlines()[-1]
    assert line == "| dust | act | 0.62 | nan | nan | nan | nan | 0.62 | 1.00 | 1.00 | 1.00 | 3.00 |"

"""The finders' weights: a weight for every feature, and a regression that finds known weights again."""

from __future__ import annotations

import numpy as np
import pytest

from inpaintkit.benchmarks.studies import damage, fit_finders
from inpaintkit.benchmarks.studies.find import Case


def test_a_regression_finds_the_weights_that_made_a_sample():
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(20000, 3)), np.array([2.0, -1.0, 0.5])
    fixed = rng.normal(size=len(features))
    likely = 1 / (1 + np.exp(-(features @ weights + fixed)))
    sample = fit_finders.Sample(features, rng.random(len(features)) < likely, fixed, np.ones(len(features)))
    assert fit_finders.fitted(sample) == pytest.approx(weights, abs=0.15)
    assert fit_finders.loss(weights, sample) < fit_finders.loss(np.zeros(3), sample)


@pytest.mark.parametrize("kind", fit_finders.KINDS)
def test_candidates_of_each_finder_have_a_feature_for_every_weight(kind):
    y, x = np.mgrid[:160, :240]
    photo = np.repeat((100 + 20 * np.sin(x / 9) * np.cos(y / 11)).astype(np.uint8)[..., None], 3, axis=2)
    draw = {"text": damage.caption, "scratches": damage.scratched, "dust": damage.dusty}[kind]
    damaged, truth = draw(photo, seed=1)[:2]
    text = "\n".join(fit_finders.report(kind, [Case("waves", kind, photo, damaged, truth)], []))
    assert "as it stands, over 1 pictures" in text
    assert "nan" not in text

"""Chains that may be cracks, in every octave of a print, and the log-odds that they are.

What speaks for a chain by itself stands in ``WEIGHTS``; all chains of a print together speak for each of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inpaintkit import threads
from inpaintkit.arrays import Array
from inpaintkit.find import scoring
from inpaintkit.find.chains import Chains, chains, measured
from inpaintkit.find.crack_looks import looks
from inpaintkit.find.prints import Print
from inpaintkit.find.ridges import ridges
from inpaintkit.problem import Image

# Logistic regressions over the chains of traced prints and of sound photographs, for light and for dark ones; what
# speaks of the whole print (toned, coloured) is set by hand.
WEIGHTS = (
    {
        "constant": 0.954,
        "length": -1.83,
        "strength": -2.23,
        "evidence": 1.48,
        "beyond_doubt": 0.388,
        "extent": 0.233,
        "contrast": -0.539,
        "weaker": 2.31,
        "imbalance": -0.742,
        "outer": 0.871,
        "pair": -1.71,
        "sharp": -3.98,
        "sharper": 3.32,
        "stands_out": 1.26,
        "width": -1.57,
        "ragged": 0.112,
        "paper": -0.34,
        "tint": 10.9,
        "uneven": -1.35,
        "varied": 1.13,
        "follows": 0.725,
        "bend": -0.103,
        "parallel": -1.69,
        "crowd": 0.443,
        "texture": -0.0638,
        "octave": -1.75,
        "rim": -2.26,
        "toned": 1.5,
        "coloured": -3,
    },
    {
        "constant": 2.09,
        "length": -1.54,
        "strength": -0.778,
        "evidence": 0.708,
        "beyond_doubt": 0.345,
        "extent": 0.0372,
        "contrast": -0.031,
        "weaker": -0.439,
        "imbalance": 0.597,
        "outer": -1.29,
        "pair": 0.251,
        "sharp": -2,
        "sharper": 2.5,
        "stands_out": 1.35,
        "width": -0.862,
        "ragged": -1.86,
        "paper": -0.0664,
        "tint": -15.2,
        "uneven": -0.0441,
        "varied": 0.719,
        "follows": 0.342,
        "bend": 0.33,
        "parallel": -1.39,
        "crowd": -0.31,
        "texture": -0.0826,
        "octave": -1.26,
        "rim": -2.68,
        "toned": 1.5,
        "coloured": -3,
    },
)

_LOWEST = 2.6  # a point's response, in terms of the texture's
_MIN_SUM = 8.0  # what a chain's points add up to beyond that
_MIN_SIDE = 24  # px: a smaller picture shows no line
_OCTAVES = 4
_BORDER = 12  # px, at least four of the octave's: as near to the print's border a chain may be part of it

_BELIEF = 0.5
_USUAL = 0.1  # share of the ridges that are cracks, where the weights are fitted
_ASSUMED = 0.005  # of the pixels: so many points of chains are assumed to be as usual
_AREA = 1.8  # power of the octave's scale by which a chain of it counts for more
_ROUNDS = 30
_DESPAIR = 10.0  # log-odds that a picture without company takes off at most


@dataclass(frozen=True, eq=False)
class Candidates:
    """Chains of one octave and one polarity that may be cracks.

    Attributes
    ----------
    chains : their points.
    shown : float32 (N, MEASURES), what each point shows.
    polarity : 0 for light ones, 1 for dark ones.
    features : (L,) each, what ``WEIGHTS`` are for.
    """

    chains: Chains
    shown: Image
    polarity: int
    features: dict[str, Array]

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """That a chain is a crack, (L,)."""
        return np.asarray(scoring.weighted(WEIGHTS[self.polarity], self.features), np.float64)


def candidates(whole: Print) -> list[Candidates]:
    """The chains of all octaves and both polarities, the finest first."""
    octaves = [octave for octave in range(_OCTAVES) if min(whole.bright.shape) >> octave >= _MIN_SIDE]
    return [each for octave in octaves for each in _of_octave(whole, octave)]


def _of_octave(whole: Print, octave: int) -> list[Candidates]:
    """The light and the dark chains of an octave."""
    found = ridges(whole.bright, octave)

    def search(polarity: int) -> Candidates:
        linked = _inside(chains(found, polarity, _LOWEST, _MIN_SUM), whole)
        shown = measured(linked, whole.bright, whole.tint, polarity)
        return Candidates(linked, shown, polarity, looks(linked, shown, found.texture, whole, polarity))

    return threads.run(search, (0, 1))


def _inside(linked: Chains, whole: Print) -> Chains:
    """The points on the print, less the chains that run along its border or sit in its corners."""
    height, width = whole.bright.shape
    top, bottom, left, right = whole.margins
    away = np.full(len(linked.row), np.inf)
    for margin, depth in (
        (top, linked.row),
        (bottom, height - 1 - linked.row),
        (left, linked.column),
        (right, width - 1 - linked.column),
    ):
        if margin:
            away = np.minimum(away, depth - margin)
    beside = linked.means((away < max(_BORDER, _BORDER / 3 * linked.unit)).astype(np.float64)) > 0.5
    return linked.part((away >= 0) & ~beside[linked.chain])


def company(found: list[Candidates], pixels: int) -> float:
    """What all chains of a picture together add to the log-odds of each: a print has many cracks, or hardly one.

    The share of ridges that are cracks is estimated from the odds that follow from it, until both agree (Saerens et al.
    2002, doi:10.1162/089976602753284446), beginning with what is usual; ``_BELIEF`` of what it says is believed.
    """
    log_odds = np.concatenate([each.log_odds for each in found] or [np.zeros(0)])
    area = np.concatenate([np.bincount(each.chains.chain) * float(each.chains.unit) ** _AREA for each in found] or [[]])
    assumed = _ASSUMED * pixels
    added, usual = 0.0, math.log(_USUAL / (1 - _USUAL))
    for _ in range(_ROUNDS if len(area) else 0):
        cracks = float(scoring.confidence(log_odds + added) @ area) + assumed * _USUAL
        share = cracks / (float(area.sum()) + assumed)
        added = max(-_DESPAIR, _BELIEF * (math.log(share / (1 - share)) - usual))
    return added

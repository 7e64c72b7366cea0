"""Lost emulsion of toned prints: areas as light as paper that lack the print's tone, with a sharp rim all round."""

from __future__ import annotations

import cv2
import numpy as np

from inpaintkit.find import scoring
from inpaintkit.find.prints import Print
from inpaintkit.find.scoring import Labels
from inpaintkit.problem import Image, Mask

_OFF = 0.045  # off the tone curve of the print, or of its surroundings
_LIGHT = 0.4  # of the way from black to white, at least
_AREA = 12  # px
_STEP = 0.04  # of brightness within a pixel or two: a sharp rim
_EVEN = 0.6  # share of a rim that is sharp, in a loss as likely as not
_WORTH = 8.0  # log-odds of a rim that is sharp all round, over one that is nowhere
_TONED = 0.03  # a print with less tone shows no loss of it
_COLOURED = 0.045  # a picture further off its curve is a colour picture


def find_losses(whole: Print, needed: float, onto: tuple[Mask, Image, Labels]) -> None:
    """Mark the areas whose log-odds exceed what is needed.

    onto : mask, confidence and labels, (H, W) each.
    """
    if whole.toned < _TONED or whole.coloured > _COLOURED:
        return
    light = whole.bright > whole.black + _LIGHT * (whole.white - whole.black)
    lost = (np.maximum(whole.tint, whole.toneless) > _OFF) & light
    square = np.ones((3, 3), np.uint8)
    areas = cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_OPEN, square)
    count, number, boxes, _ = cv2.connectedComponentsWithStats(areas, connectivity=4)
    rim = (areas > 0) & (cv2.erode(areas, square) == 0)
    across, down = (cv2.Sobel(whole.bright, cv2.CV_32F, *way, scale=0.25) for way in ((1, 0), (0, 1)))
    sharp = cv2.magnitude(across, down) > _STEP
    length = np.maximum(np.bincount(number[rim], minlength=count), 1)
    log_odds = _WORTH * (np.bincount(number[rim & sharp], minlength=count) / length - _EVEN)
    height, width = areas.shape
    left, top, wide, high, area = boxes.T
    whole_on_print = (left > 0) & (top > 0) & (left + wide < width) & (top + high < height)
    kept = (log_odds > needed) & whole_on_print & (area >= _AREA)
    kept[0] = False
    found = kept[number]
    mask, confidence, labels = onto
    mask |= found
    np.maximum(confidence, scoring.confidence(log_odds)[number].astype(np.float32), out=confidence, where=found)
    np.copyto(labels, number + labels.max(), where=found)

"""The finders there are, a row for each: what else knows of a kind of damage than the finder itself.

A finder stands in the file of its kind: ``find_KIND(image float32 (H, W, C) in [0, 1], *, sensitivity, act) -> (mask
bool (H, W), confidence float32 (H, W) in [0, 1])``; one that finds lines takes ``labels`` as well, int32 (H, W) of
zeros, which get the number, from 1, of the line that each pixel belongs to. With ``act`` it asks for better odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["cover", "add", "multiply"]


@dataclass(frozen=True)
class Finder:
    """What a finder finds.

    Attributes
    ----------
    lined : whether it numbers its lines.
    cautious : whether it asks for more where all finders propose, since as many searches have as many chances to be
        wrong; where all act, each asks for more.
    mode : how what it finds lies over the picture, as ``remove_overlay`` takes it.
    """

    lined: bool
    cautious: bool = True
    mode: Mode = "cover"


FINDERS = {
    "text": Finder(lined=True),
    "stamp": Finder(lined=True, mode="add"),
    "scratches": Finder(lined=True),
    "dust": Finder(lined=False),
    "cracks": Finder(lined=True, cautious=False),
}
KINDS = (*FINDERS, "colour", "auto")

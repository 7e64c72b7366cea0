"""What callers pass, checked: any picture and any mask, turned into arrays with known meaning."""

from inpaintkit.picture.growth import growth_seen, growth_stored
from inpaintkit.picture.hole import check_share, grow, hole_of, how_to_match, mask_of, scaled
from inpaintkit.picture.named import left_missing
from inpaintkit.picture.options import PictureColours, PictureLabels, PictureMask, PictureOption
from inpaintkit.picture.pixels import Channels, Picture
from inpaintkit.picture.span import Span, span_of

__all__ = [
    "Channels",
    "Picture",
    "PictureColours",
    "PictureLabels",
    "PictureMask",
    "PictureOption",
    "Span",
    "check_share",
    "grow",
    "growth_seen",
    "growth_stored",
    "hole_of",
    "how_to_match",
    "left_missing",
    "mask_of",
    "scaled",
    "span_of",
]

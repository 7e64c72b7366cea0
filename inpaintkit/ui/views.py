"""What a photo looks like: tiles of its pictures and layers, a thumbnail, files to download."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
from starlette.responses import Response

from inpaintkit.box import Box
from inpaintkit.problem import Mask
from inpaintkit.ui import saving
from inpaintkit.ui.changes import bounds
from inpaintkit.ui.events import MASK
from inpaintkit.ui.fills import candidate_of
from inpaintkit.ui.methods import is_layer
from inpaintkit.ui.photos import Changed, Photo
from inpaintkit.ui.tiles import Encoded, Shown, at_full_size, coverage, encoded, level_count, tile_box

_MAX_AREA = 1 << 18  # px of a changed box that is sent along with the change
_WORST = 0.15  # the expected error, as a share of the range, that is shown as the worst


def tile(photo: Photo, which: str, level: int, column: int, row: int) -> Encoded:
    """A tile; LookupError where there is none."""
    box = tile_box(photo.shape, level, column, row)
    with photo.lock:
        shown = _shown(photo, which, level, box)
    return encoded(shown, lossless=level == 0 or shown.shape[2] == 4)


def pixels(photo: Photo, changed: Changed) -> dict[str, str]:
    """What small changed boxes look like, each a PNG in base64, so that nobody need ask for their tiles."""
    small = {name: box for name, box in changed.items() if box is not None and box.area <= _MAX_AREA}
    shown = {name: _shown(photo, "now" if name == "picture" else name, 0, box) for name, box in small.items()}
    return {name: base64.b64encode(encoded(part, lossless=True).data).decode() for name, part in shown.items()}


def selection(chosen: Mask, level: int) -> Response:
    """What is selected as a PNG of a level, as the tiles of masks are; X-Box says where it lies at full size."""
    shape = chosen.shape[0], chosen.shape[1]
    if not isinstance(level, int) or not 0 <= level < level_count(shape):
        raise ValueError(f"level is {level!r}: this photo has levels 0 to {level_count(shape) - 1}")
    box = bounds(chosen) or Box(0, 0, 1, 1)
    edges = box.left >> level, box.top >> level, -(-box.right >> level), -(-box.bottom >> level)
    seen = Box.from_edges(*edges)
    made = encoded(coverage(chosen, level, seen), lossless=True)
    place = ",".join(str(side << level) for side in seen)
    return Response(made.data, media_type=made.kind, headers={"x-box": place})


def download(photo: Photo, what: str, format: str | None, layer: str) -> Response:
    """A file to keep: the picture, a layer, or the strokes."""
    stem = Path(photo.name).stem
    if what == "picture":
        suffix = saving.ending(photo.name, photo.loaded, format)
        made = saving.encoded(photo.loaded, suffix, photo.name)
        photo.mark_saved()
        return attached(made, f"{stem}{saving.repaired(photo)}{suffix}")
    if what == "mask":
        if layer != MASK and not is_layer(layer):
            raise LookupError(f"there is no layer {layer!r}")
        return attached(saving.mask_file(photo, layer), f"{stem}_{layer.replace(':', '_')}.png")
    if what == "strokes":
        data = json.dumps(saving.strokes(photo)).encode()
        return attached(Encoded(data, "application/json"), f"{stem}_strokes.json")
    raise ValueError(f"what is {what!r}: choose picture, mask or strokes")


def _shown(photo: Photo, which: str, level: int, box: Box) -> Shown:
    if which == "now":
        return photo.now.part(level, box)
    if which == "before":
        return photo.before(level, box)
    if which == "expected":
        return _expected(photo, level, box)
    if which == MASK or is_layer(which):
        return coverage(photo.layers.mask(which), level, box)
    kind, _, name = which.partition("-")
    if kind == "find" and photo.found is not None and photo.found.id == name:
        found: Shown = photo.found.tile(level, box)
        return found
    job, _, number = name.partition("-")
    if kind == "candidate" and number.isdecimal():
        return photo.now.patched(level, box, candidate_of(photo, job, int(number)).patch)
    raise LookupError(f"there is no picture {which!r}")


def _expected(photo: Photo, level: int, box: Box) -> Shown:
    """The errors to expect of what was filled, from yellow to red, RGBA."""
    crop = at_full_size(box, level, photo.shape)
    errors = np.full(crop.shape, np.nan, np.float32)
    for patch in photo.fills:
        for cell in patch.touching(crop):
            found = cell.expected_in(crop)
            np.copyto(errors, found, where=~np.isnan(found))
    size = 1 << level
    padding = ((0, box.height * size - crop.height), (0, box.width * size - crop.width))
    worst = np.nan_to_num(np.pad(errors, padding, constant_values=np.nan), nan=-1)
    worst = worst.reshape(box.height, size, box.width, size).max(axis=(1, 3))
    share = np.clip(worst / _WORST, 0, 1)
    shown = np.zeros((*box.shape, 4), np.uint8)
    shown[..., 0] = 255
    shown[..., 1] = np.rint(230 * (1 - share))
    shown[..., 3] = np.where(worst >= 0, 190, 0)
    return shown


def attached(made: Encoded, name: str) -> Response:
    """A file to keep under a name."""
    plain = name.encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    return Response(made.data, media_type=made.kind, headers={"content-disposition": disposition})

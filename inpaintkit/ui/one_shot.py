"""A fill for programs: a picture and its mask or strokes come in, the filled file goes out; nothing is opened."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from inpaintkit import files
from inpaintkit.files import Loaded, Stream
from inpaintkit.options import kinds_of
from inpaintkit.picture import PictureMask, PictureOption
from inpaintkit.problem import Mask
from inpaintkit.registry import find
from inpaintkit.ui import saving
from inpaintkit.ui.events import MASK, SEEN, checked
from inpaintkit.ui.fills import Wish, filled
from inpaintkit.ui.jobs import Job
from inpaintkit.ui.layers import Layers
from inpaintkit.ui.methods import is_layer
from inpaintkit.ui.shelf import REPAIRED
from inpaintkit.ui.tiles import Encoded

_TEXTS = ("method", "options", "seed", "dilate", "feather", "grain", "fallback", "format", "strokes")


@dataclass(frozen=True, eq=False)
class Order:
    """What a program asks for.

    Attributes
    ----------
    texts : the fields of the form.
    sent : the files of the form by the part's name, each with its own name and bytes: picture, mask, and what a method
        takes that is as large as the picture, under the option's name.
    """

    texts: Mapping[str, str]
    sent: Mapping[str, tuple[str, bytes]]

    def __post_init__(self) -> None:
        for name in self.texts:
            if name not in _TEXTS:
                raise ValueError(f"there is no field {name!r}: send {', '.join(_TEXTS)}, and files as parts")
        if "picture" not in self.sent:
            raise ValueError("send the picture as the part 'picture'")
        if ("mask" in self.sent) == ("strokes" in self.texts):
            raise ValueError("send either a mask as the part 'mask', or strokes as a list of events")

    @property
    def wish(self) -> Wish:
        """How to fill."""
        asked = {
            name: self._json(name) for name in ("options", "seed", "feather", "grain", "fallback") if name in self.texts
        }
        dilate = self.texts.get("dilate", "0")
        method = self.texts.get("method", "auto")
        return Wish.of({**asked, "method": method, "dilate": dilate if dilate == "auto" else self._json("dilate", 0)})

    def fill(self, job: Job) -> dict[str, Any]:
        """Do it; the file is what the job keeps."""
        name, data = self.sent["picture"]
        loaded = files.load(Stream(io.BytesIO(data), name))
        height, width = loaded.pixels.shape[:2]
        hole, guides = self._painted((height, width))
        wish = self.wish
        wish = replace(wish, options={**wish.options, **self._pictures(wish.method)})
        result, info = filled(loaded, hole, wish, guides, job)
        suffix = self._suffix(name, loaded)
        job.kept = saving.encoded(replace(loaded, pixels=result), suffix, name)
        return {"file": f"{Path(name).stem}{REPAIRED}{suffix}", "pixels": info.pixels, "said": str(info)}

    def _painted(self, shape: tuple[int, int]) -> tuple[Mask, dict[str, Mask]]:
        """The mask, and what is painted for the method."""
        layers = Layers(shape)
        if "strokes" in self.texts:
            for given in _events(self._json("strokes")):
                event = checked(given, is_layer)
                if event["type"] in SEEN:
                    raise ValueError(f"a {event['type']} belongs to the page: send strokes and shapes, or a mask")
                layers.do(event)
            return layers.mask(MASK), layers.guides()
        name, data = self.sent["mask"]
        return files.read_mask(Stream(io.BytesIO(data), name)), {}

    def _pictures(self, method: str) -> dict[str, Any]:
        """The options that are as large as the picture."""
        found = {}
        parameters = find(method).parameters()
        for name, (file, data) in self.sent.items():
            if name in ("picture", "mask"):
                continue
            kinds = kinds_of(parameters[name].annotation) if name in parameters else ()
            pictures = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, PictureOption)]
            if not pictures:
                raise ValueError(f"{method} takes no picture {name!r}: send picture, mask, or an option that is one")
            stream, kind = Stream(io.BytesIO(data), file), cast(Any, pictures[0])
            found[name] = kind.of_option(files.read_mask(stream) if kind is PictureMask else files.read(stream))
        return found

    def _suffix(self, name: str, loaded: Loaded) -> str:
        return saving.ending(name, loaded, self.texts.get("format"))

    def _json(self, name: str, default: Any = None) -> Any:
        try:
            return json.loads(self.texts[name]) if name in self.texts else default
        except (ValueError, RecursionError):
            raise ValueError(f"{name} is {self.texts[name][:60]!r}: expected JSON") from None


def _events(given: Any) -> list[Any]:
    events = given.get("events") if isinstance(given, dict) else given
    if not isinstance(events, list) or not events:
        raise ValueError("strokes are a list of events, or an object with events, as the page gives them to download")
    return events


def attachment(job: Job) -> tuple[Encoded, str]:
    """A job's file and its name; LookupError where there is none."""
    if job.state != "done" or not isinstance(job.kept, Encoded):
        raise LookupError(f"the job {job.id} has no file ({job.state}{': ' + job.error if job.error else ''})")
    return job.kept, str(job.result["file"])

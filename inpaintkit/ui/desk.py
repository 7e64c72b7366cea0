"""What the page can ask for, without HTTP: photos opened, events done, jobs started, and what is said of all that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from inpaintkit import __version__, files, masks
from inpaintkit.batch import Search
from inpaintkit.files import READABLE
from inpaintkit.problem import Mask
from inpaintkit.ui import fills, finds, folders, saving, views
from inpaintkit.ui.changes import bounds
from inpaintkit.ui.events import MASK, SEEN, Event, checked
from inpaintkit.ui.guard import MAX_BYTES
from inpaintkit.ui.hub import Hub
from inpaintkit.ui.jobs import MAX_WAITING, Job, Line
from inpaintkit.ui.methods import is_layer, options_from
from inpaintkit.ui.one_shot import Order
from inpaintkit.ui.photos import Changed, ConflictError, Photo
from inpaintkit.ui.said import listen
from inpaintkit.ui.sessions import Session
from inpaintkit.ui.shelf import Place, Shelf, file_of, mark
from inpaintkit.ui.tiles import level_count

Json = dict[str, Any]


class Desk:
    """A session at work."""

    def __init__(self, session: Session, target: Path | None) -> None:
        listen()
        self.session = session
        self.hub = Hub()
        self.line = Line(self.hub.publish)
        self.shelf = Shelf(session, target)

    def close(self) -> None:
        """Stop the work and let go of files."""
        self.hub.close()
        self.line.close()
        self.shelf.close()

    def state(self) -> Json:
        """What a page needs to begin with."""
        folder = self.shelf.folder
        listed = [self._listed(place) for place in self.shelf.listed()]
        return {
            "version": __version__,
            "folder": {"name": folder.name, "photos": listed} if folder else None,
            "photos": [self._listed(place) for place in self.shelf.uploads()],
            "current": self.shelf.first,
            "accept": list(READABLE),
            "limits": {"bytes": MAX_BYTES, "pixels": files.max_pixels(), "jobs": MAX_WAITING},
            "jobs": self.line.shown(),
        }

    def _listed(self, place: Place) -> Json:
        error = ""
        try:
            self.shelf.check_inside(place)
        except Exception as refused:
            error = str(refused)
        unsaved = self.shelf.is_unsaved(place)
        return {"id": place.id, "name": place.name, "done": place.done, "unsaved": unsaved, "error": error}

    def photo(self, photo: Photo) -> Json:
        """All about a photo but its pixels."""
        with photo.lock:
            pixels = photo.pixels
            count = 1 if pixels.ndim == 2 else pixels.shape[2]
            alpha = photo.loaded.channels == "alpha" and count > 1
            return {
                "id": photo.id,
                "file": file_of(photo.id),
                "page": photo.page,
                "pages": photo.loaded.pages,
                "name": photo.name,
                "width": photo.shape[1],
                "height": photo.shape[0],
                "format": photo.loaded.format,
                "dtype": pixels.dtype.name,
                "channels": count,
                "alpha": alpha,
                "grey": count - alpha == 1,
                "events": [{"id": entry.id, **_short(entry.event)} for entry in photo.entries],
                "layers": [self._layer(photo, name) for name in photo.layers],
                "levels": level_count(photo.shape),
                "tile": 512,
                "can": {
                    "in_place": saving.can_replace(photo),
                    "beside": photo.path is not None,
                    "formats": saving.formats(photo),
                },
                "find": photo.found.shown() if photo.found is not None else None,
                "offer": _offered(photo),
                "notices": [*photo.notices, *_changed_outside(photo)],
                **self._standing(photo),
            }

    def _standing(self, photo: Photo) -> Json:
        return {
            "revision": photo.revision,
            "cursor": photo.cursor,
            "count": len(photo.entries),
            "mask": self._layer(photo, MASK),
            "saved": photo.top == photo.saved,
            "expected": any(patch.has_expected for patch in photo.fills),
        }

    def _layer(self, photo: Photo, name: str) -> Json:
        pixels, box = photo.layers.marked(name)
        height, width = photo.shape
        return {"name": name, "pixels": pixels, "share": pixels / (height * width), "box": fills.box_of(box)}

    def changed(self, photo: Photo, what: Changed) -> Json:
        """A change, as it is answered and sent to every page; small ones with the pixels that are seen now."""
        change = {
            **self._standing(photo),
            "changed": {name: fills.box_of(box) for name, box in what.items()},
            "pixels": views.pixels(photo, what),
        }
        self.hub.publish("photo", {"id": photo.id, **change})
        return change

    def do(self, photo: Photo, given: Any) -> Json:
        """An event on a layer."""
        event = checked(given, is_layer)
        chosen = self.selected(photo, event) if event["type"] in SEEN else None  # without the lock, for it takes time
        with photo.lock:
            return self.changed(photo, photo.add(event, chosen))

    def selected(self, photo: Photo, event: Event) -> Mask:
        """What a wand, a click on an object or the accepted pieces of a search select, bool (H, W)."""
        if event["type"] in _SELECTING:
            wanted = photo.picture, {name: value for name, value in event.items() if name not in ("layer", "mode")}
            if photo.selected is None or photo.selected[0] != wanted:
                photo.selected = wanted, _SELECTING[event["type"]](photo, event)
            return photo.selected[1]
        if photo.found is None or photo.found.id != event["find"]:
            raise ConflictError("the search is no longer known: search again")
        accepted: Mask = photo.found.mask()
        return accepted

    def preview(self, photo: Photo, given: Any) -> Mask:
        """What a wand or a click on an object would select, bool (H, W); done next, it is not worked out again."""
        event = checked(given, is_layer)
        if event["type"] not in _SELECTING:
            raise ValueError(f"a {event['type']} selects nothing: send a wand or an object")
        return self.selected(photo, event)

    def move(self, photo: Photo, steps: int) -> Json:
        """Undo (-1) or redo (1)."""
        with photo.lock:
            fills.check_movable(photo, steps, busy=self.line.works_on(photo.id))
            return self.changed(photo, photo.move(steps))

    def load_mask(self, photo: Photo, data: Any, name: str, layer: str, how: str) -> Json:
        """A mask from a file: in place of what is painted, or added to it."""
        if how not in ("replace", "add"):
            raise ValueError(f"how is {how!r}: choose replace or add")
        if layer != MASK and not is_layer(layer):
            raise ValueError(f"the layer is {layer!r}: expected mask, or an option of a method that is painted")
        mask = files.read_mask(files.Stream(data, name))
        if mask.shape != photo.shape:
            raise ValueError(f"{name} is {mask.shape}, the photo is {photo.shape}: resize one to match the other")
        with photo.lock:
            return self.changed(photo, photo.add({"type": "mask", "layer": layer, "how": how, "name": name}, mask))

    def load_strokes(self, photo: Photo, given: Any) -> Json:
        """Strokes that were downloaded, done again one after another."""
        events = given.get("events") if isinstance(given, dict) else given
        if not isinstance(events, list):
            raise TypeError("strokes are a list of events, or an object with events, as they were downloaded")
        checked_events = [checked(event, is_layer) for event in events]
        for event in checked_events:
            if event["type"] in SEEN:
                raise ValueError(f"a {event['type']} depends on the photo it was made for: send strokes and shapes")
        change = self.changed(photo, {})
        for event in checked_events:
            change = self.do(photo, event)
        return change

    def fill(self, name: str, asked: Json) -> Job:
        """Put a fill in the line."""
        hold = ExitStack()  # the photo stays in memory until the job is over
        photo = hold.enter_context(self.shelf.use(name))
        try:
            if asked.get("event") is not None:
                self.do(photo, asked["event"])
            wanted = fills.wishes(asked)
            with photo.lock:
                kept = fills.Painted.now(photo, asked.get("box"))
            for wish in wanted:
                options_from(wish.method, wish.options, {})
            return self._add("fill", name, lambda job: self._fill(photo, wanted, kept, job), hold)
        except BaseException:
            hold.close()
            raise

    def _fill(self, photo: Photo, wanted: list[fills.Wish], kept: fills.Painted, job: Job) -> Json:
        """One fill goes into the picture, several wait to be chosen."""
        offer = fills.fill(photo, wanted, kept, job)
        if len(wanted) > 1:
            offer.keep(photo.folder)
            photo.offer = offer
            return offer.shown()
        with photo.lock:  # so that no other change comes between this one and its announcement
            change = self.changed(photo, fills.put(photo, offer.candidates[0]))
        del change["pixels"]  # which whoever listens has been sent
        return {**offer.candidates[0].facts, "change": change}

    def choose(self, photo: Photo, job: str, number: int) -> Json:
        """Put a job's candidate into the picture."""
        with photo.lock:
            return self.changed(photo, fills.put(photo, fills.candidate_of(photo, job, number)))

    def find(self, name: str, asked: Json) -> Job:
        """Put a search in the line."""
        hold = ExitStack()
        photo = hold.enter_context(self.shelf.use(name))

        def work(job: Job) -> Json:
            found = finds.find(photo, asked)
            job.commit()
            found.keep(photo.folder)
            photo.found = found
            return found.shown()

        try:
            return self._add("find", name, work, hold)
        except BaseException:
            hold.close()
            raise

    def fill_once(self, order: Order) -> Job:
        """Put a program's fill in the line, once it is known that it can be meant."""
        wish = order.wish
        options_from(wish.method, wish.options, {})
        return self.line.add("one_shot", None, order.fill)

    def fill_folder(self, asked: Json) -> Job:
        """Put a run over the folder in the line."""
        wish = fills.Wish.of(asked.get("settings") or {})
        options = options_from(wish.method, wish.options, {})
        mask: Path | Search
        if asked.get("use") == "find":
            search = dict(asked.get("find") or {})
            mask = Search(search.pop("kind", "text"), search)
        elif asked.get("use") == "mask":
            mask = self.session.folder / "folder-mask.png"
            with self.shelf.use(str(asked.get("from"))) as photo, photo.lock:
                box = bounds(photo.layers.mask())
                if box is None:
                    raise ConflictError("nothing is painted: paint the mask that all pictures shall have")
                painted = photo.layers.mask().astype(np.uint8) * np.uint8(255)
            files.write(mask, painted)
        else:
            raise ValueError(f"use is {asked.get('use')!r}: choose mask or find")
        in_place, resize = asked.get("where") == "in_place", bool(asked.get("resize_mask"))
        jobs, failed, settings = folders.plan(self.shelf, mask, wish, options, in_place=in_place, resize=resize)

        def work(job: Job) -> Json:
            result = folders.run(jobs, failed, settings, job)
            self.hub.publish("folder", {})
            return result

        return self._add("folder", None, work, ExitStack())

    def _add(self, kind: str, photo: str | None, work: Callable[[Job], Any], hold: ExitStack) -> Job:
        return self.line.add(kind, photo, work, after=hold.close)


def _wand(photo: Photo, event: Event) -> Mask:
    """What has the colour of a pixel."""
    options = {"tolerance": event["tolerance"], "connected": bool(event.get("connected", True))}
    return masks.wand(photo.pixels, event["point"], **options, channels=photo.loaded.channels)


def _object(photo: Photo, event: Event) -> Mask:
    """The object at points X, Y, 1, and not at those with 0."""
    points = event["points"]
    if not isinstance(points, list) or not all(
        isinstance(at, list) and len(at) == 3 and at[2] in (0, 1) for at in points
    ):
        raise ValueError(f"points are {str(points)[:60]}: expected X, Y and 1 (of the object) or 0 (not of it) each")
    inside, outside = ([at[:2] for at in points if at[2] == side] for side in (1, 0))
    box = event.get("box")
    return masks.object_at(photo.pixels, inside, outside=outside, box=box, channels=photo.loaded.channels)


_SELECTING = {"wand": _wand, "object": _object}


def _offered(photo: Photo) -> Json | None:
    """The fills to choose from, as long as the picture is what they were made from."""
    if photo.offer is None or not photo.offer.fits(photo.pixels):
        return None
    return {"job": photo.offer.job, **photo.offer.shown()}


def _short(event: Event) -> Event:
    """An event without its points and pixels."""
    return {name: value for name, value in event.items() if name not in ("points", "png")}


def _changed_outside(photo: Photo) -> list[str]:
    if photo.path is None or photo.mark is None:
        return []
    try:
        now = mark(photo.path)
    except OSError:
        return [f"{photo.name} is no longer on the disk: save a copy"]
    if now != photo.mark:
        return [f"{photo.name} has changed on the disk since it was opened: what is shown is what was opened"]
    return []

"""HTTP: which address asks for what of the desk, and how answers and errors are said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from inpaintkit.errors import MissingExtraError
from inpaintkit.ui import saving, views
from inpaintkit.ui.desk import Desk
from inpaintkit.ui.events import MASK
from inpaintkit.ui.guard import Guard, TooLargeError
from inpaintkit.ui.jobs import Job, LineFullError
from inpaintkit.ui.methods import catalogue
from inpaintkit.ui.one_shot import Order, attachment
from inpaintkit.ui.photos import ConflictError, Photo
from inpaintkit.ui.said import collected, one_line
from inpaintkit.ui.shelf import ForbiddenError

STATIC = Path(__file__).parent / "static"
_MAX_JSON = 16 << 20  # bytes
_MAX_PARTS = 16  # of a program's form
_PAUSE = 0.02  # seconds between two looks at a job that somebody waits for
_STATUS: dict[type[Exception], int] = {
    ForbiddenError: 403,
    LookupError: 404,
    FileNotFoundError: 404,
    ConflictError: 409,
    LineFullError: 409,
    TooLargeError: 413,
    MissingExtraError: 422,
    ValueError: 422,
    TypeError: 422,
    OSError: 422,
    MemoryError: 413,
}


def application(desk: Desk, *, host: str, port: int) -> ASGIApp:
    """The whole application, guard and all."""
    routes = _Routes(desk)
    inner = Starlette(
        routes=[
            Route("/", routes.page),
            Mount("/static", StaticFiles(directory=STATIC)),
            Mount("/api", routes=routes.api()),
        ],
        exception_handlers=dict.fromkeys((Exception, HTTPException, *_STATUS), _failed),
    )
    return Guard(inner, desk.session.token, host, port)


class _Routes:
    """What each address does. Work that takes time runs in a thread."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._selecting = asyncio.Lock()  # one preview at a time

    def api(self) -> list[Route]:
        """The addresses below /api."""
        photo = "/photos/{photo}"
        gets: dict[str, Callable[[Request], Any]] = {
            "/state": lambda request: self.desk.state(),
            "/methods": lambda request: catalogue(),
            "/jobs": lambda request: self.desk.line.shown(),
            "/jobs/{job}": lambda request: self.desk.line.show(self.desk.line.find(request.path_params["job"])),
        }
        found = [Route(path, self._get(answer)) for path, answer in gets.items()]
        found += [
            Route("/jobs/{job}", self.cancel, methods=["DELETE"]),
            Route("/events", self.events),
            Route("/photos", self.open, methods=["POST"]),
            Route(photo, self._of_photo(self.desk.photo)),
            Route(f"{photo}/thumbnail.png", self.thumbnail),
            Route(f"{photo}/tiles/{{which}}/{{level:int}}/{{column:int}}/{{row:int}}", self.tile),
            Route(f"{photo}/events", self._to_photo(self.desk.do), methods=["POST"]),
            Route(f"{photo}/select", self.select, methods=["POST"]),
            Route(f"{photo}/undo", self._of_photo(lambda photo: self.desk.move(photo, -1)), methods=["POST"]),
            Route(f"{photo}/redo", self._of_photo(lambda photo: self.desk.move(photo, 1)), methods=["POST"]),
            Route(f"{photo}/mask", self.mask, methods=["POST"]),
            Route(f"{photo}/strokes", self._to_photo(self.desk.load_strokes), methods=["POST"]),
            Route(f"{photo}/find", self._job(self.desk.find), methods=["POST"]),
            Route(f"{photo}/find/{{find}}", self.pieces, methods=["POST"]),
            Route(f"{photo}/fill", self._job(self.desk.fill), methods=["POST"]),
            Route(f"{photo}/choose", self._to_photo(self._choose), methods=["POST"]),
            Route(f"{photo}/save", self._to_photo(self._save), methods=["POST"]),
            Route(f"{photo}/download", self.download),
            Route("/folder/fill", self.fill_folder, methods=["POST"]),
            Route("/fill", self.fill_once, methods=["POST"]),
            Route("/jobs/{job}/file", self.file),
        ]
        return found

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html")

    async def open(self, request: Request) -> Response:
        """A photo of the folder by its path, or one that is sent."""
        if request.headers.get("content-type", "").startswith("multipart/"):
            async with request.form(max_files=1, max_fields=4) as form:
                file = form.get("file")
                if not isinstance(file, UploadFile):
                    raise TypeError("send the picture as the part 'file'")
                data = await file.read()
                return await _in_thread(lambda: self._opened(self.desk.shelf.upload(file.filename or "", data).id))
        asked = await _json(request)
        if not isinstance(asked, dict) or not isinstance(asked.get("path"), str):
            raise TypeError("send the picture as the part 'file', or the path of one in the folder that was opened")
        return await _in_thread(lambda: self._opened(self.desk.shelf.in_folder(asked["path"]).id))

    def _opened(self, name: str) -> Any:
        with self.desk.shelf.use(name) as photo:
            return self.desk.photo(photo)

    async def thumbnail(self, request: Request) -> Response:
        """The whole photo, small."""

        def made() -> Response:
            data = self.desk.shelf.thumbnail(request.path_params["photo"])
            return Response(data, media_type="image/png", headers=_kept(request))

        return await to_thread.run_sync(made)

    async def tile(self, request: Request) -> Response:
        """A tile of what is asked for."""
        values = request.path_params

        def made() -> Response:
            with self.desk.shelf.use(values["photo"]) as photo:
                found = views.tile(photo, values["which"], values["level"], values["column"], values["row"])
            return Response(found.data, media_type=found.kind, headers=_kept(request))

        return await to_thread.run_sync(made)

    async def mask(self, request: Request) -> Response:
        """A mask from a file."""
        async with request.form(max_files=1, max_fields=4) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise TypeError("send the mask as the part 'file'")
            layer, how = str(form.get("layer", "mask")), str(form.get("how", "replace"))

            def load() -> Any:
                with self.desk.shelf.use(request.path_params["photo"]) as photo:
                    return self.desk.load_mask(photo, file.file, file.filename or "the mask", layer, how)

            return await _in_thread(load)

    async def select(self, request: Request) -> Response:
        """What a wand or a click on an object would select; nothing for one who has given up waiting."""
        asked = await _object(request)
        level = asked.pop("level", 0)

        def made() -> Response:
            with self.desk.shelf.use(request.path_params["photo"]) as photo:
                return views.selection(self.desk.preview(photo, asked), level)

        async with self._selecting:
            if await request.is_disconnected():
                return Response(status_code=204)
            return await to_thread.run_sync(made)

    async def pieces(self, request: Request) -> Response:
        """Accept and drop pieces of a search."""
        asked = await _object(request)

        def change() -> Any:
            with self.desk.shelf.use(request.path_params["photo"]) as photo, photo.lock:
                found = photo.found
                if found is None or found.id != request.path_params["find"]:
                    raise LookupError("the search is no longer known: search again")
                box = found.change(asked)
                found.keep_choice(photo.folder)
                photo.revision += 1
                return {**found.shown(), "changed": list(box) if box else None, "revision": photo.revision}

        return await _in_thread(change)

    async def download(self, request: Request) -> Response:
        """The picture, the mask or the strokes as a file."""
        asked = request.query_params

        def made() -> Response:
            said: list[str] = []
            with self.desk.shelf.use(request.path_params["photo"]) as photo, photo.lock, collected(said):
                what, layer = asked.get("what", "picture"), asked.get("layer", MASK)
                answer = views.download(photo, what, asked.get("format"), layer)
                answer.headers["inpaintkit-said"] = json.dumps(said)
                self.desk.changed(photo, {})
                return answer

        return await to_thread.run_sync(made)

    async def fill_folder(self, request: Request) -> Response:
        """The same for all of the folder."""
        asked = await _object(request)
        return await _in_thread(lambda: {"job": self.desk.fill_folder(asked).id})

    async def fill_once(self, request: Request) -> Response:
        """A program's fill: the file comes back, or with ?wait=0 a job."""
        async with request.form(max_files=_MAX_PARTS, max_fields=_MAX_PARTS, max_part_size=_MAX_JSON) as form:
            texts = {name: value for name, value in form.items() if isinstance(value, str)}
            sent = {
                name: (value.filename or name, await value.read())
                for name, value in form.items()
                if isinstance(value, UploadFile)
            }
        job = await to_thread.run_sync(lambda: self.desk.fill_once(Order(texts, sent)))
        if request.query_params.get("wait") == "0":
            return JSONResponse({"job": job.id}, 202)
        while not job.finished.is_set():
            if await request.is_disconnected():
                self.desk.line.cancel(job.id)
            await asyncio.sleep(_PAUSE)
        if job.state != "done":
            return JSONResponse({"error": job.error or "the job was cancelled"}, 422 if job.error else 409)
        return self._file(job)

    async def file(self, request: Request) -> Response:
        """The file of a program's fill."""
        return self._file(self.desk.line.find(request.path_params["job"]))

    def _file(self, job: Job) -> Response:
        answer = views.attached(*attachment(job))
        answer.headers["inpaintkit-job"] = job.id
        answer.headers["inpaintkit-said"] = json.dumps([job.result["said"], *job.warnings])
        return answer

    async def cancel(self, request: Request) -> Response:
        """Stop a job."""
        return JSONResponse(self.desk.line.show(self.desk.line.cancel(request.path_params["job"])))

    async def events(self, request: Request) -> Response:
        """Server-sent events, for as long as the page listens."""
        stream = self.desk.hub.listen(lambda: [("job", job) for job in self.desk.line.shown()])
        return StreamingResponse(stream, media_type="text/event-stream")

    def _choose(self, photo: Photo, asked: Any) -> Any:
        if not isinstance(asked, dict) or not isinstance(asked.get("k"), int):
            raise TypeError("send the job and k, the candidate's number")
        return self.desk.choose(photo, str(asked.get("job")), asked["k"])

    def _save(self, photo: Photo, asked: Any) -> Any:
        if not isinstance(asked, dict):
            raise TypeError("send an object that says where")
        said: list[str] = []
        with collected(said):
            saved = saving.save(photo, asked.get("where", "beside"), asked.get("format"), asked.get("name"))
        change = self.desk.changed(photo, {})
        self.desk.hub.publish("folder", {})
        backup = saved.backup.name if saved.backup else None
        said += [saved.note] if saved.note else []
        return {"path": saved.path.name, "folder": str(saved.path.parent), "backup": backup, "warnings": said, **change}

    def _get(self, answer: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def get(request: Request) -> Response:
            return await _in_thread(lambda: answer(request))

        return get

    def _of_photo(self, answer: Callable[[Photo], Any]) -> Callable[[Request], Awaitable[Response]]:
        """What is asked of a photo, without a body."""

        async def ask(request: Request) -> Response:
            def made() -> Any:
                with self.desk.shelf.use(request.path_params["photo"]) as photo:
                    return answer(photo)

            return await _in_thread(made)

        return ask

    def _to_photo(self, answer: Callable[[Photo, Any], Any]) -> Callable[[Request], Awaitable[Response]]:
        """What is asked of a photo with a body."""

        async def ask(request: Request) -> Response:
            asked = await _json(request)

            def made() -> Any:
                with self.desk.shelf.use(request.path_params["photo"]) as photo:
                    return answer(photo, asked)

            return await _in_thread(made)

        return ask

    def _job(self, start: Callable[[str, Any], Any]) -> Callable[[Request], Awaitable[Response]]:
        """What becomes a job of a photo."""

        async def ask(request: Request) -> Response:
            asked = await _object(request)
            return await _in_thread(lambda: {"job": start(request.path_params["photo"], asked).id})

        return ask


def _kept(request: Request) -> dict[str, str]:
    """Whether the browser may keep the answer: an address with a version never shows anything else."""
    return {"cache-control": "private, max-age=31536000, immutable"} if "v" in request.query_params else {}


async def _in_thread(answer: Callable[[], Any]) -> Response:
    return JSONResponse(await to_thread.run_sync(answer))


async def _json(request: Request) -> Any:
    """A body of JSON, of bounded size."""
    taken = bytearray()
    async for part in request.stream():
        taken += part
        if len(taken) > _MAX_JSON:
            raise TooLargeError(f"the request has more than {_MAX_JSON} bytes of JSON")
    try:
        return json.loads(bytes(taken) or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None


async def _object(request: Request) -> dict[str, Any]:
    found = await _json(request)
    if not isinstance(found, dict):
        raise HTTPException(400, "the body is not an object of JSON")
    return found


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    slips = (KeyError, IndexError)  # of ours, not of whoever asked
    known = {} if isinstance(error, slips) else _STATUS
    status = next((status for kind, status in known.items() if isinstance(error, kind)), 500)
    return JSONResponse({"error": one_line(error)}, status)

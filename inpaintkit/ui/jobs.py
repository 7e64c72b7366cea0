"""The line of work: one job at a time, the others wait in sight of everybody, and any of them can be cancelled."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inpaintkit import threads
from inpaintkit.problem import Step
from inpaintkit.ui.said import collected, one_line

MAX_WAITING = 20
_MAX_KEPT = 50  # jobs that are over and can still be asked for
_MAX_FILES = 5  # jobs whose file can still be had
_STOPPING = "begins when what was cancelled has stopped"
_PAUSE = 0.1  # seconds between two messages about progress
_SETTLED = 0.5  # seconds until the time left is guessed
_LONG = 5.0  # seconds after which it is guessed from less than a hundredth


class CancelledError(BaseException):
    """The job was cancelled; like an interruption, nothing on the way takes it for an error of its own."""


class LineFullError(Exception):
    """As many jobs as may wait are waiting."""


@dataclass(eq=False)
class Job:
    """A piece of work.

    Attributes
    ----------
    kind : "fill", "find", "folder" or "one_shot".
    photo : the photo's id, or None.
    work : called with the job; what it returns is the result.
    kept : what belongs to the result and is not sent with it: a file.
    """

    kind: str
    photo: str | None
    work: Callable[[Job], Any]
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    state: str = "waiting"
    done: float = 0.0
    total: float = 0.0
    remark: str = ""
    error: str = ""
    result: Any = None
    warnings: list[str] = field(default_factory=list)
    kept: Any = None
    cancelled: bool = False
    began: float = 0.0
    ended: float = 0.0
    after: Callable[[], None] = lambda: None
    finished: threading.Event = field(default_factory=threading.Event)
    committed: bool = False
    _tell: Callable[[Job], None] = lambda job: None
    _lock: threading.Condition = field(default_factory=threading.Condition)
    _told: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "failed", "cancelled")

    def check(self) -> None:
        """Raise CancelledError where the job was cancelled."""
        if self.cancelled:
            raise CancelledError

    def commit(self) -> None:
        """From here on it cannot be cancelled any more; raises CancelledError where it was."""
        with self._lock:
            self.check()
            self.committed = True

    def release(self) -> None:
        """Let go of what the work holds, once it has ended."""
        self.work = lambda job: None
        self.after()

    def progress(self, step: Step) -> None:
        """Take a method's report; raises CancelledError where the job was cancelled."""
        self.check()
        if step.total > 0:
            self.done, self.total = float(step.done), float(step.total)
        self.remark = step.remark or ("" if step.loss is None else f"loss {step.loss:.3g}")
        now = time.monotonic()
        if now - self._told >= _PAUSE:
            self._told = now
            self._tell(self)

    def shown(self, place: int) -> dict[str, Any]:
        """As it is sent; ``place`` is how many jobs come before it."""
        end = self.ended or time.monotonic()
        seconds = end - self.began if self.began else 0.0
        share = self.done / self.total if self.total else 0.0
        known = share > 0.01 or (share > 0 and seconds >= _LONG)
        guess = self.state == "running" and seconds >= _SETTLED and known
        return {
            "id": self.id,
            "kind": self.kind,
            "photo": self.photo,
            "state": self.state,
            "place": place,
            "done": self.done,
            "total": self.total,
            "remark": self.remark,
            "seconds": round(seconds, 3),
            "left": round(seconds * (1 - share) / share, 1) if guess else None,
            "error": self.error,
            "warnings": self.warnings,
            "result": self.result,
        }


class Line:
    """One thread that takes job after job."""

    def __init__(self, publish: Callable[[str, Any], None]) -> None:
        self._publish = publish
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._stopping: Job | None = None  # what was cancelled and still runs
        self._thread = threading.Thread(target=self._work, name="inpaintkit-jobs", daemon=True)
        self._thread.start()

    def add(
        self, kind: str, photo: str | None, work: Callable[[Job], Any], *, after: Callable[[], None] = lambda: None
    ) -> Job:
        """Put a job at the line's end; raises LineFullError. ``after`` is called when it is over."""
        with self._changed:
            waiting = sum(job.state == "waiting" for job in self._jobs.values())
            if waiting >= MAX_WAITING:
                raise LineFullError(f"{waiting} jobs are waiting already: wait for one of them, or cancel it")
            job = Job(kind, photo, work, after=after, _tell=self._tell, _lock=self._changed)
            job.remark = _STOPPING if self._stopping else ""
            self._jobs[job.id] = job
            self._forget()
            self._changed.notify_all()
        self._tell(job)
        return job

    def find(self, name: str) -> Job:
        """A job by its id; LookupError."""
        with self._changed:
            if name not in self._jobs:
                raise LookupError(f"there is no job {name!r}")
            return self._jobs[name]

    def cancel(self, name: str) -> Job:
        """Stop a job, or take it out of the line.

        It is over at once: nothing more will come of it. What runs stops at its method's next report, and the next job
        begins then.
        """
        job = self.find(name)
        with self._changed:
            if job.state == "waiting":
                self._end(job, "cancelled")
                job.release()
            elif job.state == "running" and not job.committed:
                job.cancelled = True
                self._end(job, "cancelled")
                self._stopping = job
                for other in self._jobs.values():
                    other.remark = _STOPPING if other.state == "waiting" else other.remark
        self._tell_all()
        return job

    def works_on(self, photo: str) -> bool:
        """Whether a job is running for a photo."""
        with self._changed:
            return any(job.state == "running" and job.photo == photo for job in self._jobs.values())

    def shown(self) -> list[dict[str, Any]]:
        """All jobs, as they are sent."""
        with self._changed:
            return [job.shown(self._place(job)) for job in self._jobs.values()]

    def show(self, job: Job) -> dict[str, Any]:
        """One job, as it is sent."""
        with self._changed:
            return job.shown(self._place(job))

    def close(self) -> None:
        """Cancel everything; what runs stops at its next report."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                job.cancelled = job.cancelled or not job.is_over
                if job.state == "waiting":
                    self._end(job, "cancelled")
                    job.release()
            self._changed.notify_all()
        self._thread.join(timeout=2)

    def _place(self, job: Job) -> int:
        """How many come before it."""
        if job.state != "waiting":
            return 0
        before = list(self._jobs.values())
        return sum(not other.is_over for other in before[: before.index(job)])

    def _next(self) -> Job | None:
        with self._changed:
            while not self._closed:
                for job in self._jobs.values():
                    if job.state == "waiting":
                        job.state, job.began = "running", time.monotonic()
                        return job
                self._changed.wait()
        return None

    def _work(self) -> None:
        while (job := self._next()) is not None:
            self._tell_all()
            state, result, error = "failed", None, ""
            try:
                with collected(job.warnings, of_pool=True), threads.stopping(job.check):
                    result = job.work(job)
                state = "done"
            except CancelledError:
                state = "cancelled"
            except BaseException as raised:  # a method's author may exit, but not from here
                error = one_line(raised)
            with self._changed:
                if not job.is_over:
                    job.result, job.error = result, error
                    self._end(job, state)
                self._stopping = None
                job.release()
            self._tell_all()

    def _end(self, job: Job, state: str) -> None:
        job.state, job.ended = state, time.monotonic()
        if state == "done":
            job.done = job.total = job.total or 1.0
        job.remark = ""
        job.finished.set()

    def _forget(self) -> None:
        over = [job for job in self._jobs.values() if job.is_over]
        for job in over[:-_MAX_FILES]:
            job.kept = None
        for job in over[: max(0, len(over) - _MAX_KEPT)]:
            del self._jobs[job.id]

    def _tell(self, job: Job) -> None:
        self._publish("job", self.show(job))

    def _tell_all(self) -> None:
        """Of every job whose place may have changed."""
        with self._changed:
            jobs = [job for job in self._jobs.values() if not job.is_over or time.monotonic() - job.ended < 1]
        for job in jobs:
            self._tell(job)

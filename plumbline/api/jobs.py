"""Work that outlives a request: each job runs in a thread of its own, and is asked for by its id."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from monitor.errors import NotFound, PlumblineError
from plumbline.api.call import Progress

KEPT: Final = 50
"""Jobs that are remembered; the oldest finished one leaves first."""

Work = Callable[[Progress], dict[str, Any]]


class Cancelled(PlumblineError):
    """Someone asked the job to stop; raised inside its progress call."""


@dataclass
class Job:
    """One piece of work and how far it is. Written by its own thread only, but for `stop`."""

    id: str
    kind: str
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    share: float = 0.0
    note: str = ""
    result: dict[str, Any] | None = None
    error: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def view(self) -> dict[str, Any]:
        """What a client sees."""
        names = ("id", "kind", "state", "share", "note", "result", "error")
        return {name: getattr(self, name) for name in names}

    def advance(self, share: float, note: str) -> None:
        """Take a report of progress; raises `Cancelled` when the job was asked to stop."""
        if self.stop.is_set():
            raise Cancelled("stopped on request")
        self.share, self.note = share, note


class Busy(PlumblineError):
    """A job of this kind is running already."""


class Jobs:
    """The jobs of one agent; one of a kind runs at a time."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, work: Work) -> Job:
        """Run `work` in a thread and return its job at once. Raises `Busy`."""
        with self._lock:
            running = next((j for j in self._jobs.values() if j.kind == kind and j.state == "running"), None)
            if running is not None:
                raise Busy(f"a {kind} is running already (job {running.id}); wait for it, or stop it")
            job = Job(secrets.token_hex(8), kind)
            self._jobs[job.id] = job
            self._forget()
        threading.Thread(target=_run, args=(job, work), name=f"job-{kind}", daemon=True).start()
        return job

    def get(self, job_id: str) -> Job:
        """Return a job. Raises `NotFound`."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(job_id)
        return job

    def _forget(self) -> None:
        finished = [job.id for job in self._jobs.values() if job.state != "running"]
        for job_id in finished[: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[job_id]


def _run(job: Job, work: Work) -> None:
    """A thread has nobody above it, so whatever the work raises ends here and becomes the state of the job."""
    try:
        job.result = work(job.advance)
        job.share, job.state = 1.0, "done"
    except Cancelled as error:
        job.error, job.state = str(error), "cancelled"
    except PlumblineError as error:
        job.error, job.state = str(error), "failed"
    except Exception as error:
        logging.getLogger(__name__).exception("job %s", job.kind)
        job.error, job.state = f"internal error: {type(error).__name__} (see the log of the agent)", "failed"

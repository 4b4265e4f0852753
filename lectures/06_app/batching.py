"""Dynamic batching: pictures that arrive while a batch is computed wait, and together are the next batch.

A network needs little longer for sixteen pictures than for one, so under load a batch is cheaper per picture.
Without load a picture is computed at once, since no batch waits to be filled.

The batches are computed in other processes (:mod:`.compute`): Python runs one thread of a process at a time, so
decoding a picture in the server's process would delay every other request.
"""

import asyncio
import collections
import dataclasses
import functools
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor

from .uploads import Prediction, Refused, Upload

LARGE_BODY = 2**18  # bytes: larger uploads go to the process for large pictures before their header is read
AHEAD = 2  # batches sent to a process at a time: while it computes one, the next is there already

log = logging.getLogger("app")


class Full(Exception):
    """The queue is full; the client has to ask again later."""


class CannotCompute(RuntimeError):
    """The process that computes could not start; the message says why and what to do."""


# --- in the processes that compute ---------------------------------------------------------------


def begin(model: str, device: str) -> tuple[list[str], int]:
    """Load the model in this process; return its classes and the process ID.

    Raises:
        CannotCompute: the model cannot be loaded, or there is no such device.
    """
    from . import compute  # not at the top: it imports PyTorch, which the server's own process does not need

    try:
        return compute.load_once(model, device).classes, os.getpid()
    except compute.ModelError as error:
        raise CannotCompute(str(error)) from None


def answers(model: str, device: str, uploads: list[Upload], is_large: bool) -> list[Prediction | Exception | None]:
    """Return what :func:`.compute.answers` returns."""
    from . import compute

    return compute.answers(compute.load_once(model, device), uploads, is_large)


def prepare_process() -> None:
    """Let a process that computes end when the server's process has ended, and not before.

    Ctrl+C and systemd send their signal to all processes of the app; the server still needs this one to finish.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)  # batches are small: a second thread costs more than it helps
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the end of the server's process, then end this one."""
    multiprocessing.parent_process().join()
    os._exit(1)


def one_process() -> Executor:
    """Return an executor with one process. Spawned, it inherits no sockets or threads of the server."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), prepare_process)


# --- in the event loop ---------------------------------------------------------------------------


@dataclasses.dataclass(slots=True, eq=False)
class Job:
    """An upload that waits, and the future of its answer."""

    upload: Upload
    future: asyncio.Future


class Lane:
    """A process and the jobs that wait for it. It is started when it is needed, and again if it dies."""

    def __init__(self, start: Callable[[], Executor], max_batch: int, ahead: int):
        self.start = start
        self.max_batch = max_batch
        self.free = ahead  # batches that the process can still take
        self.jobs: collections.deque[Job] = collections.deque()
        self.executor: Executor | None = None
        self.pid: int | None = None
        self.deaths = 0  # in a row

    def begin(self, *model: str) -> Future:
        """Start the process; the future is that of :func:`begin`."""
        self.executor = self.start()
        beginning = self.executor.submit(begin, *model)
        beginning.add_done_callback(self._begun)
        return beginning

    def _begun(self, beginning: Future) -> None:
        if not beginning.cancelled() and beginning.exception() is None:
            self.pid = beginning.result()[1]


class Batcher:
    """Collects uploads and has them answered in batches.

    Large pictures are decoded in a process of their own, so that small ones overtake them, and one at a time, which
    bounds the memory. That process starts with the first large picture.

    Args:
        model: the model file.
        device: the network computes on it: cpu, cuda, mps or auto.
        max_batch: pictures per batch.
        max_waiting: requests that wait or are computed, those with large pictures included.
        start: returns an executor that computes.

    Raises:
        CannotCompute: the model cannot be loaded, or there is no such device.
    """

    def __init__(
        self,
        model: str | os.PathLike,
        device: str = "cpu",
        max_batch: int = 32,
        max_waiting: int = 64,
        start: Callable[[], Executor] = one_process,
    ):
        self.model = (str(model), device)
        self.max_waiting = max_waiting
        self.observe: Callable[[int], None] = lambda size: None  # called with the size of each batch
        self.waiting = 0
        self.started = False
        self.small = Lane(start, max_batch, AHEAD)
        self.large = Lane(start, 1, 1)
        self.lanes = (self.small, self.large)
        try:
            self.classes = self.small.begin(*self.model).result()[0]
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Accept uploads, in the running event loop."""
        self.loop = asyncio.get_running_loop()
        self.started = True

    def stop(self) -> None:
        """Finish the batches that are computed and end the processes."""
        self.started = False
        for lane in self.lanes:
            if lane.executor is not None:
                lane.executor.shutdown(cancel_futures=True)

    @property
    def alive(self) -> bool:
        """Whether uploads are accepted: no after ``stop``, or if a process has died three times in a row."""
        return self.started and all(lane.deaths < 3 for lane in self.lanes)

    @property
    def full(self) -> bool:
        """Whether :meth:`submit` would raise Full."""
        return self.waiting >= self.max_waiting

    def submit(self, upload: Upload) -> asyncio.Future:
        """Queue an upload; the result of the future is a Prediction, its exception may be Refused.

        A caller that no longer needs the answer cancels the future; unless its batch has begun, nothing is computed.

        Raises:
            Full: too many are waiting.
        """
        if self.full:
            raise Full
        future = self.loop.create_future()
        self.waiting += 1
        future.add_done_callback(self._one_less)
        self._queue(self.large if len(upload.body) > LARGE_BODY else self.small, Job(upload, future))
        return future

    def _one_less(self, future: asyncio.Future) -> None:
        self.waiting -= 1

    def _queue(self, lane: Lane, job: Job) -> None:
        lane.jobs.append(job)
        if len(lane.jobs) == 1:
            self.loop.call_soon(self._next_batch, lane)  # not at once: uploads that are ready now join the batch

    def _next_batch(self, lane: Lane) -> None:
        """Send all jobs that wait to the process as a batch, as soon as it can take one."""
        while lane.free and lane.jobs:
            batch = []
            while lane.jobs and len(batch) < lane.max_batch:
                job = lane.jobs.popleft()
                if not job.future.done():  # else the client has gone
                    batch.append(job)
            if batch:
                lane.free -= 1
                self._give_out(lane, batch)

    def _give_out(self, lane: Lane, batch: list[Job]) -> None:
        """Send a batch to the lane's process, which is started if need be."""
        uploads = [job.upload for job in batch]
        if lane.executor is None:
            lane.begin(*self.model)
        try:
            result = self.loop.run_in_executor(lane.executor, answers, *self.model, uploads, lane is self.large)
        except RuntimeError as error:  # the executor is broken or shut down
            result = self.loop.create_future()
            result.set_exception(error)
        result.add_done_callback(functools.partial(self._deliver, lane, lane.executor, batch))

    def _deliver(self, lane: Lane, executor: Executor, batch: list[Job], result: asyncio.Future) -> None:
        """Set the results of a batch's futures; jobs without an answer go to the lane for large pictures."""
        lane.free += 1
        if error := result.exception():
            given = [self._failed(lane, executor, error)] * len(batch)
        else:
            given = result.result()
            lane.deaths = 0
        if size := sum(isinstance(answer, Prediction) for answer in given):
            self.observe(size)
        for job, answer in zip(batch, given, strict=True):
            if job.future.done():  # cancelled while it was computed
                continue
            if answer is None:
                self._queue(self.large, job)
            elif isinstance(answer, Exception):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)
        self._next_batch(lane)

    def _failed(self, lane: Lane, executor: Executor, error: BaseException) -> Exception:
        """Return the exception for the requests of a failed batch; start the process again if it has died.

        Both batches of a dead process fail, but only the first one still finds its executor in the lane.
        """
        if not isinstance(error, BrokenExecutor):
            lane.deaths += 1
            log.error("a batch could not be computed: %s", error)
            return error
        if lane.executor is executor:
            lane.deaths += 1
            log.error("a process that computes has died (%s): another one is started", error)
            executor.shutdown(wait=False)
            lane.begin(*self.model)
        return Refused(503, "busy", "A part of the app had to be started again: try again in a second.")

"""Dynamic batching: pictures that arrive while a batch is computed wait, and together are the next batch.

A network needs little more time for sixteen pictures than for one, so under load a batch is cheaper per picture.
Without load a picture is computed at once, since no batch waits to be filled.

The batches are computed in other processes (:mod:`.compute`). Python runs only one thread of a process at a time, so
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

LARGE_BODY = 2**18  # bytes: larger uploads go to the process for large pictures, whatever their header says
AHEAD = 2  # batches that a process has at a time: while it computes one, the next is already there

log = logging.getLogger("app")


class Full(Exception):
    """The queue is full; the client has to ask again later."""


class CannotCompute(RuntimeError):
    """The computing process could not start; the message says why and what to do."""


# --- in the computing processes ------------------------------------------------------------------


def load_model(model: str, device: str) -> tuple[list[str], int]:
    """Load the model in this process; return its classes and the process ID.

    Raises:
        CannotCompute: the model cannot be loaded, or there is no such device.
    """
    from . import compute  # not at the top: it imports PyTorch, which the server's own process does not use

    try:
        return compute.load_once(model, device).classes, os.getpid()
    except compute.ModelError as error:
        raise CannotCompute(str(error)) from None


def compute_batch(
    model: str, device: str, uploads: list[Upload], is_large: bool
) -> list[Prediction | Exception | None]:
    """Return what :func:`.compute.answer` returns."""
    from . import compute

    return compute.answer(compute.load_once(model, device), uploads, is_large)


def prepare_process() -> None:
    """Make a computing process end when the server's process has ended, and not before.

    Ctrl+C and systemd send their signal to all processes of the app, but the server needs this one to finish its work.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)  # batches are small: a second thread costs more than it helps
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """End this process as soon as the server's process has ended."""
    multiprocessing.parent_process().join()
    os._exit(1)


def one_process() -> Executor:
    """Return an executor with one process. Spawned, it inherits no sockets or threads of the server."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), prepare_process)


# --- in the event loop ---------------------------------------------------------------------------


@dataclasses.dataclass(slots=True, eq=False)
class Job:
    """An upload that is not answered yet, and the future of its answer."""

    upload: Upload
    future: asyncio.Future


class Lane:
    """A computing process, which is started when it is needed and after it died, and the jobs that wait for it."""

    def __init__(self, make_executor: Callable[[], Executor], max_batch: int, ahead: int):
        self.make_executor = make_executor
        self.max_batch = max_batch
        self.free = ahead  # batches that the process can still take
        self.jobs: collections.deque[Job] = collections.deque()
        self.executor: Executor | None = None
        self.pid: int | None = None
        self.deaths = 0  # in a row

    def start(self, *model: str) -> Future:
        """Start the process, and return the future of :func:`load_model`."""
        self.executor = self.make_executor()
        loading = self.executor.submit(load_model, *model)
        loading.add_done_callback(self._loaded)
        return loading

    def _loaded(self, loading: Future) -> None:
        if not loading.cancelled() and loading.exception() is None:
            self.pid = loading.result()[1]


class Batcher:
    """Collects uploads and has them answered in batches.

    Large pictures have a process of their own, so that small ones need not wait for them. It decodes one at a time,
    which bounds the memory, and starts with the first large picture.

    Args:
        model: the model file.
        device: where the network computes: cpu, cuda, mps or auto.
        max_batch: the largest number of pictures in a batch.
        max_waiting: the largest number of pictures that wait or are computed, large ones included.
        make_executor: returns the executor of a computing process.

    Raises:
        CannotCompute: the model cannot be loaded, or there is no such device.
    """

    def __init__(
        self,
        model: str | os.PathLike,
        device: str = "cpu",
        max_batch: int = 32,
        max_waiting: int = 64,
        make_executor: Callable[[], Executor] = one_process,
    ):
        self.model = (str(model), device)
        self.max_waiting = max_waiting
        self.observe: Callable[[int], None] = lambda size: None  # called with the size of each batch
        self.waiting = 0
        self.started = False
        self.small = Lane(make_executor, max_batch, AHEAD)
        self.large = Lane(make_executor, 1, 1)
        self.lanes = (self.small, self.large)
        try:
            self.classes = self.small.start(*self.model).result()[0]
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Accept uploads, in the running event loop."""
        self.loop = asyncio.get_running_loop()
        self.started = True

    def stop(self) -> None:
        """Finish the batches that are being computed, and end the processes."""
        self.started = False
        for lane in self.lanes:
            if lane.executor is not None:
                lane.executor.shutdown(cancel_futures=True)

    @property
    def alive(self) -> bool:
        """Whether uploads are accepted. They are not after ``stop``, or if a process has died three times in a row."""
        return self.started and all(lane.deaths < 3 for lane in self.lanes)

    @property
    def full(self) -> bool:
        """Whether :meth:`submit` would raise Full."""
        return self.waiting >= self.max_waiting

    def submit(self, upload: Upload) -> asyncio.Future:
        """Queue an upload; the result of the future is a Prediction, its exception may be Refused.

        A caller that no longer needs the answer cancels the future. Nothing is computed unless the batch has begun.

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
        """Send a batch to the lane's process, which is started if necessary."""
        uploads = [job.upload for job in batch]
        if lane.executor is None:
            lane.start(*self.model)
        try:
            result = self.loop.run_in_executor(lane.executor, compute_batch, *self.model, uploads, lane is self.large)
        except RuntimeError as error:  # the executor is broken or shut down
            result = self.loop.create_future()
            result.set_exception(error)
        result.add_done_callback(functools.partial(self._deliver, lane, lane.executor, batch))

    def _deliver(self, lane: Lane, executor: Executor, batch: list[Job], result: asyncio.Future) -> None:
        """Set the results of a batch's futures. Jobs without an answer go to the lane for large pictures."""
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
        """Return the exception for the requests of a failed batch, and start the process again if it has died.

        All batches of a dead process fail, but only the first of them finds its executor still in the lane.
        """
        if not isinstance(error, BrokenExecutor):
            lane.deaths += 1
            log.error("a batch could not be computed: %s", error)
            return error
        if lane.executor is executor:
            lane.deaths += 1
            log.error("a computing process has died (%s): another one is started", error)
            executor.shutdown(wait=False)
            lane.start(*self.model)
        return Refused(503, "busy", "A part of the app had to be restarted: try again in a second.")

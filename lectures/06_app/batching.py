"""Dynamic batching: whoever comes while a batch is computed waits, and all who wait are the next batch.

A network needs little longer for sixteen pictures than for one, so under load a batch is cheaper per picture;
and with nobody else there, a single request waits for nobody. No clock is involved.

The batches are computed in other processes (:mod:`compute`): Python runs one thread of a process at a time, so
a picture that is decoded here would keep everybody waiting whose request comes meanwhile.
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

from uploads import Prediction, Refused, Upload

LARGE_BODY = 2**18  # bytes: they go to the process for large pictures without a look
AHEAD = 2  # batches given out at a time: one that is computed and one that is ready, so that the process never waits

log = logging.getLogger("app")


class Full(Exception):
    """The queue is full; the request has to come again later."""


class CannotCompute(RuntimeError):
    """There is nothing to compute with; the message says why, and what to do."""


# --- in the processes that compute ---------------------------------------------------------------


def begin(model: str, device: str) -> tuple[list[str], int]:
    """Load the model; gives its classes and the process's number.

    Raises:
        CannotCompute: the model cannot be loaded, or there is no such device.
    """
    import compute  # only here: the web server's own process does without PyTorch

    try:
        return compute.load_once(model, device).classes, os.getpid()
    except compute.ModelError as error:
        raise CannotCompute(str(error)) from None


def answers(model: str, device: str, uploads: list[Upload], is_large: bool) -> list[Prediction | Exception | None]:
    """What :func:`compute.answers` gives."""
    import compute

    return compute.answers(compute.load_once(model, device), uploads, is_large)


def prepare_process() -> None:
    """A process that computes ends with the web server, and only then: not by a signal that is meant for both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)  # batches are small: a second thread costs more than it helps
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def one_process() -> Executor:
    """A process of its own, begun from nothing on every system: nothing of the web server is in it."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), prepare_process)


# --- in the event loop ---------------------------------------------------------------------------


@dataclasses.dataclass(slots=True, eq=False)
class Job:
    upload: Upload
    future: asyncio.Future


class Lane:
    """A process, and the jobs that wait for it. It is started when it is needed, and again should it die."""

    def __init__(self, start: Callable[[], Executor], max_batch: int, ahead: int):
        self.start, self.max_batch, self.free = start, max_batch, ahead
        self.jobs: collections.deque[Job] = collections.deque()
        self.executor: Executor | None = None
        self.pid: int | None = None
        self.deaths = 0  # in a row

    def begin(self, *model: str) -> Future:
        """Start the process; gives what :func:`begin` gives."""
        self.executor = self.start()
        beginning = self.executor.submit(begin, *model)
        beginning.add_done_callback(self._begun)
        return beginning

    def _begun(self, beginning: Future) -> None:
        if not beginning.cancelled() and beginning.exception() is None:
            self.pid = beginning.result()[1]


class Batcher:
    """Collects uploads and has them answered in batches.

    Large pictures have a process of their own, one at a time (which also bounds the memory), so that small ones
    overtake them. It is started for the first of them.

    Args:
        model: its file.
        device: on which the network computes: cpu, cuda, mps or auto.
        max_batch: pictures per batch.
        max_waiting: requests that wait or are computed, large ones included.
        start: makes what computes.

    Raises:
        CannotCompute: see :func:`begin`.
    """

    def __init__(
        self,
        model: str | os.PathLike,
        device: str = "cpu",
        max_batch: int = 32,
        max_waiting: int = 64,
        start: Callable[[], Executor] = one_process,
    ):
        self.model, self.max_waiting = (str(model), device), max_waiting
        self.observe: Callable[[int], None] = lambda size: None  # is told the size of each batch
        self.waiting = 0
        self.started = False
        self.small, self.large = self.lanes = Lane(start, max_batch, AHEAD), Lane(start, 1, 1)
        try:
            self.classes = self.small.begin(*self.model).result()[0]
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.started = True

    def stop(self) -> None:
        """Finish what is computed, and end the processes."""
        self.started = False
        for lane in self.lanes:
            if lane.executor is not None:
                lane.executor.shutdown(cancel_futures=True)

    @property
    def alive(self) -> bool:
        return self.started and all(lane.deaths < 3 for lane in self.lanes)

    @property
    def full(self) -> bool:
        return self.waiting >= self.max_waiting

    def submit(self, upload: Upload) -> asyncio.Future:
        """Queue an upload. The future gives a Prediction, or raises Refused.

        Who does not want the answer any more cancels the future; if its batch has not begun, nothing is computed.

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
            self.loop.call_soon(self._next_batch, lane)  # after all that the loop has to do already

    def _next_batch(self, lane: Lane) -> None:
        """Give out all who wait as a batch, if the process can take one."""
        while lane.free and lane.jobs:
            batch = []
            while lane.jobs and len(batch) < lane.max_batch:
                job = lane.jobs.popleft()
                if not job.future.done():  # cancelled meanwhile
                    batch.append(job)
            if batch:
                lane.free -= 1
                self._give_out(lane, batch)

    def _give_out(self, lane: Lane, batch: list[Job]) -> None:
        uploads = [job.upload for job in batch]
        if lane.executor is None:
            lane.begin(*self.model)
        try:
            result = self.loop.run_in_executor(lane.executor, answers, *self.model, uploads, lane is self.large)
        except RuntimeError as error:  # broken, or shut down
            result = self.loop.create_future()
            result.set_exception(error)
        result.add_done_callback(functools.partial(self._deliver, lane, lane.executor, batch))

    def _deliver(self, lane: Lane, executor: Executor, batch: list[Job], result: asyncio.Future) -> None:
        lane.free += 1
        if error := result.exception():
            given = [self._failed(lane, executor, error)] * len(batch)
        else:
            given, lane.deaths = result.result(), 0
        if size := sum(isinstance(answer, Prediction) for answer in given):
            self.observe(size)
        for job, answer in zip(batch, given, strict=True):
            if job.future.done():  # cancelled meanwhile
                continue
            if answer is None:
                self._queue(self.large, job)
            elif isinstance(answer, Exception):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)
        self._next_batch(lane)

    def _failed(self, lane: Lane, executor: Executor, error: BaseException) -> Exception:
        """Start a process again that has died, once for all of its batches; gives what the requests are told."""
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

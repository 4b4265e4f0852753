"""Dynamic batching: whoever comes while a batch is computed waits, and all who wait are the next batch.

A network needs little longer for sixteen pictures than for one, so under load a batch is cheaper per picture;
and with nobody else there, a single request waits for nobody. No clock is involved.
"""

import asyncio
import dataclasses
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from model import Classifier, predict, prepare
from PIL import Image
from uploads import Refused, damaged

LARGE_BODY = 2**18  # bytes
LARGE_PICTURE = 600_000  # pixels: decoding more takes longer than a batch of small ones

log = logging.getLogger("app")


class Full(Exception):
    """The queue is full; the request has to come again later."""


@dataclasses.dataclass(slots=True)
class Prediction:
    """The most probable classes, best first, and what the network saw: ``uint8`` of shape (3, 32, 32)."""

    top: list[tuple[str, float]]
    pixels: torch.Tensor


@dataclasses.dataclass(slots=True, eq=False)
class Job:
    read: Callable[[], Image.Image]
    size: int
    future: asyncio.Future
    pixels: torch.Tensor | None = None


class Batcher:
    """One thread that decodes the pictures which wait and asks the network about all of them at once.

    Large pictures are decoded in a second thread, one at a time (which also bounds the memory), so that small ones
    overtake them.

    Args:
        model: in evaluation mode.
        max_batch: pictures per batch.
        max_waiting: requests in the queue, large ones that are decoded included.
        observe: called with the size of each batch.
        top: so many classes are given.
    """

    def __init__(
        self,
        model: Classifier,
        max_batch: int = 32,
        max_waiting: int = 64,
        observe: Callable[[int], None] = lambda size: None,
        top: int = 3,
    ):
        self.model = model.to(memory_format=torch.channels_last)  # the same numbers, in half the time on a CPU
        self.max_batch, self.max_waiting, self.observe = max_batch, max_waiting, observe
        self.top = min(top, len(model.classes))
        self.queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.waiting = 0  # counted in the event loop alone, so no lock is needed
        self.thread: threading.Thread | None = None

    # --- in the event loop ---

    def start(self) -> None:
        """Start the threads; the first batch is computed here, since the first is always slow."""
        self.loop = asyncio.get_running_loop()
        predict(self.model, torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
        self.large = ThreadPoolExecutor(1, thread_name_prefix="large-pictures")
        self.thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Finish what waits, then end the threads."""
        self.large.shutdown()
        self.queue.put(None)
        self.thread.join()

    @property
    def alive(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    @property
    def full(self) -> bool:
        return self.waiting >= self.max_waiting

    def submit(self, read: Callable[[], Image.Image], size: int) -> asyncio.Future:
        """Queue a picture of so many bytes; ``read`` opens it, in another thread. The future gives a Prediction.

        Who does not want the answer any more cancels the future; then nothing is computed for it.

        Raises:
            Full: too many are waiting.
        """
        if self.full:
            raise Full
        future = self.loop.create_future()
        self.waiting += 1
        future.add_done_callback(self._done)
        self.queue.put(Job(read, size, future))
        return future

    def _done(self, future: asyncio.Future) -> None:
        self.waiting -= 1

    @staticmethod
    def _deliver(answers: list[tuple[Job, Prediction | Exception]]) -> None:
        for job, answer in answers:
            if job.future.done():  # cancelled meanwhile
                continue
            if isinstance(answer, Exception):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)

    # --- in the threads ---

    def _work(self) -> None:
        while True:
            jobs = [self.queue.get()]
            while len(jobs) < self.max_batch and not self.queue.empty():
                jobs.append(self.queue.get())
            stop = None in jobs
            answers = self._batch([job for job in jobs if job is not None and not job.future.done()])
            if answers:  # one call for the whole batch: waking the event loop is what costs
                self.loop.call_soon_threadsafe(self._deliver, answers)
            if stop:
                return

    def _batch(self, jobs: list[Job]) -> list[tuple[Job, Prediction | Exception]]:
        answers, ready = [], []
        for job in jobs:
            error = None if job.pixels is not None else self._decode(job)
            if error is not None:
                answers.append((job, error))
            elif job.pixels is not None:
                ready.append(job)
        if ready:
            self.observe(len(ready))
            try:
                best, classes = predict(self.model, torch.stack([job.pixels for job in ready])).topk(self.top)
            except Exception as error:  # the thread has to live on, whatever the network meets
                log.exception("a batch of %d failed", len(ready))
                return answers + [(job, error) for job in ready]
            names = self.model.classes
            for job, values, indices in zip(ready, best.tolist(), classes.tolist(), strict=True):
                top = [(names[index], value) for index, value in zip(indices, values, strict=True)]
                answers.append((job, Prediction(top, job.pixels)))
        return answers

    def _decode(self, job: Job, large: bool = False) -> Exception | None:
        """Give the job its pixels, or pass it on to the thread for large pictures; an error is returned."""
        if job.size > LARGE_BODY and not large:
            self.large.submit(self._decode_large, job)
            return None
        try:
            image = job.read()
        except Refused as refused:
            return refused
        if image.width * image.height > LARGE_PICTURE and not large:
            self.large.submit(self._decode_large, job)
            return None
        try:
            job.pixels = prepare(image)
        except Exception as error:
            return damaged(error)
        return None

    def _decode_large(self, job: Job) -> None:
        if job.future.done():
            return
        try:
            error = self._decode(job, large=True)
        except Exception as unexpected:
            error = unexpected
        if error is not None:
            self.loop.call_soon_threadsafe(self._deliver, [(job, error)])
        else:
            self.queue.put(job)

"""Decode pictures and ask the network. Runs in processes of its own (:mod:`.batching`)."""

import base64
import functools
import io
import logging

import torch
from PIL import Image

from .model import Classifier, ModelError, load, predict, prepare
from .uploads import Prediction, Refused, Upload, damaged, read_picture

LARGE_PICTURE = 600_000  # pixels: decoding more takes longer than a whole batch of small pictures
TOP = 3

log = logging.getLogger("app")


def pick_device(name: str) -> torch.device:
    """Return the device with a name; ``auto`` is the accelerator if there is one, else the CPU.

    Raises:
        ModelError: there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.zeros(1, device=name).device
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"the device {name!r} cannot be used ({reason}): choose cpu, cuda, mps or auto") from None


@functools.lru_cache(maxsize=1)
def load_once(path: str, device: str) -> Classifier:
    """Return the model of a file. It has computed one batch already, since the first always takes longest.

    Raises:
        ModelError: the model cannot be loaded, or there is no such device.
    """
    model = load(path, pick_device(device))
    model = model.to(memory_format=torch.channels_last)  # the same numbers, in half the time on a CPU
    predict(model, torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    return model


def answer(model: Classifier, uploads: list[Upload], is_large: bool) -> list[Prediction | Exception | None]:
    """Return the answer to each upload of a batch, in the same order. The network is asked once about all of them.

    The answer to an upload that cannot be read is an exception, which does not affect the others.

    Args:
        model: the network.
        uploads: the batch.
        is_large: whether this process also decodes large pictures. If not, the answer to each of them is None, and
            the caller sends it to a process that does.
    """
    given = [pixels_of(upload, is_large) for upload in uploads]
    ready = [k for k, pixels in enumerate(given) if isinstance(pixels, torch.Tensor)]
    if not ready:
        return given
    images = torch.stack([given[k] for k in ready])
    try:
        best, indices = predict(model, images).topk(min(TOP, len(model.classes)))
    except Exception as error:
        log.exception("a batch of %d failed", len(ready))
        failure = RuntimeError(f"{type(error).__name__} in the network")  # the original may not survive pickling
        return [failure if isinstance(pixels, torch.Tensor) else pixels for pixels in given]
    for k, pixels, values, places in zip(ready, images, best.tolist(), indices.tolist(), strict=True):
        top = [(model.classes[place], value) for place, value in zip(places, values, strict=True)]
        given[k] = Prediction(top, as_data_uri(pixels) if uploads[k].wants_seen else None)
    return given


def pixels_of(upload: Upload, is_large: bool) -> torch.Tensor | Exception | None:
    """Return what the network sees, ``uint8`` of shape (3, 32, 32), or the exception or None of :func:`answer`."""
    try:
        image = read_picture(upload.body, upload.content_type, upload.max_pixels)
    except Refused as refused:
        return refused
    if image.width * image.height > LARGE_PICTURE and not is_large:
        return None
    try:
        return prepare(image)
    except Exception as error:
        return damaged(error)


def as_data_uri(pixels: torch.Tensor) -> str:
    """Return a picture of shape (3, 32, 32) as a PNG in a data URI."""
    png = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(png, "PNG")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()

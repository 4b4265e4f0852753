"""The network, what is done to a picture before it, and its file.

Lecture 6 trains with this module and the app serves with it: there is one preprocessing, not two.
"""

import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn
from torchvision.transforms import v2

SIZE = 32


class ModelError(RuntimeError):
    """A model file cannot be used; the message says why, and what to do."""


def block(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    ]


class Classifier(nn.Module):
    """The convolutional network of lecture 4, which takes pictures as they are: ``uint8``, not standardised.

    Args:
        classes: their names.
        width: channels of the first convolution.
        mean, std: of the training pictures' colours, each of three numbers, for values from 0 to 1. They become
            part of the ``state_dict``: whoever has the weights standardises as in training.
    """

    def __init__(
        self,
        classes: list[str],
        width: int = 16,
        mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
        std: tuple[float, float, float] = (0.25, 0.25, 0.25),
    ):
        super().__init__()
        self.classes, self.width = list(classes), width
        self.register_buffer("mean", torch.tensor(mean).reshape(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(3, 1, 1))
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, stride=2, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *block(width, 2 * width),
            *block(2 * width, 4 * width),
            *block(4 * width, 8 * width),
            nn.Flatten(),
            nn.Linear(32 * width, len(self.classes)),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes) for ``uint8`` pictures of shape (N, 3, 32, 32)."""
        return self.layers((images / 255 - self.mean) / self.std)


# --- a picture -----------------------------------------------------------------------------------


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture upright and in RGB, whatever its mode: grey, 16 bits, palette, CMYK; transparent is white."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits: convert() would cut off all above 255
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def prepare(image: Image.Image) -> torch.Tensor:
    """What the network sees of a picture: its middle square as ``uint8`` of shape (3, 32, 32).

    Used for every picture, in training and in serving. A picture of 32 x 32 pixels stays as it is.
    """
    return v2.functional.pil_to_tensor(ImageOps.fit(to_rgb(image), (SIZE, SIZE), Image.Resampling.BILINEAR))


@torch.inference_mode()
def predict(model: Classifier, images: torch.Tensor) -> torch.Tensor:
    """Probabilities of shape (N, classes), on the CPU, for ``uint8`` pictures of shape (N, 3, 32, 32)."""
    return model(images.to(model.mean.device)).softmax(dim=1).cpu()


# --- the file ------------------------------------------------------------------------------------


def save(model: Classifier, path: str | os.PathLike) -> None:
    """Write the model's ``state_dict`` and what is needed to build it again; whole, or not at all."""
    path = Path(path)
    checkpoint = {"classes": model.classes, "width": model.width, "state_dict": model.state_dict()}
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        torch.save(checkpoint, Path(scratch) / path.name)
        (Path(scratch) / path.name).replace(path)


def load(path: str | os.PathLike, device: str | torch.device = "cpu") -> Classifier:
    """The model of a file, in evaluation mode, on a device, wherever it was when it was saved.

    Only tensors and plain data are read (``weights_only``): a file that carries code is refused, not run.

    Raises:
        ModelError: no such file, no file of :func:`save`, or one that carries code.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no model {path}: run lecture 6, which makes it")
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
        model = Classifier(checkpoint["classes"], checkpoint["width"])
        model.load_state_dict(checkpoint["state_dict"])
    except pickle.UnpicklingError:
        raise ModelError(f"{path} holds more than tensors and plain data, or is damaged: it was not loaded") from None
    except (OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()
        raise ModelError(f"{path} is no model of lecture 6 ({reason[0] if reason else type(error).__name__})") from None
    return model.to(device).eval()

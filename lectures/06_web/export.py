"""From the model file to one ONNX file that holds the network, its preparation before it and the softmax after it."""

from pathlib import Path

import torch
from lecture_app.model import Classifier
from torch import nn


def shares(length: int, side: torch.Tensor, size: int) -> torch.Tensor:
    """Return the share that each of ``length`` pixels in a line has in each of ``size`` new ones: (size, length).

    The new pixels lie side by side over the middle ``side`` old ones. Each is a mean of the old ones near it, in which
    the nearest count most.
    """
    step = side / size
    centers = (length - side) / 2 + step * (torch.arange(size) + 0.5)
    distances = (torch.arange(length) + 0.5 - centers[:, None]).abs()
    weights = (1 - distances / step.clamp(min=1)).clamp(min=0)
    return weights / weights.sum(dim=1, keepdim=True)


class InBrowser(nn.Module):
    """The network and, in the same graph, all that comes before it and after it, as ``prepare`` and ``predict`` do it.

    A browser hands over the pixels that it has; nothing is left for its own code to do differently.

    Args:
        classifier: the network, in evaluation mode.
        size: the side of the pictures that it knows.
    """

    def __init__(self, classifier: Classifier, size: int = 32):
        super().__init__()
        self.classifier, self.size = classifier, size

    def prepare(self, rgba: torch.Tensor) -> torch.Tensor:
        """Return the middle square of a picture, laid on white and shrunk: whole numbers of shape (3, size, size).

        They are rounded after each step, as Pillow does it.
        """
        height, width = rgba.shape[:2]
        pixels = rgba.permute(2, 0, 1).float()
        colors, opacity = pixels[:3], pixels[3:] / 255
        on_white = (255 + opacity * (colors - 255)).round()
        side = torch.minimum(torch.scalar_tensor(height), torch.scalar_tensor(width))
        narrow = (on_white @ shares(width, side, self.size).T + 0.5).floor()
        return (shares(height, side, self.size) @ narrow + 0.5).floor()

    def forward(self, rgba: torch.Tensor) -> torch.Tensor:
        """Return a probability for each class, for a canvas's pixels: ``uint8`` of shape (height, width, 4)."""
        return self.classifier(self.prepare(rgba)[None]).softmax(dim=1)[0]


def export(classifier: Classifier, path: Path) -> None:
    """Write an ONNX file whose input ``rgba`` is a picture of any height and width."""
    example = torch.zeros(48, 64, 4, dtype=torch.uint8)
    program = torch.onnx.export(
        InBrowser(classifier).eval(),
        (example,),
        dynamic_shapes=({0: "height", 1: "width"},),
        output_names=["probabilities"],
        dynamo=True,
        verbose=False,
    )
    for node in program.model.graph:  # each says by which line of which file it was made: nobody's business
        for noted in (node, *node.outputs):
            noted.metadata_props.clear()
    program.save(path)

"""Pictures for the training of lecture 6: digits as if drawn on paper, and pictures shifted by a few pixels."""

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import get_data_path
from PIL import Image, ImageFont, ImageOps

FONTS = [
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "STIXGeneral"),
    *("STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10", "cmb10"),
]


def printed(digit: int, font: str) -> torch.Tensor:
    """Return a digit in one of matplotlib's fonts, ``uint8`` of shape (8, 8), bright on black."""
    mask = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{font}.ttf", 80).getmask(str(digit))
    glyph = ImageOps.pad(Image.frombytes("L", mask.size, bytes(mask)), (64, 64))
    return torch.from_numpy(np.array(glyph.resize((8, 8), Image.Resampling.BOX)))


def add_printed(digits, times: int = 4):
    """Add the digits of twelve fonts to a data set of handwritten ones of 8 x 8 pixels, each so many times."""
    glyphs = torch.stack([printed(digit, font) for font in FONTS for digit in range(10)])
    digits.data = torch.cat([digits.data, *[glyphs] * times])
    digits.targets = torch.cat([digits.targets, *[torch.arange(10)] * (times * len(FONTS))])
    return digits


def _uniform(low: float, high: float, *shape: int) -> torch.Tensor:
    return low + (high - low) * torch.rand(shape)


def paper_steps(n: int, digits) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Put n random digits on paper.

    Returns:
        The steps by their names, each of shape (n, 1 or 3, 32, 32) with values from 0 to 1; and the labels, shape (n,).
    """
    chosen = torch.randint(len(digits), (n,))
    ink = F.interpolate(digits.data[chosen, None] / 255, scale_factor=4, mode="bicubic")
    steps = {"enlarged": ink}
    size = _uniform(1.1, 1.7, n, 1, 1)
    shape = torch.eye(2) + _uniform(-0.3, 0.3, n, 2, 2)  # turned, slanted, stretched
    where = (size - 0.8) * _uniform(-1, 1, n, 2, 1)
    grid = F.affine_grid(torch.cat([size * shape, where], dim=2), [n, 1, 32, 32], align_corners=False)
    wobble = F.interpolate(torch.randn(n, 2, 3, 3), size=32, mode="bicubic")
    ink = F.grid_sample(ink, grid + 0.2 * wobble.permute(0, 2, 3, 1), align_corners=False)
    steps["deformed"] = ink
    edge, steepness = _uniform(0.3, 0.7, n, 1, 1, 1), _uniform(2, 6, n, 1, 1, 1)
    ink = ((ink - edge) * steepness + 0.5).clamp(0, 1)
    steps["with a pen"] = ink
    paper, pen = _uniform(0.75, 1, n, 3, 1, 1), _uniform(0, 0.4, n, 3, 1, 1)
    steps["on paper"] = paper * (1 - ink) + pen * ink
    return {name: step.clamp(0, 1) for name, step in steps.items()}, digits.targets[chosen]


def on_paper(n: int, digits) -> tuple[torch.Tensor, torch.Tensor]:
    """Return n random digits as dark drawings on light paper, and their labels. Used in lecture 6, section 2.2.

    Args:
        n: the number of drawings.
        digits: a data set with ``data`` of shape (N, 8, 8), bright on black, and ``targets``.

    Returns:
        ``uint8`` pictures of shape (n, 3, 32, 32), and labels of shape (n,).

    >>> from lecture_utils import load_dataset
    >>> images, labels = on_paper(5, load_dataset("digits"))
    >>> images.shape
    torch.Size([5, 3, 32, 32])
    """
    steps, labels = paper_steps(n, digits)
    return (255 * steps["on paper"]).to(torch.uint8), labels


def nudge(images: torch.Tensor, pad: int = 2, mirror: bool = False) -> torch.Tensor:
    """Shift each picture by up to ``pad`` pixels, at random; what comes into view is a reflection of its edge.

    Args:
        images: of shape (N, C, H, W).
        pad: the largest shift.
        mirror: turn left and right in half of the pictures.
    """
    n, _, height, width = images.shape
    framed = F.pad(images.float(), (pad, pad, pad, pad), mode="reflect")
    number = torch.arange(n, device=images.device)[:, None, None]
    down, right = torch.randint(2 * pad + 1, (2, n, 1))
    rows, columns = (down + torch.arange(height)).to(images.device), (right + torch.arange(width)).to(images.device)
    nudged = framed[number, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if not mirror:
        return nudged
    chosen = torch.rand(n, 1, 1, 1).to(images.device) < 0.5
    return torch.where(chosen, nudged.flip(3), nudged)

"""The pictures that lecture 6 trains with: digits on paper, and shifts."""

import pytest
import torch

from lecture_utils import load_dataset
from lecture_utils.drawings import FONTS, add_printed, nudge, on_paper, paper_steps


def test_drawings_are_dark_on_light_and_keep_their_labels():
    digits = load_dataset("digits")
    torch.manual_seed(0)
    images, labels = on_paper(200, digits)
    assert images.shape == (200, 3, 32, 32) and images.dtype == torch.uint8 and set(labels.tolist()) == set(range(10))
    paper = images.float().flatten(1).median(dim=1).values / 255
    ink = images.float().mean(1).flatten(1).amin(dim=1) / 255
    assert (paper > 0.7).all() and (ink < paper - 0.2).float().mean() > 0.95
    torch.manual_seed(0)
    steps, again = paper_steps(200, digits)
    assert torch.equal(labels, again) and list(steps) == ["enlarged", "deformed", "with a pen", "on paper"]
    assert all(step.min() >= 0 and step.max() <= 1 for step in steps.values())


def test_printed_digits_are_added_with_their_labels():
    digits, plain = add_printed(load_dataset("digits"), times=2), load_dataset("digits")
    more = len(digits.data) - len(plain.data)
    assert more == 2 * 10 * len(FONTS) == len(digits.targets) - len(plain.targets)
    added, labels = digits.data[len(plain.data) :], digits.targets[len(plain.data) :]
    for digit in range(10):
        assert len(added[labels == digit].float().flatten(1).unique(dim=0)) >= len(FONTS) - 2, "each font is different"
        assert (added[labels == digit].flatten(1).amax(dim=1) > 100).all()


@pytest.mark.parametrize("mirror", [False, True])
def test_a_nudge_is_one_of_the_shifts(mirror):
    torch.manual_seed(0)
    images = torch.randint(256, (60, 3, 12, 9), dtype=torch.uint8)
    framed = torch.nn.functional.pad(images.float(), (2, 2, 2, 2), mode="reflect")
    shifts = torch.stack([framed[:, :, y : y + 12, x : x + 9] for y in range(5) for x in range(5)])
    if mirror:
        shifts = torch.cat([shifts, shifts.flip(-1)])
    found = (shifts == nudge(images, mirror=mirror)).flatten(2).all(dim=2)
    assert (found.sum(dim=0) == 1).all()
    assert found.any(dim=1).sum() > 15, "many different shifts"

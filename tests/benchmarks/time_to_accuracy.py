"""When does each recipe know as much? The slides' recipes against those of lectures 4 and 5, in one process.

    python tests/benchmarks/time_to_accuracy.py [--pictures FOLDER] [--epochs 20] [--window-epochs 1]

The code that is timed is the lectures' own: their cells are executed here. The data are those of
`full`: pictures from FOLDER, else a folder or a .tar in LECTURE_DATA, else CIFAR-10; and
Fashion-MNIST. Takes about ten minutes on two cores. The last line is one JSON object:

    cnn_slides_accuracy, cnn_seconds  test accuracy of the slides' recipe after its epochs, and the
                                      seconds after which ours is as good
    cnn_ratio                         the slides' seconds over ours; the goal: at least 15
    rnn_ratio                         the same for lecture 5, down to the test loss that the slides'
                                      overlapping windows reach; the goal: at least 7
    full_accuracy, full_seconds       lecture 4's whole training; the goal: 75 % in 120 s on two cores
    record_accuracy, record_seconds   its section 8.6; the goals: 80 % in 120 s on two cores, 90 % in 4 s on an H100
"""

import argparse
import ast
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from course_tools.notebooks import find_notebooks, read_notebook
from lecture_utils import Timer, describe_device, get_device, seed_everything
from lecture_utils.data import ImageDataset
from lecture_utils.device import synchronize

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import real_data


def run_cells(lecture: str, ids: list[str], names: dict) -> None:
    """Execute all imports of a lecture, and then some of its cells, in a namespace."""
    (path,) = find_notebooks([lecture])
    sources = {cell.id: cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"}
    del sources["setup"]  # not Python: it holds %pip
    for source in sources.values():
        imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), lecture, "exec"), names)
    for cell_id in ids:
        exec(compile(sources[cell_id], f"{path.name}:{cell_id}", "exec"), names)


# --- lecture 4 -----------------------------------------------------------------------------------

CNN_CELLS = [
    *("load", "to-tensor", "in-random-order", "validation-half", "standard", "standardise", "convnet", "fit"),
    *("predict", "measure", "accuracy", "turn-batch", "erase-batch", "mirror", "augment", "v2"),
    *(
        "slides-loader",
        "slides-batches",
        "tensor-batches",
        "short",
        "modern",
        "speed",
        "speed-one",
        "devices",
        "devices-choice",
    ),
    "recipe",
]
RECORD_CELLS = ["strengths", "even-out", "muon", "near-record", "record-run", "record-result"]


def cnn(folder: str, epochs: int) -> dict:
    lecture = {"profile": "full", "seed": 0, "folder": folder}
    run_cells("4", CNN_CELLS, lecture)
    count, classes, device = len(lecture["train_data"]), lecture["classes"], lecture["device"]
    # The lecture reads a part of the pictures one by one; here are all, in memory as torchvision's CIFAR-10 is.
    pictures, labels = lecture["train_images"].permute(0, 2, 3, 1).contiguous().cpu(), lecture["train_labels"].cpu()
    lecture["all_pictures"] = ImageDataset(pictures, labels, classes, lecture["per_picture"])
    lecture["order"] = torch.arange(count)

    def score(batches, *recipe, **options) -> tuple[float, float]:
        seed_everything(0)
        network, _, optimizer, scheduler = lecture["prepare"](*recipe, **options)
        with Timer(device) as timer:
            lecture["train"](network, batches, optimizer, scheduler)
        return timer.seconds, lecture["accuracy"](network, lecture["test_images"], lecture["test_labels"])

    def ours(n: int, n_epochs: int) -> tuple[float, float]:
        batches = lecture["all_at_once"](n, n_epochs, lecture["mirror"] if lecture["may_mirror"] else None)
        return score(batches, lecture["deeper_net"], n, n_epochs, 8e-3, one_cycle=True)

    usual_batches = lecture["one_by_one"](count, epochs)
    slides_seconds, goal = score(usual_batches, lambda: lecture["ConvNet"](len(classes)), count, epochs, 1e-3)
    print(f"slides' recipe, {epochs} epochs: {goal:.1%} after {slides_seconds:.1f} s", flush=True)

    ours(1024, 1)  # warm up
    reached = None
    for n_epochs in (1, 2, 3, 6):  # a one-cycle training is planned to its end, so each is a training of its own
        seconds, value = ours(count, n_epochs)
        print(f"ours, {n_epochs} epochs: {value:.1%} after {seconds:.1f} s", flush=True)
        if value >= goal and reached is None:
            reached = seconds
    change = lecture["mirror"] if lecture["may_mirror"] else None
    lecture |= {"n_whole": count, "change": change}
    run_cells("4", RECORD_CELLS, lecture)
    return {
        "cnn_ratio": round(slides_seconds / reached, 1) if reached else 0.0,
        "cnn_slides_accuracy": round(goal, 4),
        "cnn_seconds": round(reached, 1) if reached else None,
        "full_accuracy": round(value, 4),
        "full_seconds": round(seconds, 1),
        "record_accuracy": round(lecture["record_accuracy"], 4),
        "record_seconds": round(lecture["record_seconds"], 1),
    }


# --- lecture 5 -----------------------------------------------------------------------------------


class Windows(Dataset):
    """As on the slides: each picture gives 14 windows of 14 rows, each with the row that follows it."""

    def __init__(self, images: torch.Tensor):
        self.images, self.half = images, images.shape[1] // 2

    def __len__(self) -> int:
        return len(self.images) * self.half

    def __getitem__(self, index: int):
        image, start = self.images[index // self.half], index % self.half
        return image[start : start + self.half], image[start + self.half]


RNN_CELLS = ["image-data", "image-tensors", "row-model", "row-setup"]


def rnn(window_epochs: int) -> dict:
    lecture = {"profile": "full", "seed": 0}
    device = lecture["device"] = get_device()
    run_cells("5", RNN_CELLS, lecture)
    criterion = lecture["criterion"] = torch.nn.MSELoss()
    images, half, rows = lecture["train_images"], lecture["half"], lecture["test_images"][:2000]
    windows = rows.unfold(1, half + 1, 1).transpose(2, 3).flatten(0, 1)

    @torch.no_grad()
    def test_windows(model) -> float:
        parts = windows.split(half * 250)  # of equal size: the mean of their means is the mean
        return sum(criterion(model(p[:, :half])[0][:, -1], p[:, half]).item() for p in parts) / len(parts)

    @torch.no_grad()
    def test_one_pass(model) -> float:  # the same rows to predict: those of the lower half
        return criterion(model(rows[:, :-1])[0][:, half - 1 :], rows[:, half:]).item()

    def window_batches():
        for _ in range(window_epochs):
            yield from DataLoader(Windows(images.cpu()), batch_size=128, shuffle=True)

    def window_loss(model, batch):
        inputs, targets = (part.to(device) for part in batch)
        return criterion(model(inputs)[0][:, -1], targets)

    def row_batches():
        while True:
            yield from images[torch.randperm(len(images)).to(device)].split(lecture["row_batch"])

    def pass_loss(model, images):  # as the lecture's ``train_on_rows``: every row is asked for the next
        return criterion(model(images[:, :-1])[0], images[:, 1:])

    def train(batches, loss_function, rate, test, goal, every):
        """Seconds of training alone, and the last test loss; ends at the goal or with the batches."""
        seed_everything(0)
        model = lecture["NextRow"](lecture["width"], lecture["hidden"]).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        seconds, started = 0.0, time.perf_counter()
        for step, batch in enumerate(batches, start=1):
            loss = loss_function(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % every == 0:
                synchronize(device)
                seconds += time.perf_counter() - started
                error = test(model)
                print(f"  {step} steps, {seconds:.1f} s: test loss {error:.5f}", flush=True)
                if error <= goal or seconds > 600:
                    return seconds, error
                started = time.perf_counter()
        synchronize(device)
        return seconds + time.perf_counter() - started, test(model)

    print("the slides' windows", flush=True)
    slides_seconds, goal = train(window_batches(), window_loss, 1e-3, test_windows, 0.0, 2000)
    print(f"windows, {window_epochs} epochs: test loss {goal:.5f} after {slides_seconds:.1f} s")
    print("every row in one pass", flush=True)
    seconds, error = train(row_batches(), pass_loss, lecture["rate"], test_one_pass, goal, 50)
    return {
        "rnn_ratio": round(slides_seconds / seconds, 1) if error <= goal else 0.0,
        "rnn_slides_loss": round(goal, 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="holds train/CLASS/* and test/CLASS/*")
    parser.add_argument("--epochs", type=int, default=20, help="of the slides' CNN")
    parser.add_argument("--window-epochs", type=int, default=1, help="of the slides' windows")
    options = parser.parse_args()
    print(describe_device())
    with tempfile.TemporaryDirectory() as scratch:
        pictures = options.pictures or real_data.picture_folder(Path(scratch))
        results = cnn(str(pictures or ""), options.epochs)
        if real_data.copy_archives("FashionMNIST", Path(scratch)):
            os.environ["LECTURE_DATA"] = scratch
        results |= rnn(options.window_epochs)
    print(json.dumps(results))


if __name__ == "__main__":
    main()

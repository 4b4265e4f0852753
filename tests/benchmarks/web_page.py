"""The network of lecture 6 in Chromium: bytes, largest difference to PyTorch, milliseconds a picture, foreign requests.

python tests/benchmarks/web_page.py     (after `lecture run 6`, which trains the network)
"""

import statistics
import sys
import tempfile
import zlib
from pathlib import Path

import torch
from lecture_app.model import load, predict, prepare
from lecture_web.build import build
from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parents[1]))
from conftest import FLAGS, ROOT, chromium_path
from test_web import as_file, photographs, serving, shown

from lecture_utils import load_dataset

MODEL = ROOT / "lectures" / "06_app" / "model.pt"
model, digits = load(MODEL), load_dataset("scattered_digits", train=False)


def as_sent(picture: Image.Image, n: int) -> Image.Image:
    """Larger, and wider than high or higher than wide."""
    large = picture.resize((96, 96), Image.Resampling.BICUBIC)
    return large.crop((-32, 0, 128, 96) if n % 2 else (0, -32, 96, 128))


def ask(page, picture: Image.Image) -> tuple[torch.Tensor, float]:
    page.evaluate("document.querySelector('#status').textContent = ''")
    page.set_input_files("#file", as_file(picture))
    return shown(page), float(page.evaluate("document.body.dataset.milliseconds"))


with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    build(MODEL, Path(folder))
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        data = file.read_bytes()
        print(f"{file.relative_to(folder)!s:38} {len(data):10,} bytes, compressed {len(zlib.compress(data)):9,}")
    with serving(Path(folder)) as address:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page, asked = browser.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("#file:enabled")
        answers = []
        for n in range(100):
            picture = as_sent(digits[n][0], n)
            answer, milliseconds = ask(page, picture)
            difference = (answer - predict(model, prepare(picture)[None])[0]).abs().max().item()
            answers.append((difference, milliseconds))
        differences, times = zip(*answers, strict=True)
        print(f"Chromium {browser.version}, {len(answers)} pictures: largest difference {max(differences):.1e}")
        first, *others = times
        print(f"milliseconds: first {first:.0f}, median {statistics.median(others):.1f}, longest {max(others):.0f}")
        for width, height in ((640, 427), (4000, 3000)):
            picture = photographs()[0].resize((width, height))
            answer, milliseconds = ask(page, picture)
            difference = (answer - predict(model, prepare(picture)[None])[0]).abs().max().item()
            print(f"photograph, {width} x {height}: {milliseconds:.0f} ms, difference {difference:.1e}")
        foreign = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        print(f"requests: {len(asked)}, to anywhere else {len(foreign)}")

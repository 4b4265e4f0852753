"""Record docs/draw_a_digit.gif and lectures/06_app/page.png: a 3 is drawn on the app's page, which answers.

python docs/draw_a_digit.py [chromium]     after `make app` has trained the model once
"""

import io
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
APP = HERE.parent / "lectures" / "06_app"
MODEL = APP / "model.pt"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
STROKE = [(0.33, 0.28), (0.42, 0.2), (0.55, 0.19), (0.65, 0.26), (0.66, 0.36), (0.58, 0.45), (0.46, 0.48)]
STROKE += [(0.6, 0.5), (0.69, 0.58), (0.69, 0.7), (0.6, 0.79), (0.46, 0.81), (0.34, 0.74)]


def main(chromium: str) -> None:
    command = [sys.executable, "-m", "lecture_app", "--model", MODEL, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app, sync_playwright() as playwright:
        try:
            address = re.search(r"http://\S+", app.stdout.readline())[0]
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 800, "height": 560})
            page.goto(address)
            frames = [page.screenshot()]
            box = page.locator("#canvas").bounding_box()
            points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STROKE]
            page.mouse.move(*points[0])
            page.mouse.down()
            for point in points[1:]:
                page.mouse.move(*point, steps=4)
                frames.append(page.screenshot())
            page.mouse.up()
            page.locator("#result").wait_for()
            page.wait_for_timeout(500)
            frames.append(page.screenshot())
        finally:
            app.terminate()
    pictures = [Image.open(io.BytesIO(frame)).convert("RGB").resize((640, 448)) for frame in frames]
    palette = pictures[-1].quantize(48)
    Image.open(io.BytesIO(frames[-1])).convert("RGB").quantize(64).save(APP / "page.png", optimize=True)
    first, *rest = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    times = [900, *[110] * (len(pictures) - 2), 3500]
    first.save(HERE / "draw_a_digit.gif", save_all=True, append_images=rest, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/chromium")

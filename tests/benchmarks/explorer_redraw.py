"""How long an explorer takes from a slider's new value to the new picture, its layout included, in Chromium, and how
large the output is that a notebook stores.

python tests/benchmarks/explorer_redraw.py
"""

import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parents[1]))
from conftest import FLAGS, chromium_path
from test_explorers import MADE

MOVE = """() => {
  const root = document.querySelector("[data-explorer]").shadowRoot, times = [];
  for (const input of root.querySelectorAll("input:is([type=range], [type=text])")) {
    for (let i = 0; i <= 20; i++) {
      input.value = input.type == "text" ? `${i}, 1` : Number(input.min) + i / 20 * (input.max - input.min);
      const start = performance.now();
      input.dispatchEvent(new Event("input", { bubbles: true }));
      root.querySelector(".stage").getBoundingClientRect();
      times.push(performance.now() - start);
    }
  }
  return times;
}"""

with sync_playwright() as playwright:
    page = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS).new_page()
    for name, make in MADE.items():
        output = make()._repr_html_()
        page.set_content(output)
        page.locator(".box").wait_for()
        times = page.evaluate(MOVE)
        size, middle = len(output) / 1024, statistics.median(times)
        print(f"{name:20} {size:5.1f} KB, median {middle:5.1f} ms, worst {max(times):6.1f} ms")

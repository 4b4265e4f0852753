"""JupyterLab as `make lab` starts it, in Chromium, on a copy of the course: each notebook is opened, run and used.

Always one lecture and one exercise; with `--lab` (`make walk`) all of them. Widgets are moved by keyboard; how soon
they answer is printed (`-rP`), not judged.
"""

import contextlib
import json
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from conftest import LECTURES, ROOT, complains

lab_arguments = runpy.run_path(str(ROOT / "start.py"))["lab_arguments"]
RUN = 300_000
SHOTS = os.environ.get("LAB_SCREENSHOTS")  # a folder, to look at the pages yourself
EXERCISES = sorted((ROOT / "exercises").glob("*.ipynb"))
ALWAYS = (LECTURES[0], EXERCISES[0])  # the ones that run in the shortest time
THEMES = ("JupyterLab Light", "JupyterLab Dark")
TOKEN = "a-token-for-the-test"
WIDGET = re.compile(r"\b(?:explore|draw_digit|quiz|explorers\.\w+)\((?!change)")
VIEW = "application/vnd.jupyter.widget-view+json"

# what the page shows of each cell: loaded pictures, sheets, forms of widgets; and what should be nowhere
SHOWN = r"""() => {
  const cells = [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
  const words = /error (?:creating|displaying|rendering) widget|model not found|failed to load|loading widget/i;
  return cells.map((cell) => {
    const roots = [cell, ...[...cell.querySelectorAll("[data-explorer]")].map((e) => e.shadowRoot)].filter((e) => e);
    const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);
    const seen = (e) => e.complete !== false && (e.naturalWidth ?? e.width) > 0;
    return {
      index: Number(cell.dataset.windowedListIndex),
      prompt: cell.querySelector(".jp-InputPrompt").textContent,
      waiting: all("img").some((e) => !e.complete),
      pictures: all(".jp-OutputArea-output :is(img, canvas)").filter(seen).length,
      controls: all(":is(.jp-OutputArea-output, .box, form) :is([role=slider], select, button, input, canvas)").length,
      broken: all("img").filter((e) => !seen(e)).length,
      stderr: all("[data-mime-type$=stderr], [data-mime-type$=error]").map((e) => e.textContent),
      words: [...all(".jp-OutputArea-output"), ...all("mjx-merror")].map((e) => e.textContent)
        .filter((text) => words.test(text) || text.includes("Math input error")),
    };
  });
}"""

# texts of outputs with a contrast below 4.5:1; axe passes over what is scrolled out of sight
PALE = r"""() => {
  const channel = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => 0.2126 * channel(c[0] / 255) + 0.7152 * channel(c[1] / 255) + 0.0722 * channel(c[2] / 255);
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = numbers(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0.5) return c;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll(".jp-Notebook :is(.jp-OutputArea-output, .jp-OutputArea-output *)")]
    .filter((e) => [...e.childNodes].some((node) => node.nodeType == 3 && node.data.trim()))
    .filter((e) => getComputedStyle(e).color);  // what an explorer has replaced has none
  if (!texts.length) return ["there is no text at all"];
  return texts.map((e) => {
    const [low, high] = [numbers(getComputedStyle(e).color), ground(e)].map(light).sort((a, b) => a - b);
    return [(high + 0.05) / (low + 0.05), e.textContent.slice(0, 80)];
  }).filter(([ratio]) => ratio < 4.5);
}"""

# in the kernel that serves the widgets: how long does it take from a new value to the new picture or text?
ANSWERS = """
import base64, gc, io, json, time
import PIL.Image
from lecture_utils import widgets as _w

def _values(control):
    if hasattr(control, "min"):
        steps = round((control.max - control.min) / control.step)
        return [control.min + control.step * (steps * i // 8) for i in range(9)]
    return [value for value in getattr(control, "_options_values", (True, False))]

def _timed(owner, name, values):
    old, times = getattr(owner, name), []
    for value in [*values, old]:
        if value != getattr(owner, name):
            start = time.perf_counter()
            setattr(owner, name, value)
            times.append(1000 * (time.perf_counter() - start))
    return times

def _sheet(x):
    file, sheet = io.BytesIO(), PIL.Image.new("RGBA", (280, 280), "white")
    sheet.paste("black", (x, 40, x + 24, 240))
    sheet.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

_found = {}
_ours = [o for o in gc.get_objects() if type(o) is _w.Explorer or type(o).__name__ == "DrawingPad"]
for _one in _ours:
    if type(_one) is _w.Explorer:
        for _control in _one.widget.children[:-1]:
            _found[_control.description] = _timed(_control, "value", _values(_control))
    else:
        _found["sheet"] = _timed(_one, "png", [_sheet(x) for x in range(40, 220, 20)])
print(json.dumps(_found))
"""


def wanted(path: Path, config) -> None:
    if path not in ALWAYS and not config.option.lab:
        pytest.skip("the walk through all notebooks takes minutes: --lab, or make walk")


class Lab:
    """A running JupyterLab."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("lectures", "exercises", "lecture_utils", "lecture_grader", "course_tools", "checks", "docs"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "build", "*.pt"))
        shutil.copy(ROOT / "START.ipynb", folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        places = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "runtime"}
        variables = {f"JUPYTER_{name}": str(folder / "jupyter" / place) for name, place in places.items()}
        variables |= {"PYTHONPATH": str(folder), "LECTURE_PROGRESS": str(folder / "progress.json")}
        options = [f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}", "--no-browser"]
        options += ["--allow-root", "--ServerApp.port_retries=0"]
        self.log = folder / "jupyter.log"
        with self.log.open("w") as log:
            environment = {**os.environ, **variables}
            command = [sys.executable, *lab_arguments(folder), *options]
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask("api/status")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)

    def ask(self, path: str, method: str = "GET"):
        request = urllib.request.Request(f"{self.address}/{path}", method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or "null")

    def answer_times(self) -> dict[str, list[float]]:
        """Milliseconds of each control of each widget, in the kernel that runs now."""
        from jupyter_client import BlockingKernelClient

        (kernel,) = self.ask("api/kernels")
        client = BlockingKernelClient(
            connection_file=str(self.folder / "jupyter" / "runtime" / f"kernel-{kernel['id']}.json")
        )
        client.load_connection_file()
        client.start_channels()
        printed = []

        def listen(message):
            assert message["msg_type"] != "error", "\n".join(message["content"]["traceback"])
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        try:
            client.execute_interactive(ANSWERS, silent=True, timeout=60, output_hook=listen)
        finally:
            client.stop_channels()
        return json.loads(printed[-1])

    def shut_kernels(self) -> None:
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", "DELETE")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


class Notebook:
    """A notebook in a page of JupyterLab."""

    def __init__(self, page, lab: Lab, path: Path):
        self.page, self.lab, self.name = page, lab, path.relative_to(ROOT).as_posix()
        self.stored = nbformat.read(path, as_version=4)
        page.goto(f"{lab.address}/lab/tree/{self.name}?reset&token={TOKEN}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
        page.locator(".jp-StatusBar-Widget, #jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    def menu(self, bar: str, *names: str) -> None:
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(bar, exact=True).click()
        for name in names:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True).click()

    def run_all(self) -> list[dict]:
        """Run all cells as the README says; what is then shown of each."""
        from playwright.sync_api import TimeoutError as PlaywrightTimeout

        self.menu("Run", "Run All Cells")
        code = [i for i, cell in enumerate(self.stored.cells) if cell.cell_type == "code" and cell.source]
        # a kernel that has just started is idle, too: each cell must have its number
        ran = f"""([count, code]) => {{
          const shown = ({SHOWN})();
          return document.querySelector(".jp-Notebook-ExecutionIndicator").dataset.status == "idle"
            && (shown.some((cell) => cell.stderr.length)
              || (shown.length == count && code.every((i) => !/\\[[ *]\\]/.test(shown[i].prompt))));
        }}"""
        self.page.wait_for_function(ran, arg=[len(self.stored.cells), code], polling=300, timeout=RUN)
        widgets = [index for index, cell in enumerate(self.stored.cells) if is_widget(cell)]
        rendered = f"""(widgets) => {{
          const shown = ({SHOWN})();
          return shown.every((cell) => !cell.waiting) && widgets.every((index) => shown[index]?.controls);
        }}"""
        with contextlib.suppress(PlaywrightTimeout):  # the caller names what is missing
            self.page.wait_for_function(rendered, arg=widgets, polling=200, timeout=20_000)
        return self.page.evaluate(SHOWN)

    def save(self) -> nbformat.NotebookNode:
        """As it lies on the disk after Ctrl+S."""
        file = self.lab.folder / self.name
        before, deadline = file.stat().st_mtime_ns, time.monotonic() + 30
        self.page.keyboard.press("Control+s")
        while file.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, f"{self.name} was not saved"
            self.page.wait_for_timeout(100)
        self.page.wait_for_timeout(300)  # until all of it is written
        return nbformat.read(file, as_version=4)

    def cell(self, index: int):
        """The cell, selected; if its code is folded, the one above: JupyterLab's own keys leave out folded cells."""
        hidden = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in self.stored.cells]
        start = next(i for i in range(index, -1, -1) if not hidden[i])
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        cells.nth(start).scroll_into_view_if_needed()
        cells.nth(start).locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Escape")
        assert self.selected() == [start]
        return cells.nth(index)

    def tab_to(self, cell, element, name: str) -> None:
        for _ in range(20):
            self.page.keyboard.press("Tab")
            if element.evaluate("e => e === e.getRootNode().activeElement"):
                return
        raise AssertionError(f"{name} of cell {cell.get_attribute('data-windowed-list-index')} is not reached by Tab")

    def selected(self) -> list[int]:
        return self.page.locator(".jp-Cell.jp-mod-active").evaluate_all(
            "all => all.map((cell) => Number(cell.dataset.windowedListIndex))"
        )

    def look(self, theme: str) -> None:
        """Take a theme from the menu; no text of an output or of the course's own is hard to read in it."""
        self.menu("Settings", "Theme", theme)
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName == theme", arg=theme)
        self.page.wait_for_timeout(500)
        if SHOTS:
            self.shots(theme.split()[-1].lower())
        bad = self.page.evaluate(PALE)
        assert not bad, (theme, bad)
        assert not (asked := self.page.locator(".jp-toastContainer button").all_inner_texts()), asked

    def shots(self, theme: str) -> None:
        """The whole notebook, screen by screen."""
        scroll = "(top) => { const e = document.querySelector('.jp-WindowedPanel-outer'); e.scrollTop = top; }"
        size = "(() => { const e = document.querySelector('.jp-WindowedPanel-outer'); return e.scrollHeight; })()"
        for number in range(60):
            if number * 800 > self.page.evaluate(size):
                break
            self.page.evaluate(scroll, number * 800)
            self.page.wait_for_timeout(250)
            self.page.screenshot(path=Path(SHOTS) / f"{self.name.replace('/', '-')[:-6]}-{theme}-{number:02}.png")


@pytest.fixture
def opened(chromium, lab):
    """A function that opens a notebook; what its page complains of, or asks from elsewhere, fails the test."""
    contexts, bad = [], []

    def complain(message):
        # JupyterLab says this when it wanted to scroll to a cell that a busy machine took 10 s to draw
        slow = re.fullmatch(r"Item with index \d+ did not appear within \d+ ms", message.text)
        if message.type in ("error", "warning") and not slow:
            bad.append(f"{message.type}: {message.text}")

    def elsewhere(route):
        bad.append(route.request.url)
        route.abort()

    def open_notebook(path: Path) -> Notebook:
        context = chromium.new_context(viewport={"width": 1280, "height": 1000}, permissions=["clipboard-read"])
        contexts.append(context)
        page = context.new_page()
        page.route(lambda url: not url.startswith((lab.address, "data:", "blob:")), elsewhere)
        page.on("console", complain)
        page.on("pageerror", lambda error: bad.append(f"error: {error}"))
        return Notebook(page, lab, path)

    yield open_notebook
    for context in contexts:
        if SHOTS:
            context.pages[0].screenshot(path=Path(SHOTS) / "last.png")
        context.close()
    lab.shut_kernels()
    assert not bad


def check_run(notebook: Notebook, shown: list[dict]) -> None:
    """All cells ran, none complained, all that is stored is seen again, and every widget lives."""
    done, faults = notebook.save(), []
    for index, (stored, cell, seen) in enumerate(zip(notebook.stored.cells, done.cells, shown, strict=True)):
        assert seen["index"] == index and stored.id == cell.id
        if seen["broken"] or seen["words"]:
            faults.append((cell.id, seen))
        if cell.cell_type != "code":
            continue
        allowed = "raises-exception" in cell.metadata.get("tags", [])
        if cell.source and not cell.execution_count:
            faults.append((cell.id, "it did not run"))
        for output in cell.outputs:
            text = str(output.get("text", ""))
            if output.output_type == "error" and not allowed:
                faults.append((cell.id, f"{output.ename}: {output.evalue}"))
            if output.get("name") == "stderr" or complains(cell, text):
                faults.append((cell.id, text))
        if seen["stderr"] and not allowed:
            faults.append((cell.id, seen["stderr"]))
        pictures = sum("image/png" in output.get("data", {}) for output in stored.outputs)
        if seen["pictures"] < pictures:
            faults.append((cell.id, f"{seen['pictures']} of {pictures} pictures are shown"))
        data = [output.get("data", {}) for output in cell.outputs]
        live = any(VIEW in one or "data-explorer" in one.get("text/html", "") for one in data)
        if is_widget(cell) and not (live and seen["controls"]):
            faults.append((cell.id, "the widget is not shown"))
    assert not faults


def is_widget(cell) -> bool:
    return cell.cell_type == "code" and bool(WIDGET.search(cell.source))


def use_widget(notebook: Notebook, index: int) -> list[float]:
    """Move each control of a cell by keyboard; milliseconds from each key to what changed."""
    times: list[float] = []
    cell = notebook.cell(index)
    area = cell.locator(".jp-OutputArea-output").first
    if area.locator(".box").count():
        return move_explorer(notebook, cell, area)
    controls = area.locator("[role=slider], select, canvas, input[type=radio], input[type=checkbox]")
    kinds = controls.evaluate_all("all => all.map((e) => e.getAttribute('role') || e.type || e.tagName)")
    assert kinds, "there is nothing to move"
    if "radio" in kinds:
        return answer_quiz(notebook, cell, area, len(kinds))
    for number, kind in enumerate(kinds):
        notebook.cell(index)
        control = controls.nth(number)
        notebook.tab_to(cell, control, kind)
        times += draw_one(notebook, area) if kind == "application" else move(notebook, area, control, kind)
    assert notebook.selected() == [index], "the keys of a widget went to the notebook"
    return times


def move_explorer(notebook: Notebook, cell, area) -> list[float]:
    """Move the first control of an explorer: another sentence, and the notebook stays where it is."""
    status, control = area.locator("p[role=status]"), area.locator("input, select").first
    before = status.inner_text()
    notebook.tab_to(cell, control, "the explorer")
    keys = {"text": ("End", "Backspace", "2"), "select-one": ("ArrowDown",)}  # in a list left and down are opposites
    for key in keys.get(control.evaluate("e => e.type"), ("ArrowLeft", "ArrowDown")):
        notebook.page.keyboard.press(key)
    assert status.inner_text() != before
    assert notebook.selected() == [int(cell.get_attribute("data-windowed-list-index"))]
    return []


def timed_key(page, key: str, change: str, old) -> float:
    """Press a key, wait until the JavaScript is no longer what it was; milliseconds from one to the other."""
    start = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(f"old => ({change}) !== old", arg=old, timeout=15_000)
    return 1000 * (time.perf_counter() - start)


def move(notebook: Notebook, area, control, kind: str) -> list[float]:
    """Forth and back: another picture, then the first one again."""
    page = notebook.page
    area.evaluate("e => { window.theArea = e; }")
    picture = "theArea.querySelector('img').src + theArea.querySelector('img').alt"
    first = page.evaluate(picture)
    keys = {
        "slider": ("ArrowRight", "ArrowLeft"),
        "checkbox": ("Space", "Space"),
        "select-one": ("ArrowDown", "ArrowUp"),
    }
    forth, back = keys[kind]
    if control.evaluate("e => e.ariaValueMax !== null && Number(e.ariaValueNow) >= Number(e.ariaValueMax)"):
        forth, back = back, forth
    times = [timed_key(page, forth, picture, first)]
    second = page.evaluate(picture)
    page.keyboard.press(back)
    page.wait_for_function(f"first => ({picture}) === first", arg=first, timeout=15_000)
    times.append(timed_key(page, forth, picture, first))
    assert page.evaluate(picture) == second
    return times


def draw_one(notebook: Notebook, area) -> list[float]:
    """A stroke downwards on the sheet, which holds the focus; then it is wiped."""
    page = notebook.page
    area.evaluate("e => { window.theArea = e; }")
    status = "theArea.querySelector('[role=status]').textContent"
    ink = """(() => {
      const sheet = theArea.querySelector("canvas"), copy = new OffscreenCanvas(sheet.width, sheet.height);
      const context = copy.getContext("2d", { willReadFrequently: true });  // or Chromium warns
      context.drawImage(sheet, 0, 0);
      const data = context.getImageData(0, 0, sheet.width, sheet.height).data;
      return data.filter((value, i) => i % 4 == 0 && value < 128).length; })()"""
    assert page.evaluate(status) == "" and page.evaluate(ink) == 0
    for key in ("ArrowUp",) * 10 + ("Space",) + ("ArrowDown",) * 20:
        page.keyboard.press(key)
    assert page.evaluate(ink) > 1000
    times = [timed_key(page, "Space", status, "")]
    guessed = page.evaluate(status)
    in_lecture_1, in_lecture_6 = r"nearest mean: \d, nearest neighbour: \d", r"\d: \d+%(, \d: \d+%){2}"
    assert re.fullmatch(f"{in_lecture_1}|{in_lecture_6}", guessed), guessed
    page.keyboard.press("Tab")
    times.append(timed_key(page, "Enter", status, guessed))
    assert page.evaluate(ink) == 0
    return times


def answer_quiz(notebook: Notebook, cell, area, options: int) -> list[float]:
    """Each option by the arrow keys: a reply to each, one of them that it is right."""
    page, status, replies = notebook.page, area.locator("[role=status]"), []
    first = area.locator("input").first
    notebook.tab_to(cell, first, "radio")
    assert status.inner_text() == ""
    page.keyboard.press("Space")
    for number in range(options):
        assert area.locator("input").nth(number).is_checked()
        replies.append(status.inner_text())
        page.keyboard.press("ArrowDown")
    assert first.is_checked() and len(set(replies)) == options  # once round
    assert notebook.selected() == [int(cell.get_attribute("data-windowed-list-index"))]
    assert sorted(reply.split(".")[0] for reply in replies) == ["No"] * (options - 1) + ["Right"]
    return []


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_runs_and_its_widgets_move(path, request, opened):
    wanted(path, request.config)
    notebook = opened(path)
    start = time.perf_counter()
    check_run(notebook, notebook.run_all())
    print(f"{path.stem}: all cells in {time.perf_counter() - start:.1f} s")
    widgets = [index for index, cell in enumerate(notebook.stored.cells) if is_widget(cell)]
    assert len(widgets) >= 5
    moved = 0
    for index in widgets:
        times = use_widget(notebook, index)
        if times:
            moved += 1
            name = notebook.stored.cells[index].id
            print(f"  {name}: from key to picture {', '.join(f'{ms:.0f}' for ms in times)} ms in the browser")
    for theme in THEMES:
        notebook.look(theme)
    answers = notebook.lab.answer_times()
    assert len(answers) >= moved
    for name, times in answers.items():
        print(f"  {name}: answered in the kernel in {sorted(times)[len(times) // 2]:.0f} ms, at most {max(times):.0f}")


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_exercise_checks_hints_and_counts(path, request, opened):
    wanted(path, request.config)
    notebook = opened(path)
    number = int(path.stem[:2])
    page, ids = notebook.page, [cell.id for cell in notebook.stored.cells]
    check_run(notebook, notebook.run_all())

    def shown(name: str):
        return page.locator(f".jp-Cell[data-windowed-list-index='{ids.index(name)}'] .jp-OutputArea-output")

    checks = [cell for cell in notebook.stored.cells if cell.source.startswith("check(")]
    assert len(checks) >= 6
    for cell in checks:
        assert f"○ Task {cell.source[7:10]}," in shown(cell.id).text_content()
    bar = shown("hand-in").locator("progress")
    assert bar.get_attribute("value") == "0" and "0 of" in shown("hand-in").text_content()

    task = f"task-{number}-2"
    index = ids.index(task)
    stub = notebook.stored.cells[index].source
    answer = next(c.source for c in nbformat.read(ROOT / "solutions" / path.name, 4).cells if c.id == task)
    answer = re.sub(r" *# (BEGIN|END) SOLUTION\n?", "", answer)
    wrong = re.sub(r"raise NotImplementedError\(.*\)", "return None", stub)
    assert len({stub, answer, wrong}) == 3
    for source, mark in ((wrong, "✗"), (answer, "✓")):
        write_cell(notebook, index, source)
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        shown(f"{task}-check").get_by_text(f"{mark} Task {number}.2,").wait_for()
        if mark == "✗":  # the other colours are seen in the end
            for theme in THEMES:
                notebook.look(theme)

    fold = page.locator(f".jp-Cell[data-windowed-list-index='{ids.index(f'{task}-hints')}'] details").first
    hint = fold.locator("p").first
    assert not hint.is_visible()
    notebook.cell(index + 1)
    notebook.tab_to(notebook.cell(index + 1), fold.locator("summary"), "the hint")
    page.keyboard.press("Space")
    hint.wait_for(state="visible")

    notebook.cell(ids.index("hand-in"))
    page.keyboard.press("Shift+Enter")
    points = int(re.search(r"\*(\d+) points?", notebook.stored.cells[index - 1].source)[1])
    shown("hand-in").get_by_text(f"{points} of").wait_for()
    assert bar.get_attribute("value") == str(points)
    for theme in THEMES:
        notebook.look(theme)


def write_cell(notebook: Notebook, index: int, source: str) -> None:
    """Put other code into a cell, as if it were pasted."""
    cell = notebook.cell(index)
    notebook.page.keyboard.press("Enter")  # into the cell
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.insert_text(source)
    assert cell.locator(".cm-content").inner_text().split() == source.split()

"""The explorers: their numbers against PyTorch's, and each in a page from the disk in Chromium, moved by keyboard.

A still picture is drawn anew with ``EXPLORER_STILLS=1 pytest tests/test_explorers.py -k still``, which is needed after
a change of its script.
"""

import io
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from conftest import ROOT
from ipywidgets import Checkbox, Dropdown, FloatSlider, IntSlider
from PIL import Image, PngImagePlugin

from course_tools.execute import store_outputs
from course_tools.notebooks import read_notebook
from course_tools.pages import make_slides, write_page
from lecture_utils import explore, explorers, quiz, subplots

SHOTS = os.environ.get("EXPLORER_SCREENSHOTS")  # a folder, to look at them yourself
FOLDER = Path(explorers.__file__).parent
PICTURE = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
MOONS = torch.rand(60, 2, generator=torch.Generator().manual_seed(1))
X = torch.linspace(-6, 6, 50)


def boundary() -> explorers.Explorer:
    across, up = torch.linspace(0, 1, 50), torch.linspace(0, 1, 40)
    border = {
        name: [((across + i / 30 > up[:, None] ** n).float(), i / 20) for i in range(20)]
        for n, name in enumerate(("with ReLU", "without ReLU"), 1)
    }
    return explorers.decision_boundary(border, MOONS, (MOONS[:, 0] > 0.5).long(), across, up)


def curves() -> explorers.Explorer:
    snapshots = {epoch: (X[10:].sin() * epoch / 20, X.sin() * epoch / 30) for epoch in (1, 5, 10, 15, 20)}
    return explorers.generated_curves(X, X.sin(), snapshots, trained=35)


def written() -> explorers.Explorer:
    texts = {heat: f"The network at {heat}\nwrites <letters> & more" for heat in (0.2, 0.5, 0.8, 1.1, 1.4)}
    return explorers.temperature("The ", "abcdefghijklmno p\n<", torch.linspace(3, -3, 19), texts)


def draw_line(slope: int):
    figure, ax = subplots(alt=f"A line of slope {slope}.", figsize=(4, 2.5))
    ax.plot([0, 1], [0, slope])
    return figure


STILL = {  # those whose still picture lies beside the script
    "learning_rate": explorers.learning_rate,
    "valley": explorers.valley,
    "secant": explorers.secant,
    "backward_steps": explorers.backward_steps,
    "broadcasting": explorers.broadcasting,
    "reduction": explorers.reduction,
    "strides": explorers.strides,
    "warps": explorers.warps,
    "convolution": explorers.convolution,
    "padding_and_stride": explorers.padding_and_stride,
    "memory": explorers.memory,
    "gates": explorers.gates,
}
WITH_DATA = {
    "augmentation": lambda: explorers.augmentation(PICTURE),
    "decision_boundary": boundary,
    "generated_curves": curves,
    "temperature": written,
    "frames": lambda: explore(
        draw_line, frames=True, slope=IntSlider(1, min=-2, max=2, description="slope of the line")
    ),
}
MADE = STILL | WITH_DATA
NAMES = list(MADE)
SCHEMES = {"light": "color: #222; background: #fff", "dark": "color: #eee; background: #111"}
every = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def show(chromium, tmp_path):
    """A function that opens outputs in one page from the disk; a request, an error or a warning fails the test."""
    contexts, bad = [], []

    def open_page(*outputs: str, scheme: str = "light", **options):
        path = tmp_path / "page.html"
        body = "\n".join(f"<section>{output}</section>" for output in outputs)
        path.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title>'
            f'<body style="{SCHEMES[scheme]}"><main><h1>Page</h1>{body}</main></body></html>',
            encoding="utf-8",
        )
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url == path.as_uri() or r.url.startswith("data:") or bad.append(r.url))
        page.on("pageerror", lambda error: bad.append(str(error)))
        page.on("console", lambda m: m.type in ("error", "warning") and bad.append(m.text))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not bad


@pytest.fixture(scope="module")
def compute(chromium):
    """A function that evaluates an expression with what a script defines."""
    page = chromium.new_page()
    yield lambda name, expression: page.evaluate(
        "([script, expression]) => new Function(`${script}; return (${expression});`)()",
        [explorers.script_of(name), expression],
    )
    page.close()


# --- the numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.5, 1.0, 1.05])
def test_the_path_down_the_parabola_is_that_of_sgd(compute, rate):
    x, path = torch.tensor(10.0, dtype=torch.float64, requires_grad=True), [10.0]
    optimizer = torch.optim.SGD([x], lr=rate)
    for _ in range(10):
        optimizer.zero_grad()
        (x**2).backward()
        optimizer.step()
        path.append(x.item())
    assert compute("learning_rate", f"descend({rate}, 10)") == pytest.approx(path, abs=1e-9)


@pytest.mark.parametrize(("name", "rate"), [("SGD", 0.019), ("SGD with momentum", 0.01), ("Adam", 0.5)])
def test_the_walk_through_the_valley_is_that_of_the_optimizer(compute, name, rate):
    place = torch.tensor([-9.0, 1.0], dtype=torch.float64, requires_grad=True)
    make = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}.get(name)
    optimizer = make([place], lr=rate) if make else torch.optim.SGD([place], lr=rate, momentum=0.9)
    path = [place.tolist()]
    for _ in range(30):
        optimizer.zero_grad()
        ((place[0] ** 2 + 100 * place[1] ** 2) / 2).backward()
        optimizer.step()
        path.append(place.tolist())
    ours = compute("valley", f"walk({name!r}, {rate}, 30)")
    assert ours == [pytest.approx(there, abs=1e-9) for there in path]


@pytest.mark.parametrize(("x", "h"), [(2, 1), (2, 0.02), (-1.5, 0.5)])
def test_the_slope_of_a_secant_closes_in_on_the_gradient(compute, x, h):
    place = torch.tensor(float(x), dtype=torch.float64, requires_grad=True)
    (place**2).backward()
    assert compute("secant", f"slope({x}, {h})") == pytest.approx(place.grad.item() + h)  # of x²: 2x + h


@pytest.mark.parametrize("a", [-3, -0.5, 0, 1, 2.5])
def test_the_way_back_is_that_of_autograd(compute, a):
    tensors = {"a": torch.tensor(float(a), dtype=torch.float64, requires_grad=True)}
    tensors["b"] = 2 * tensors["a"] + 1
    tensors["c"] = tensors["b"] ** 2
    tensors["s"] = tensors["c"] + 2
    tensors["d"] = tensors["c"] / tensors["s"]
    gradients = torch.autograd.grad(tensors["d"], list(tensors.values()))
    ours = compute("backward_steps", f"walk({a})")
    assert ours["values"] == pytest.approx({name: tensor.item() for name, tensor in tensors.items()})
    last = {name: gradient.item() for name, gradient in zip(tensors, gradients, strict=True)}
    assert ours["steps"][-1]["grads"] == pytest.approx(last)


SHAPES = [
    ((4, 1), (3,)),
    ((3,), (3, 1)),
    ((2, 3, 4), (3, 1)),
    ((), (2, 2)),
    ((5,), (1,)),
    ((2, 1, 3), (4, 1)),
    ((0,), (1,)),
]


@pytest.mark.parametrize(("a", "b"), [*SHAPES, ((4,), (3,)), ((2, 3), (2,)), ((2, 3), (3, 2)), ((2, 0), (2, 2))])
def test_shapes_are_broadcast_as_by_torch(compute, a, b):
    lengths = compute("broadcasting", f"align({list(a)}, {list(b)}).map((column) => column.length)")
    try:
        full = torch.broadcast_shapes(a, b)
    except RuntimeError:
        assert None in lengths
        return
    assert tuple(lengths) == full
    for shape in (a, b):
        numbers = compute("broadcasting", f"stretched({list(shape)}, {list(full)}, (i) => i).map(([number]) => number)")
        ours = torch.arange(torch.Size(shape).numel()).reshape(shape).expand(full)
        assert numbers == ours.flatten().tolist()
        copies = compute(
            "broadcasting", f"stretched({list(shape)}, {list(full)}, (i) => i).filter(([, copy]) => !copy)"
        )
        assert len(copies) == (ours.unique().numel())


@pytest.mark.parametrize(
    ("text", "shape"), [("(4, 1)", [4, 1]), ("3,", [3]), ("()", []), ("2 3", [2, 3]), ("a", None), ("1.5", None)]
)
def test_shapes_are_read(compute, text, shape):
    assert compute("broadcasting", f"parse({text!r})") == shape


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_the_reductions_are_those_of_torch(compute, dim):
    cube = torch.arange(24.0).reshape(compute("reduction", "SHAPE"))
    for kind, theirs in (("sum", cube.sum(dim)), ("mean", cube.mean(dim)), ("max", cube.amax(dim))):
        assert compute("reduction", f"reduced({dim}, {kind!r})") == pytest.approx(theirs.flatten().tolist())
    assert compute("reduction", f"groups([2, 3, 4], {dim})")[-1][-1] == 23


def test_parts_of_a_tensor_lie_in_memory_as_those_of_torch(compute):
    choices = itertools.product(compute("strides", "Object.keys(FIRST)"), compute("strides", "Object.keys(THEN)"))
    kinds = []
    for first, then in choices:
        x = torch.arange(12).reshape(3, 4)
        ours = compute(
            "strides",
            f"((t) => t && {{...t, places: places(t), inOrder: isContiguous(t)}})(made({first!r}, {then!r}))",
        )
        try:
            theirs = eval(first + then.replace("nothing more", ""), {"x": x})
        except RuntimeError:
            kinds.append("refused")
            assert ours is None, (first, then)
            continue
        own = theirs.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
        kinds.append("copy" if own else "view")
        storage = torch.as_strided(theirs, (theirs.untyped_storage().nbytes() // 8,), (1,), 0).tolist()
        said = (ours["shape"], ours["strides"], ours["offset"], ours["inOrder"], ours["copied"])
        true = (list(theirs.shape), list(theirs.stride()), theirs.storage_offset(), theirs.is_contiguous())
        assert said == (*true, storage if own else None), (first, then)
        assert [storage[place] for place in ours["places"]] == theirs.flatten().tolist(), (first, then)
    assert kinds.count("copy") == 8 and kinds.count("refused") == 2


@pytest.mark.parametrize(("threads", "t"), [(128, 48), (128, 64), (100, 1), (33, 32), (1, 128), (256, 2)])
def test_the_ways_of_each_warp_are_those_of_its_threads(compute, threads, t):
    thread = torch.arange(threads)
    for condition, says in (("thread < t", thread < t), ("thread % t == 0", thread % t == 0)):
        theirs = [len(warp.unique()) for warp in says.split(32)]
        assert compute("warps", f"ways({threads}, {condition!r}, {t})") == theirs


def test_the_convolution_is_that_of_torch(compute):
    picture, kernel = torch.randn(6, 5), torch.randn(3, 2)
    ours = compute("convolution", f"convolve({picture.tolist()}, {kernel.tolist()})")
    theirs = torch.nn.functional.conv2d(picture[None, None], kernel[None, None])[0, 0]
    assert torch.allclose(torch.tensor(ours), theirs, atol=1e-5)


def test_sizes_of_outputs_are_those_of_torch(compute):
    for n, k, p, s in itertools.product((4, 5, 12), (1, 2, 5), (0, 1, 3), (1, 2, 3)):
        size = compute("padding_and_stride", f"outputSize({n}, {k}, {p}, {s})")
        if size == 0:
            with pytest.raises(RuntimeError):
                torch.nn.functional.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), padding=p, stride=s)
        else:
            output = torch.nn.functional.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), padding=p, stride=s)
            assert output.shape[-1] == size, (n, k, p, s)


@pytest.mark.parametrize(("factor", "pulse"), [(0.9, 1), (-1.2, 0.5), (2, -1.5)])
def test_the_recurrent_neuron_is_that_of_torch(compute, factor, pulse):
    rnn = torch.nn.RNN(1, 1, bias=False)
    with torch.no_grad():
        rnn.weight_ih_l0.fill_(1)
        rnn.weight_hh_l0.fill_(factor)
        states, _ = rnn(torch.tensor([[float(pulse)], *[[0.0]] * 10]))
    assert compute("memory", f"run({factor}, {pulse}, 10, true)") == pytest.approx(states.flatten().tolist(), abs=1e-6)


def logit(value: float) -> float:
    return torch.tensor(float(value)).logit().item()


@pytest.mark.parametrize(("forget", "write", "show"), [(0.9, 0, 1), (0.5, 0.3, 0.7), (1, 1, 0.2)])
def test_the_gates_of_an_lstm_are_those_of_torch(compute, forget, write, show):
    cell, inputs = torch.nn.LSTMCell(1, 1), compute("gates", "INPUTS")
    h = c = torch.zeros(1, 1)
    ours = compute("gates", f"lstm(INPUTS, {forget}, {write}, {show}).map(({{ c, h }}) => [c, h])")
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.weight_ih[2] = 1  # the candidate is tanh of the input
        for t, x in enumerate(inputs):
            gates = [logit(1 if t == 3 else write), logit(forget), 0, logit(show)]  # order: i, f, g, o
            cell.bias_ih.copy_(torch.tensor(gates))
            h, c = cell(torch.tensor([[x]]), (h, c))
            assert ours[t] == pytest.approx([c.item(), h.item()], abs=1e-6)


@pytest.mark.parametrize(("keep", "reset"), [(0.9, 0), (0.4, 1), (1, 0.5)])
def test_the_gates_of_a_gru_are_those_of_torch(compute, keep, reset):
    cell, inputs, h = torch.nn.GRUCell(1, 1), compute("gates", "INPUTS"), torch.zeros(1, 1)
    ours = compute("gates", f"gru(INPUTS, {keep}, {reset}).map(({{ h }}) => h)")
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.weight_ih[2] = cell.weight_hh[2] = 1
        for t, x in enumerate(inputs):
            cell.bias_ih.copy_(torch.tensor([logit(reset), logit(0 if t == 3 else keep), 0]))  # order: r, z, n
            h = cell(torch.tensor([[x]]), h)
            assert ours[t] == pytest.approx(h.item(), abs=1e-6)


@pytest.mark.parametrize("heat", [0.1, 0.7, 1.0, 1.5])
def test_the_chances_of_the_next_letter_are_those_of_softmax(compute, heat):
    scores = 4 * torch.randn(30, dtype=torch.float64)
    ours = compute("temperature", f"chances({scores.tolist()}, {heat})")
    assert ours == pytest.approx((scores / heat).softmax(dim=0).tolist(), abs=1e-9)


# --- in the page ---------------------------------------------------------------------------------


def html_of(name: str) -> str:
    return MADE[name]()._repr_html_()


def seen(page, number: int = 0) -> str:
    """Everything that an explorer shows but its style and the state of its controls."""
    stage = page.locator(".stage").nth(number)
    stage.wait_for()
    drawn = stage.evaluate("e => e.innerHTML + [...e.querySelectorAll('canvas')].map((c) => c.toDataURL())")
    return drawn + page.locator("p[role=status]").nth(number).inner_text()


@every
def test_each_control_is_named_in_words_and_moved_by_keyboard(show, name):
    page = show(html_of(name), '<button id="after">after</button>')
    page.locator(".box").wait_for()
    moved = []
    while page.keyboard.press("Tab") or page.evaluate("document.activeElement.id") != "after":
        control = page.evaluate_handle("document.activeElement.shadowRoot.activeElement").as_element()
        kind = control.evaluate("e => e.type")
        words = control.evaluate("e => e.ariaLabel ?? (e.closest('label') ?? e).textContent")
        assert re.search(r"[a-zA-Z]{3,}", words), words
        before = seen(page)
        moved.append(kind)
        if kind == "button":
            page.keyboard.press("Enter")
            page.wait_for_function(
                "before => document.querySelector('[data-explorer]').shadowRoot.querySelector('p').textContent"
                " !== before",
                arg=page.locator("p[role=status]").inner_text(),
            )
            page.keyboard.press("Enter")
            continue
        elif kind == "range":
            at_end = control.evaluate("e => Number(e.value) >= Number(e.max)")
            forth, back = ("ArrowLeft", "ArrowRight") if at_end else ("ArrowRight", "ArrowLeft")
            for _ in range(3):
                page.keyboard.press(forth)
        elif kind == "text":
            page.keyboard.press("End")
            page.keyboard.press("Backspace")
            page.keyboard.press("2")
        elif kind == "number":
            page.keyboard.press("ArrowUp")
        else:
            page.keyboard.press({"checkbox": "Space", "select-one": "ArrowDown"}[kind])
        assert seen(page) != before, f"{words}: nothing changed"
        if kind == "range":  # away from its end, where other controls may do nothing
            page.keyboard.press(back)
    assert len(moved) >= 2


@every
def test_keys_stay_with_the_explorer(show, name):
    page = show(html_of(name))
    page.evaluate("document.addEventListener('keydown', (e) => { window.heard = (window.heard ?? '') + e.key; })")
    page.keyboard.press("Tab")
    for key in ("ArrowRight", "ArrowLeft", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("window.heard") == "TabTab" or page.evaluate("window.heard") == "Tab"


@every
def test_two_on_a_page_do_not_disturb_each_other(show, name):
    page = show(html_of(name), html_of(name))
    first, second = seen(page, 0), seen(page, 1)
    assert first == second and page.locator(".box").count() == 2
    page.locator(".controls").nth(1).locator("input, select").first.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Backspace", "2", "ArrowDown"):
        page.keyboard.press(key)
    assert seen(page, 1) != second and seen(page, 0) == first


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1280, 640, 400], ids=["wide", "at 200 %", "narrow"])
def test_all_fit_and_axe_finds_nothing(show, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = show(*map(html_of, NAMES), scheme=scheme, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for name, box in zip(NAMES, page.locator(".box").all(), strict=True):
        box.wait_for()
        if SHOTS:
            box.screenshot(path=Path(SHOTS) / f"{name}-{scheme}-{width}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    letters = page.locator(".stage :is(text, td, caption)").evaluate_all(
        "all => all.map((e) => parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM?.().a ?? 1))"
    )
    assert len(letters) > 100 and min(letters) >= 11
    violations = Axe().run(page).response["violations"]
    assert not violations, [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations]


@every
def test_less_motion_means_one_step_a_press(show, name):
    page = show(html_of(name), reduced_motion="reduce")
    page.locator(".box").wait_for()
    for button in page.locator(".controls button").all():
        assert "next step" in button.inner_text()
        button.click()
        once = seen(page)
        page.wait_for_timeout(900)
        assert seen(page) == once
        button.click()
        assert seen(page) != once


def test_a_curve_says_where_the_training_data_end(show):
    page = show(explorers.generated_curves(X, X.sin(), {1: (X.sin(), X.sin())}, trained=35)._repr_html_())
    x = page.locator(".stage svg [stroke-dasharray]").evaluate("e => e.getAttribute('d')")
    dots = page.locator(".stage svg circle").evaluate_all("all => all.map((e) => Number(e.getAttribute('cx')))")
    assert dots[34] < float(x[1:].split()[0]) < dots[35]
    page = show(explorers.generated_curves(X, X.sin(), {1: (X.sin(), X.sin())})._repr_html_())
    assert page.locator(".stage svg .grid").count() and page.locator(".stage svg [stroke-dasharray]").count() == 0


# --- where no script runs --------------------------------------------------------------------------


@every
def test_without_scripts_a_still_picture_is_shown(show, name):
    page = show(html_of(name), java_script_enabled=False)
    still = page.get_by_role("img")
    assert still.count() == 1 and still.get_attribute("alt") == str(MADE[name]())
    assert still.bounding_box()["width"] > 200 and page.locator(".box").count() == 0


def state_of(name: str) -> str:
    """What a still picture depends on."""
    return re.search(r'data-explorer="([^"]+)"', explorers.live(name, ""))[1]


def draw_still(chromium, name: str) -> None:
    page = chromium.new_page(viewport={"width": 700, "height": 900}, device_scale_factor=2)
    page.set_content(f'<body style="{SCHEMES["light"]}">{explorers.live(name, "")}</body>')
    page.locator(".box").wait_for()
    shot = Image.open(io.BytesIO(page.locator(".box").screenshot())).quantize(32)
    info = PngImagePlugin.PngInfo()
    info.add_text("state", state_of(name))
    shot.save(FOLDER / f"{name}.png", pnginfo=info, optimize=True)
    page.close()


@pytest.mark.parametrize("name", STILL)
def test_the_still_picture_is_that_of_this_script(chromium, name):
    if os.environ.get("EXPLORER_STILLS"):
        draw_still(chromium, name)
    assert Image.open(FOLDER / f"{name}.png").text["state"] == state_of(name), "draw it anew: EXPLORER_STILLS=1"


@every
def test_a_script_is_small_and_asks_for_nothing(name):
    script = explorers.script_of(name)
    assert len(html_of(name)) < 100_000
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|import|eval)\b *\(|https?:", script)
    assert "</script" not in script and html_of(name) == html_of(name)


# --- an author's own figure, and questions ---------------------------------------------------------


def test_frames_show_what_each_position_draws(show):
    def draw(k, scale, bends):
        return subplots(alt=f"k = {k}, {scale}, {bends}", figsize=(2, 1.5))[0]

    sliders = {
        "k": FloatSlider(0.5, min=0, max=1, step=0.25),
        "scale": Dropdown(options=["log", "linear"], value="linear"),
    }
    page = show(explore(draw, frames=True, **sliders, bends=Checkbox(True, description="with bends"))._repr_html_())
    status = page.get_by_role("status")
    assert status.inner_text() == "k = 0.5, linear, True"
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    assert status.inner_text() == "k = 0.75, linear, True" == page.locator(".stage img").get_attribute("alt")
    page.locator("select").select_option("log")
    page.locator("input[type=checkbox]").uncheck()
    assert status.inner_text() == "k = 0.75, log, False"


def test_too_many_frames_are_refused():
    with pytest.raises(ValueError, match=r"^121 frames \(11 x 11\), at most 120: give the sliders larger steps"):
        explore(draw_line, frames=True, slope=IntSlider(0, min=0, max=10), k=IntSlider(0, min=0, max=10))


def test_a_question_is_answered_by_keyboard(show):
    page = show(
        quiz("Is it `x < 1`?", {(4, 3): "One.", "`a < b`": "Two: no.", 7: "Three."}, answer=(4, 3))._repr_html_()
    )
    group = page.get_by_role("group", name="Is it x < 1?")
    assert group.get_by_role("radio").count() == 3 and not page.locator("details").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_role("status").inner_text() == "Right. One."
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("status").inner_text() == "No. Two: no."
    assert page.locator("code").first.inner_text() == "x < 1"


def test_a_storage_lights_up_in_the_order_of_reading(show):
    page = show(html_of("strides"))
    first, then = page.locator("select").all()
    tables = page.locator(".stage table")
    turns = lambda n: tables.nth(n).locator("tr").nth(1).locator("td").all_inner_texts()  # noqa: E731
    assert turns(0) == [f"{n}." for n in (1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12)]  # x.T at first
    page.locator("input[type=range]").fill("2")
    assert turns(0) == ["1.", "", "", "", "2.", *[""] * 7]
    assert tables.nth(0).locator("td.chosen").inner_text() == tables.nth(1).locator("td.chosen").inner_text() == "4"
    assert page.get_by_role("status").inner_text().endswith("Number 2, at [0, 1], lies in place 0 + 0·1 + 1·4 = 4.")
    then.select_option(".reshape(-1)")  # a copy has a storage of its own, and nothing of x is read
    assert tables.count() == 3 and set(turns(0)) == {""} and turns(1) == [f"{n}." for n in range(1, 13)]
    assert "a copy: it shares nothing with x" in page.get_by_role("status").inner_text()
    first.select_option("x[:, ::2]")
    assert tables.count() == 2 and "a view" in page.get_by_role("status").inner_text()
    first.select_option("x.T")
    then.select_option(".view(-1)")
    assert "x.T.view(-1) is refused with a RuntimeError" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_picture_arrives_as_it_is(show, dtype):
    image = (PICTURE * 255).round()
    page = show(explorers.augmentation(image.byte() if dtype == torch.uint8 else image / 255)._repr_html_())
    page.locator(".box").wait_for()
    drawn = page.locator("canvas").first.evaluate(
        "e => [...e.getContext('2d').getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 < 3)"
    )
    assert drawn == image.permute(1, 2, 0).flatten().tolist()


# --- the same stored output everywhere -------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """One notebook, run and stored, as an exported page, a deck and a page of the book."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "lectures").mkdir()
    notebook = folder / "lectures" / "sample.ipynb"
    sources = [
        'profile = "quick"\nseed = 0',
        "from lecture_utils import explorers\nexplorers.learning_rate()",
        "explorers.convolution()",
        "from lecture_utils import quiz\nquiz('Six?', {6: 'Two threes.', 7: 'Odd.'}, answer=2 * 3)",
    ]
    cells = [nbformat.v4.new_code_cell(source, metadata={"slideshow": {"slide_type": "slide"}}) for source in sources]
    cells[0].metadata.tags = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A page"), *cells]), notebook)
    store_outputs(notebook)
    write_page(read_notebook(notebook), notebook, folder / "page")
    shutil.copytree(ROOT / "book", folder / "book")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "index.md").write_text("# Front\n\n```{toctree}\nlectures/sample\n```\n")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "-b", "html", "-c", "book", ".", "build"]
    subprocess.run(command, cwd=folder, check=True)
    return {
        "page": folder / "page" / "sample.html",
        "deck": make_slides(notebook, folder / "slides"),
        "book": folder / "build" / "lectures" / "sample.html",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["page", "deck", "book"])
def test_the_stored_output_lives_without_a_kernel(chromium, published, where, scheme):
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    page, bad = context.new_page(), []
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or bad.append(r.url))
    page.on("pageerror", lambda error: bad.append(str(error)))
    page.on("console", lambda m: m.type in ("error", "warning") and bad.append(m.text))
    page.goto(published[where].as_uri())
    page.wait_for_function("document.querySelectorAll('[data-explorer]').length == 3")
    for number in range(2):
        if where == "deck":
            page.wait_for_function("window.Reveal && Reveal.isReady()")
            page.evaluate(f"Reveal.slide({number + 2})")
        box = page.locator(".box").nth(number)
        before = box.locator("p").inner_text()
        box.locator("input[type=range]").first.focus()
        page.keyboard.press("ArrowLeft")
        assert box.locator("p").inner_text() != before
        ink, paper = box.evaluate(
            """(e) => {
              const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
              let ground = e.getRootNode().host;
              const paper = () => numbers(getComputedStyle(ground ?? document.body).backgroundColor);
              while (ground && paper()[3] === 0) ground = ground.parentElement;
              return [numbers(getComputedStyle(e).color), ground ? paper() : [255, 255, 255]];
            }"""
        )
        assert abs(sum(ink[:3]) - sum(paper[:3])) > 400, "its letters stand out"
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"in-{where}-{number}-{scheme}.png")
        if where == "deck":
            assert page.evaluate("Reveal.getIndices().h") == number + 2, "the deck did not move"
            bounds = box.bounding_box()
            assert bounds["x"] + bounds["width"] <= 1280 and bounds["y"] + bounds["height"] <= 720
    if where == "deck":
        page.evaluate("Reveal.slide(4)")
    page.get_by_role("radio").first.check()
    assert page.locator("p[role=status]").last.inner_text() == "Right. Two threes."
    context.close()
    assert not bad

// What all explorers share. An explorer's own file exports `render(ui, data)`; Python puts both into one script.

const STYLE = `
:host { display: block; max-width: 46rem; margin: 8px 0; }
.box {
  --blue: color-mix(in srgb, #0072B2 80%, currentColor); --vermilion: color-mix(in srgb, #D55E00 80%, currentColor);
  --line: color-mix(in srgb, currentColor 60%, transparent);
  --soft: color-mix(in srgb, currentColor 9%, transparent);
  --pale-blue: color-mix(in srgb, #0072B2 20%, transparent);
  --pale-vermilion: color-mix(in srgb, #D55E00 20%, transparent);
  font: 15px/1.4 system-ui, "Noto Sans CJK JP", "Noto Sans JP", "Hiragino Sans", "Yu Gothic", sans-serif;
  text-align: left; letter-spacing: 0; white-space: normal; accent-color: var(--blue); padding: 0 5px;
}
.controls { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: 4px 24px;
  align-items: end; margin-bottom: 8px; }
.stage { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: flex-start; }
.stage > svg { max-width: 100%; }
label { display: block; }
label[hidden] { display: none; }
label > span { display: flex; justify-content: space-between; gap: 8px; }
b { font-weight: normal; font-variant-numeric: tabular-nums; }
input, select, button { font: inherit; color: inherit; }
input[type=range] { width: 100%; margin: 4px 0; }
input[type=checkbox] { width: 18px; height: 18px; vertical-align: -3px; }
input[type=text], input[type=number], select, button {
  box-sizing: border-box; background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: 4px 10px; }
input[type=text], select { width: 100%; }
option { color: #222; background: #fff; }
button { cursor: pointer; justify-self: start; min-width: 9em; }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
p { margin: 8px 0 0; min-height: 2.8em; }
svg { display: block; overflow: visible; }
text { fill: currentColor; font-size: 13px; }
text.end { text-anchor: end; } text.middle { text-anchor: middle; }
.axis, .grid { stroke: var(--line); fill: none; } .grid { stroke-opacity: 0.3; }
.curve { fill: none; stroke: var(--line); stroke-width: 2; }
.blue-line { fill: none; stroke: var(--blue); stroke-width: 2; }
.vermilion-line { fill: none; stroke: var(--vermilion); stroke-width: 2; stroke-dasharray: 7 4; }
.blue { fill: var(--blue); } .vermilion { fill: var(--vermilion); }
.ink { fill: currentColor; }
table { border-collapse: collapse; }
caption { text-align: left; padding-bottom: 4px; white-space: nowrap; }
td, th { width: var(--cell, 32px); height: var(--cell, 32px); padding: 0; box-sizing: border-box; text-align: center;
  border: 1px solid var(--line); font-size: 13px; font-variant-numeric: tabular-nums; font-weight: normal; }
td input { background: none; text-align: center; }
input::-webkit-inner-spin-button { appearance: none; }
td.faint { background: var(--soft); } td.copy { border-style: dashed; opacity: 0.75; }
td.under { background: var(--pale-blue); box-shadow: inset 0 0 0 2px var(--blue); }
td.chosen { background: var(--pale-vermilion); box-shadow: inset 0 0 0 3px var(--vermilion); font-weight: bold; }
@media print { .controls { display: none; } }
`;

export const format = (value, digits = 2) => {
  const text = Math.abs(value) >= 1e6 ? value.toExponential(1) : value.toFixed(digits);
  return text.replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");
};

export const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// Bytes of base64 text; with `packed`, of data that zlib has packed.
export async function bytes(text, packed = false) {
  const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (!packed) return data;
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The explorer's frame in a shadow tree, which the page's own styles and keys do not reach.
export function frame(host, title) {
  const root = host.attachShadow({ mode: "open" });
  if (host.closest(".reveal")) host.style.zoom = 1.3; // on a slide, which is read from afar
  root.innerHTML = `<style>${STYLE}</style><div class="box" role="group" aria-label="${escape(title)}">
    <div class="controls"></div><div class="stage"></div><p role="status"></p></div>`;
  const [controls, stage, status] = [".controls", ".stage", "p"].map((name) => root.querySelector(name));
  const ui = { root, stage, draw: () => {} };

  // Arrow keys and the like are for the controls here: a notebook or a deck must not move.
  root.addEventListener("keydown", (event) => {
    const forPage = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    if (!forPage && !["Tab", "Escape"].includes(event.key)) event.stopPropagation();
  });
  let lastWidth = null;
  new ResizeObserver(() => {
    if (stage.clientWidth !== lastWidth) ui.draw();
    lastWidth = stage.clientWidth;
  }).observe(stage);

  const add = (html) => {
    controls.insertAdjacentHTML("beforeend", html);
    return controls.lastElementChild;
  };
  ui.width = () => Math.max(stage.clientWidth || 600, 240);
  // The sentence under the picture, which a screen reader also says when it changes; it is the picture's name, too.
  ui.say = (text) => {
    if (status.textContent !== text) status.textContent = text;
    for (const picture of stage.querySelectorAll("svg, canvas")) picture.setAttribute("aria-label", text);
  };
  ui.slider = (label, { min, max, step = 1, value, text = String }) => {
    const line = add(`<label><span>${escape(label)}<b aria-hidden="true"></b></span>
      <input type="range" min="${min}" max="${max}" step="${step}" value="${value}"></label>`);
    const [number, input] = [line.querySelector("b"), line.querySelector("input")];
    const slider = { input, line };
    const show = () => {
      number.textContent = text(Number(input.value));
      input.setAttribute("aria-valuetext", number.textContent);
    };
    Object.defineProperty(slider, "value", {
      get: () => Number(input.value),
      set: (to) => { input.value = to; show(); },
    });
    slider.limit = (newMax) => { input.max = newMax; show(); };
    input.addEventListener("input", () => { show(); ui.draw(); });
    show();
    return slider;
  };
  ui.checkbox = (label, checked) => {
    const input = add(`<label><input type="checkbox" ${checked ? "checked" : ""}> ${escape(label)}</label>`)
      .querySelector("input");
    input.addEventListener("input", () => ui.draw());
    return { get value() { return input.checked; } };
  };
  ui.choice = (label, options) => {
    const items = options.map((option) => `<option>${escape(option)}</option>`).join("");
    const select = add(`<label><span>${escape(label)}</span><select>${items}</select></label>`).querySelector("select");
    select.addEventListener("input", () => ui.draw());
    return { get value() { return select.value; }, get index() { return select.selectedIndex; },
      set index(number) { select.selectedIndex = number; }, select };
  };
  ui.text = (label, value) => {
    const input = add(`<label><span>${escape(label)}</span>
      <input type="text" value="${escape(value)}" spellcheck="false" autocomplete="off"></label>`).querySelector("input");
    input.addEventListener("input", () => ui.draw());
    return { get value() { return input.value; } };
  };
  // A button that moves a slider from one end to the other; one step a press for readers who want less motion.
  ui.play = (label, slider, { interval = 400, by = Number(slider.input.step), back = false } = {}) => {
    const button = add(`<button type="button">${escape(label)}</button>`);
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const ends = () => (back ? [slider.input.max, slider.input.min] : [slider.input.min, slider.input.max]).map(Number);
    let timer = null;
    const name = () => { button.textContent = timer ? "Stop" : calm.matches ? `${label}: next step` : label; };
    const stop = () => { clearInterval(timer); timer = null; status.removeAttribute("aria-live"); name(); };
    const goTo = (value) => { slider.value = value; ui.draw(); };
    const step = () => goTo(back ? Math.max(slider.value - by, ends()[1]) : Math.min(slider.value + by, ends()[1]));
    button.onclick = () => {
      if (timer) return stop();
      if (calm.matches) return slider.value === ends()[1] ? goTo(ends()[0]) : step();
      status.setAttribute("aria-live", "off"); // a screen reader hears the end, not each step
      goTo(ends()[0]);
      timer = setInterval(() => {
        step();
        if (slider.value !== ends()[1] && button.isConnected) return;
        stop();
        ui.say(`${status.textContent} `); // now it is said
      }, interval);
      name();
    };
    slider.input.addEventListener("input", () => timer && stop());
    calm.addEventListener("change", name);
    name();
    return button;
  };
  return ui;
}

// A picture of the stage's width, in which one unit is one pixel, so that its letters keep their size.
export function picture(ui, { height, label = "" }) {
  ui.stage.insertAdjacentHTML("beforeend", `<svg role="img" aria-label="${escape(label)}"></svg>`);
  const svg = ui.stage.lastElementChild;
  return (paint) => {
    const width = ui.width();
    const high = Math.round(Math.min(height, Math.max(width * 0.6, 180)));
    svg.setAttribute("viewBox", `0 0 ${width} ${high}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", high);
    svg.innerHTML = paint(width, high);
  };
}

// Axes of a plot: X and Y turn numbers into pixels, `lines` are the axes themselves with round numbers beside them.
export function axes(width, height, [left, right], [low, high], { x = "", y = "", digits = null } = {}) {
  const box = { left: 52, right: width - 12, top: y ? 22 : 10, bottom: height - 40 };
  const X = (value) => box.left + ((value - left) / (right - left)) * (box.right - box.left);
  const Y = (value) => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);
  const step = (span, count) => {
    const raw = span / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].find((m) => m * power >= raw) * power;
  };
  const ticks = (from, to, by) => {
    const found = [];
    for (let i = Math.ceil(from / by - 1e-9); i * by <= to + by * 1e-9; i++) found.push(i * by);
    return found;
  };
  const places = (by) => Math.max(0, -Math.floor(Math.log10(by) + 1e-9));
  const [byX, byY] = [step(right - left, width / 70), step(high - low, height / 45)];
  const lines = [
    ...ticks(low, high, byY).map((v) => `<path class="grid" d="M${box.left} ${Y(v)}H${box.right}"/>
      <text class="end" x="${box.left - 6}" y="${Y(v) + 4}">${format(v, digits ?? places(byY))}</text>`),
    ...ticks(left, right, byX).map((v) => `<path class="axis" d="M${X(v)} ${box.bottom}v5"/>
      <text class="middle" x="${X(v)}" y="${box.bottom + 18}">${format(v, places(byX))}</text>`),
    `<path class="axis" d="M${box.left} ${box.top}V${box.bottom}H${box.right}"/>`,
    `<text class="end" x="${box.right}" y="${height - 4}">${x}</text><text x="2" y="12">${y}</text>`,
  ].join("");
  return { X, Y, lines, box };
}

export const line = (points, kind) =>
  `<polyline class="${kind}" points="${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")}"/>`;

// A table of numbers; cell(row, column) is [text, class of the cell].
export function grid(rows, columns, caption, cell, size = 32) {
  const row = (r) => Array.from({ length: columns }, (_, c) => {
    const [text, kind = ""] = cell(r, c);
    return `<td class="${kind}" data-at="${r * columns + c}">${text}</td>`;
  }).join("");
  const body = Array.from({ length: rows }, (_, r) => `<tr>${row(r)}</tr>`).join("");
  return `<table style="--cell:${size}px"><caption>${caption}</caption><tbody>${body}</tbody></table>`;
}

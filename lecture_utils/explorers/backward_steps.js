// The graph of d = c / (c + 2), c = b², b = 2a + 1 with its numbers: backward() step by step, from right to left.
import { format, frame, picture } from "./common.js";

const short = (value) => format(value, 4).replace(/\.?0+$/, "");

// The values for an input a, and the steps of the way back: which slope is multiplied, and the gradients so far.
export function walk(a) {
  const b = 2 * a + 1;
  const c = b * b;
  const s = c + 2;
  const values = { a, b, c, s, d: c / s };
  const edges = [["d", "c", 1 / s], ["d", "s", -c / (s * s)], ["s", "c", 1], ["c", "b", 2 * b], ["b", "a", 2]];
  const steps = [{ grads: {} }, { to: "d", grads: { d: 1 } }];
  for (const [from, to, slope] of edges) {
    const grads = steps.at(-1).grads;
    const before = grads[to];
    const passed = slope * grads[from];
    steps.push({ from, to, slope, passed, before, grads: { ...grads, [to]: (before ?? 0) + passed } });
  }
  return { values, edges, steps };
}

const NAMES = { a: "a", b: "b = 2a + 1", c: "c = b²", s: "c + 2", d: "d = c/(c+2)" };
const PLACES = { a: [0, 1], b: [1, 1], c: [2, 1], s: [3, 0], d: [4, 1] };

export function render(host) {
  const ui = frame(host, "backward() step by step");
  const step = ui.slider("step of backward", { min: 0, max: 6, value: 6, text: (v) => `${v} of 6` });
  const input = ui.slider("input a", { min: -3, max: 3, step: 0.5, value: 1, text: (v) => format(v, 1) });
  ui.play("Walk backwards", step, { interval: 1800 });
  const paint = picture(ui, { height: 240 });

  ui.draw = () => {
    const { values, edges, steps } = walk(input.value);
    const now = steps[step.value];
    paint((width, height) => {
      const column = width / 5;
      const [wide, high] = [Math.min(column - 14, 104), 58];
      const at = (name) => [(PLACES[name][0] + 0.5) * column, PLACES[name][1] ? height - high / 2 - 26 : high / 2 + 4];
      const arrow = ([to, from, slope]) => { // drawn in the direction of the data, from `from` to `to`
        const [[x0, y0], [x1, y1]] = [at(from), at(to)];
        const active = now.from === to && now.to === from;
        const [start, end] = [[x0 + wide / 2, y0], [x1 - wide / 2, y1]];
        const turn = (Math.atan2(end[1] - start[1], end[0] - start[0]) * 180) / Math.PI;
        const passedBy = steps.slice(2, step.value + 1).some((s) => s.from === to && s.to === from);
        let [tx, ty, kind] = [(start[0] + end[0]) / 2, y0 - high / 2 - 7, "middle"];
        if (to === "s") [tx, ty, kind] = [x1 - wide / 2 - 8, y1 + 4, "end"];
        if (from === "s") [tx, ty, kind] = [x0 + wide / 2 + 8, y0 + 4, ""];
        if (from === "c" && to === "d") ty = y0 + 18;
        const label = passedBy ? `<text class="${kind}" x="${tx}" y="${ty}">× ${short(slope)}</text>` : "";
        return `<path class="${active ? "vermilion-line" : "curve"}" d="M${start}L${end}"/>
          <path class="${active ? "vermilion" : "ink"}" d="M0 0l-8 -4v8z"
            transform="translate(${end}) rotate(${turn})"/>${label}`;
      };
      const box = (name) => {
        const [x, y] = at(name);
        const grad = now.grads[name];
        const size = Math.min(13, Math.max(11, wide / 6));
        const row = (text, dy, more = "") =>
          `<text class="middle" style="font-size:${size}px;${more}" x="${x}" y="${y + dy}">${text}</text>`;
        return `<rect x="${x - wide / 2}" y="${y - high / 2}" width="${wide}" height="${high}" rx="${name === "a" ? 14 : 3}"
            style="fill: var(--${now.to === name ? "pale-vermilion" : "soft"}); stroke: var(--line)"/>
          ${row(width < 480 && name === "d" ? "d" : width < 480 && name === "b" ? "b" : NAMES[name], -14)}
          ${row(short(values[name]), 4)}
          ${row(grad === undefined ? "–" : short(grad), 21, "font-weight:bold")}`;
      };
      return `${edges.map(arrow).join("")}${Object.keys(NAMES).map(box).join("")}
        <text x="2" y="${height - 4}">in each box: value, and below it the gradient (勾配)</text>`;
    });
    const name = (key) => (key === "s" ? "c + 2" : key);
    if (step.value === 0) ui.say("The values are known; the way back has not begun. Nothing has a gradient yet.");
    else if (step.value === 1) ui.say("The way back begins at the result: dd/dd = 1.");
    else {
      const { from, to, slope, passed, before, grads } = now;
      const sent = `${name(from)} multiplies its gradient by the local slope ${short(slope)} `
        + `and hands ${short(passed)} to ${name(to)}.`;
      if (before === undefined) return ui.say(sent);
      ui.say(`${sent} ${short(before)} was there already: two gradients meet, and they are added (足し合わせる), `
        + `which gives ${short(grads[to])}.`);
    }
  };
  ui.draw();
}

// A narrow valley, f(x, y) = (x² + 100y²) / 2: SGD, momentum and Adam walk down from the same place.
import { axes, format, frame, line, picture } from "./common.js";

const START = [-9, 1];
const RATES = [0.002, 0.005, 0.01, 0.015, 0.019, 0.02, 0.03, 0.1, 0.2, 0.3, 0.5, 1];
const STEPS = 60;
export const loss = ([x, y]) => (x * x + 100 * y * y) / 2;

// What one step adds to the place, from the slope g; m and v remember the past.
const MOVES = {
  "SGD": (state, i, g) => g,
  "SGD with momentum": ({ m }, i, g) => (m[i] = 0.9 * m[i] + g),
  "Adam": ({ m, v, t }, i, g) => {
    m[i] = 0.9 * m[i] + 0.1 * g;
    v[i] = 0.999 * v[i] + 0.001 * g * g;
    return m[i] / (1 - 0.9 ** t) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8);
  },
};

export function walk(optimizer, rate, steps) {
  const path = [START];
  const state = { m: [0, 0], v: [0, 0], t: 0 };
  while (path.length <= steps) {
    const [x, y] = path.at(-1);
    state.t += 1;
    path.push([x - rate * MOVES[optimizer](state, 0, x), y - rate * MOVES[optimizer](state, 1, 100 * y)]);
  }
  return path;
}

export function render(host) {
  const ui = frame(host, "Three optimizers in a narrow valley");
  const optimizer = ui.choice("optimizer (オプティマイザ)", Object.keys(MOVES));
  const rate = ui.slider("learning rate η (学習率)", { min: 0, max: RATES.length - 1, value: 4, text: (i) => RATES[i] });
  const steps = ui.slider("steps shown", { min: 0, max: STEPS, value: STEPS });
  ui.play("Play the steps", steps, { interval: 120 });
  const paint = picture(ui, { height: 280 });

  ui.draw = () => {
    const path = walk(optimizer.value, RATES[rate.value], steps.value);
    const outside = path.findIndex(([x, y]) => Math.abs(x) > 10 || Math.abs(y) > 1.3);
    const shown = outside < 0 ? path : path.slice(0, outside);
    paint((width, height) => {
      const { X, Y, lines } = axes(width, height, [-10, 10], [-1.3, 1.3], { x: "x", y: "y" });
      const rings = [1, 4, 10, 20, 32, 46].map((level) => `<ellipse class="axis" stroke-opacity="0.5" cx="${X(0)}"
        cy="${Y(0)}" rx="${X(Math.sqrt(2 * level)) - X(0)}" ry="${Y(0) - Y(Math.sqrt(2 * level) / 10)}"/>`);
      const places = shown.map(([x, y]) => [X(x), Y(y)]);
      const dots = places.map(([x, y], i) => i === 0
        ? `<rect class="ink" x="${x - 5}" y="${y - 5}" width="10" height="10"/>`
        : `<circle class="blue" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${i === places.length - 1 ? 5 : 2.5}"/>`);
      return lines + rings.join("") + line(places, "blue-line") + dots.join("");
    });
    const count = `${steps.value} ${steps.value === 1 ? "step" : "steps"}`;
    const [x, y] = path.at(-1);
    const crossings = path.filter(([, y], i) => i && y * path[i - 1][1] < 0).length;
    ui.say(`${optimizer.value} with η = ${RATES[rate.value]}: ` + (outside < 0
      ? `after ${count} x = ${format(x)}, y = ${format(y)} and f(x, y) = ${format(loss([x, y]), 3)}. The path has crossed `
        + `the valley's floor ${crossings} ${crossings === 1 ? "time" : "times"}.`
      : `step ${outside} of ${steps.value} leaves the picture.`));
  };
  ui.draw();
}

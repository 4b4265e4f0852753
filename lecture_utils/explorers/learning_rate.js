// Gradient descent on f(x) = x², from x = 10: what the learning rate does.
import { axes, format, frame, line, picture } from "./common.js";

export function descend(rate, steps, x = 10) {
  const path = [x];
  for (let i = 0; i < steps; i++) path.push(path[i] - rate * 2 * path[i]); // the slope of x² is 2x
  return path;
}

function verdict(factor) {
  if (Math.abs(factor) < 1e-9) return "It lands at the bottom in one step.";
  if (Math.abs(factor + 1) < 1e-9) return "It jumps forever between 10 and −10.";
  if (factor < -1) return "It overshoots (行き過ぎる), and each step lands higher: it diverges (発散).";
  if (factor < 0) return "It jumps across the valley at every step, and still comes down.";
  return factor > 0.9 ? "It crawls." : "It slides down on one side.";
}

export function render(host) {
  const ui = frame(host, "Gradient descent with different learning rates");
  const rate = ui.slider("learning rate η (学習率)", {
    min: 0.01, max: 1.05, step: 0.01, value: 0.9, text: (v) => v.toFixed(2) });
  const steps = ui.slider("steps shown", { min: 0, max: 10, value: 10 });
  ui.play("Play the steps", steps);
  const paint = picture(ui, { height: 260 });

  ui.draw = () => {
    const path = descend(rate.value, 10);
    const side = 1.1 * Math.max(11, ...path.map(Math.abs));
    const shown = path.slice(0, steps.value + 1);
    paint((width, height) => {
      const { X, Y, lines } = axes(width, height, [-side, side], [0, side ** 2], { x: "x", y: "f(x) = x²" });
      const curve = Array.from({ length: 121 }, (_, i) => side * (i / 60 - 1)).map((x) => [X(x), Y(x * x)]);
      const places = shown.map((x) => [X(x), Y(x * x)]);
      const dots = places.map(([x, y], i) => i === 0
        ? `<rect class="ink" x="${x - 5}" y="${y - 5}" width="10" height="10"/>`
        : `<circle class="blue" cx="${x}" cy="${y}" r="${i === places.length - 1 ? 6 : 4}"/>`);
      return lines + line(curve, "curve") + line(places, "blue-line") + dots.join("");
    });
    const factor = 1 - 2 * rate.value;
    const x = shown.at(-1);
    ui.say(`η = ${format(rate.value)}: each step multiplies x by 1 − 2η = ${format(factor)}. ${verdict(factor)} After `
      + `${steps.value} ${steps.value === 1 ? "step" : "steps"} x = ${format(x)} and f(x) = ${format(x * x)}.`);
  };
  ui.draw();
}

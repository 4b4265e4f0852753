// A secant of f(x) = x² turns into the tangent as the step h shrinks.
import { axes, format, frame, line, picture } from "./common.js";

const f = (x) => x * x;

// At most four decimals, and no zeros at the end: exact for the places and steps of the sliders.
const short = (value) => format(value, 4).replace(/\.?0+$/, "");

export const slope = (x, h) => (f(x + h) - f(x)) / h;

export function render(host) {
  const ui = frame(host, "From a secant to the tangent");
  const step = ui.slider("step h", { min: 0.02, max: 2, step: 0.02, value: 2, text: (v) => v.toFixed(2) });
  const place = ui.slider("place x", { min: -2, max: 2, step: 0.5, value: 2, text: (v) => format(v, 1) });
  ui.play("Shrink the step", step, { by: 0.06, interval: 150, back: true });
  const paint = picture(ui, { height: 280 });

  ui.draw = () => {
    const [x, h] = [place.value, step.value];
    paint((width, height) => {
      const { X, Y, lines, box } = axes(width, height, [-2.6, 4.2], [-5, 18], { x: "x", y: "f(x) = x²" });
      const curve = Array.from({ length: 103 }, (_, i) => -2.6 + i / 15).map((v) => [X(v), Y(f(v))]);
      const straight = (m, kind) => line([-2.6, 4.2].map((v) => [X(v), Y(f(x) + m * (v - x))]), kind);
      const corner = `M${X(x)} ${Y(f(x))}H${X(x + h)}V${Y(f(x + h))}`;
      return `<clipPath id="inside"><rect x="${box.left}" y="${box.top}" width="${box.right - box.left}"
          height="${box.bottom - box.top}"/></clipPath>${lines}<g clip-path="url(#inside)">${line(curve, "curve")}
        ${straight(2 * x, "vermilion-line")}${straight(slope(x, h), "blue-line")}<path class="axis" d="${corner}"/>
        <rect class="ink" x="${X(x) - 5}" y="${Y(f(x)) - 5}" width="10" height="10"/>
        <circle class="blue" cx="${X(x + h)}" cy="${Y(f(x + h))}" r="5"/></g>
        <path class="blue-line" d="M${box.left + 10} 34h30"/><text x="${box.left + 46}" y="38">secant (割線)</text>
        <path class="vermilion-line" d="M${box.left + 10} 54h30"/><text x="${box.left + 46}" y="58">tangent (接線)</text>`;
    });
    const change = short(f(x + h) - f(x));
    ui.say(`One step of h = ${short(h)} from x = ${short(x)} changes f(x) by ${change}: the secant has slope `
      + `${change} / ${short(h)} = ${short(slope(x, h))}. The tangent has slope 2x = ${short(2 * x)}, `
      + `which is the derivative (微分). The two slopes differ by ${short(h)}.`);
  };
  ui.draw();
}

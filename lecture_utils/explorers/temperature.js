// A network that writes: what the temperature does to the chances of the next letter, and to the text.
import { axes, escape, format, frame, picture } from "./common.js";

const BARS = 12; // of the letters, the most likely ones

// The softmax of the scores, divided by the temperature.
export function chances(scores, temperature) {
  const highest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp((score - highest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

const named = (letter) => ({ " ": "space", "\n": "new line" })[letter] ?? letter;
const short = (letter) => ({ " ": "␣", "\n": "↵" })[letter] ?? letter;

export function render(host, { start, letters, scores, temperatures, texts, chosen }) {
  const ui = frame(host, "A network that writes");
  const at = ui.slider("temperature (温度)", {
    min: 0, max: temperatures.length - 1, value: chosen, text: (i) => format(temperatures[i], 1),
  });
  ui.play("From cold to hot", at, { interval: 1500 });
  const paint = picture(ui, { height: 190 });
  const written = document.createElement("div");
  written.style.cssText = "width:100%;min-height:7.5em;white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,monospace;"
    + "background:var(--soft);border-radius:4px;padding:8px 12px;box-sizing:border-box";
  ui.stage.append(written);
  const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]).slice(0, BARS);

  ui.draw = () => {
    const temperature = temperatures[at.value];
    const shares = chances(scores, temperature);
    paint((width, height) => {
      const { X, Y, lines, box } = axes(width, height, [0, BARS], [0, 1], { y: `chance of the next letter after “${escape(start)}”` });
      const half = (X(1) - X(0)) * 0.36;
      const bars = order.map((i, k) => `<path class="blue" d="M${X(k + 0.5) - half} ${Y(0)}V${Y(shares[i])}h${2 * half}V${Y(0)}z"/>
        <text class="middle" x="${X(k + 0.5)}" y="${box.bottom + 18}">${escape(short(letters[i]))}</text>`).join("");
      // the letters take the place of the numbers under the axis
      return lines.replace(/<text class="middle".*?<\/text>/gs, "") + bars;
    });
    written.textContent = texts[at.value];
    ui.say(`Temperature ${format(temperature, 1)}: the most likely letter after “${start}” is “${named(letters[order[0]])}” with `
      + `${format(100 * shares[order[0]], 0)} %, the next “${named(letters[order[1]])}” with ${format(100 * shares[order[1]], 0)} %.`);
  };
  ui.draw();
}

// Gates of an LSTM and of a GRU, opened and closed by hand, for one neuron: what stays of a value from step 3?
import { axes, format, frame, line, picture } from "./common.js";

const STEPS = 24;
const EVENT = 3; // here a value comes in that is worth keeping
export const INPUTS = Array.from({ length: STEPS }, (_, t) => (t === EVENT ? 1.5 : [0.3, -0.5, 0.2, 0.6, -0.4][t % 5]));

// The memory cell c and the hidden state h after each step. The candidate is tanh of the input.
export function lstm(inputs, forget, input, output) {
  let c = 0;
  return inputs.map((x, t) => {
    c = forget * c + (t === EVENT ? 1 : input) * Math.tanh(x);
    return { c, h: output * Math.tanh(c) };
  });
}

// The candidate is tanh of the input and of the part of the old state that the reset gate lets through.
export function gru(inputs, update, reset) {
  let h = 0;
  return inputs.map((x, t) => {
    const keep = t === EVENT ? 0 : update;
    h = (1 - keep) * Math.tanh(x + reset * h) + keep * h;
    return { h };
  });
}

export function render(host) {
  const ui = frame(host, "Gates of an LSTM and a GRU");
  const gate = (label, value, step = 0.05) => ui.slider(label, { min: 0, max: 1, step, value, text: (v) => v.toFixed(2) });
  const kind = ui.choice("layer", ["LSTM", "GRU"]);
  const steps = ui.slider("steps shown", { min: 0, max: STEPS - 1, value: STEPS - 1 });
  const forget = gate("forget gate f (忘却ゲート)", 0.9, 0.01);
  const input = gate("input gate i after step 3 (入力ゲート)", 0);
  const output = gate("output gate o (出力ゲート)", 1);
  const update = gate("update gate z after step 3 (更新ゲート)", 0.9, 0.01);
  const reset = gate("reset gate r (リセットゲート)", 0);
  ui.play("Play the steps", steps, { interval: 250 });
  const paint = picture(ui, { height: 230 });

  ui.draw = () => {
    const isLstm = kind.value === "LSTM";
    for (const slider of [forget, input, output]) slider.line.hidden = !isLstm;
    for (const slider of [update, reset]) slider.line.hidden = isLstm;
    const states = isLstm ? lstm(INPUTS, forget.value, input.value, output.value) : gru(INPUTS, update.value, reset.value);
    const shown = states.slice(0, steps.value + 1);
    const high = 1.1 * Math.max(1.5, ...states.map(({ c = 0, h }) => Math.max(Math.abs(c), Math.abs(h))));
    paint((width, height) => {
      const { X, Y, lines, box } = axes(width, height, [0, STEPS - 1], [-high, high], { x: "step", y: " ", digits: 1 });
      const bars = INPUTS.slice(0, shown.length).map((x, t) => `<path class="curve" d="M${X(t)} ${Y(0)}V${Y(x)}"/>`);
      const entry = (at, name, text) => `<path class="${name}" d="M${box.left + at} 6h26"/>
        <text x="${box.left + at + 32}" y="10">${text}</text>`;
      const curve = (name, key) => line(shown.map((state, t) => [X(t), Y(state[key])]), name);
      return `${lines}<path class="axis" d="M${X(0)} ${Y(0)}H${X(STEPS - 1)}"/>${bars.join("")}
        ${isLstm ? curve("blue-line", "c") : ""}${curve("vermilion-line", "h")}
        ${entry(4, "curve", "input x")}${isLstm ? entry(102, "blue-line", "cell c") : ""}${entry(194, "vermilion-line", "state h")}`;
    });
    const written = Math.tanh(INPUTS[EVENT]);
    const last = shown.at(-1);
    const factor = isLstm ? forget.value : update.value;
    const kept = steps.value < EVENT ? null : written * factor ** (steps.value - EVENT);
    const words = isLstm
      ? `Each step keeps ${format(100 * factor, 0)} % of the memory cell (記憶セル) and adds ${format(input.value)} times the candidate.`
      : `Each step keeps ${format(100 * factor, 0)} % of the state and takes ${format(100 - 100 * factor, 0)} % from the candidate.`;
    ui.say(`${words} At step ${steps.value} ${isLstm ? `c = ${format(last.c)}, ` : ""}h = ${format(last.h)}`
      + (kept === null ? "." : `; ${kept === written ? "all" : format(kept)} of the ${format(written)} that step ${EVENT} wrote is left.`));
  };
  ui.draw();
}

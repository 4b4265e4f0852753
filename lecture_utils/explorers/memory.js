// One recurrent neuron reads a pulse and then zeros: how long does it remember?
import { axes, format, frame, line, picture } from "./common.js";

export function run(factor, pulse, steps, withTanh) {
  const bend = withTanh ? Math.tanh : (value) => value;
  const states = [bend(pulse)];
  for (let i = 0; i < steps; i++) states.push(bend(factor * states[i]));
  return states;
}

function verdict(factor, withTanh, states) {
  const size = Math.abs(factor);
  const last = format(states.at(-1));
  if (size < 1) {
    const half = states.findIndex((h) => Math.abs(h) < Math.abs(states[0]) / 2);
    return `The memory fades${factor < 0 ? " and changes its sign at each step" : ""}: `
      + (half > 0 ? `at step ${half} less than half of the first state is left.` : "more than half of the first state is left.");
  }
  if (!withTanh) return size === 1 ? "Nothing is ever lost." : "The state explodes, as gradients can (勾配爆発).";
  if (size === 1) return "It fades, but slowly: only tanh makes it smaller.";
  return factor > 0
    ? `A switch: the state settles at ${last}. It keeps the sign of the pulse and forgets its size.`
    : "The state flips from one value to its opposite forever.";
}

export function render(host) {
  const ui = frame(host, "What one recurrent neuron remembers");
  const factor = ui.slider("recurrent weight U", { min: -1.5, max: 2, step: 0.1, value: 0.9, text: (v) => format(v, 1) });
  const pulse = ui.slider("pulse at step 0", { min: -1.5, max: 1.5, step: 0.1, value: 1, text: (v) => format(v, 1) });
  const steps = ui.slider("steps shown", { min: 0, max: 24, value: 24 });
  const bent = ui.checkbox("with tanh", true);
  ui.play("Play the steps", steps, { interval: 250 });
  const paint = picture(ui, { height: 230 });

  ui.draw = () => {
    const states = run(factor.value, pulse.value, 24, bent.value);
    const shown = states.slice(0, steps.value + 1);
    const high = 1.1 * Math.max(1, ...states.map(Math.abs));
    paint((width, height) => {
      const { X, Y, lines } = axes(width, height, [0, 24], [-high, high], { x: "step", y: "hidden state h (隠れ状態)" });
      const dots = shown.map((h, t) => `<circle class="blue" cx="${X(t)}" cy="${Y(h)}" r="4"/>`);
      return `${lines}<path class="axis" d="M${X(0)} ${Y(0)}H${X(24)}"/>`
        + line(shown.map((h, t) => [X(t), Y(h)]), "blue-line") + dots.join("");
    });
    const now = steps.value ? ` and ${format(shown.at(-1))} at step ${steps.value}` : "";
    ui.say(`U = ${format(factor.value, 1)}: the state is ${format(states[0])} at step 0${now}. `
      + `${pulse.value ? verdict(factor.value, bent.value, states) : "There is nothing to remember."}`);
  };
  ui.draw();
}

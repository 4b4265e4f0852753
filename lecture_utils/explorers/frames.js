// An author's own figure: one picture for each setting of the sliders, drawn beforehand.
import { frame } from "./common.js";

export function render(host, { controls, frames, alts, width }) {
  const ui = frame(host, "A figure with sliders");
  const inputs = controls.map(([label, values, at, isNumber]) => {
    if (typeof values[0] === "boolean") {
      const box = ui.checkbox(label, values[at]);
      return () => values.indexOf(box.value);
    }
    if (isNumber) {
      const slider = ui.slider(label, { min: 0, max: values.length - 1, value: at, text: (v) => values[v] });
      if (controls.length === 1) ui.play("Play", slider, { interval: 300 });
      return () => slider.value;
    }
    const choice = ui.choice(label, values);
    choice.index = at;
    return () => choice.index;
  });
  ui.stage.innerHTML = `<img width="${width}" style="max-width:100%;height:auto" alt="">`;
  const image = ui.stage.firstElementChild;
  ui.draw = () => {
    const number = inputs.reduce((sum, at, i) => sum * controls[i][1].length + at(), 0);
    image.src = `data:image/png;base64,${frames[number]}`;
    image.alt = alts[number];
    ui.say(alts[number]);
  };
  ui.draw();
}

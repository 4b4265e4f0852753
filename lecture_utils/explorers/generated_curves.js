// What a network makes of a curve after each epoch: the data come from the notebook.
import { axes, bytes, format, frame, line, picture } from "./common.js";

export async function render(host, { x, measured, epochs, lengths, packed, range: [low, high] }) {
  const ui = frame(host, "Curves of a network while training");
  const epoch = ui.slider("epoch (エポック)", {
    min: 0, max: epochs.length - 1, value: epochs.length - 1, text: (v) => epochs[v] });
  ui.play("Play the training", epoch, { interval: 250 });
  const paint = picture(ui, { height: 300 });
  const data = await bytes(packed);
  const size = lengths[0] + lengths[1];

  ui.draw = () => {
    const values = Array.from(data.subarray(epoch.value * size, (epoch.value + 1) * size), (v) => low + (v / 255) * (high - low));
    const [oneStep, free] = [values.slice(0, lengths[0]), values.slice(lengths[0])];
    const last = free.slice(-Math.ceil(free.length / 2));
    const swing = Math.max(...last) - Math.min(...last);
    paint((width, height) => {
      const { X, Y, lines, box } = axes(width, height, [x[0], x.at(-1)], [low, high], { x: "x", y: " ", digits: 1 });
      const curve = (list, kind) => line(list.map((v, i) => [X(x[x.length - list.length + i]), Y(v)]), kind);
      const dots = measured.map((v, i) => `<circle style="fill:var(--line)" cx="${X(x[i])}" cy="${Y(v)}" r="3"/>`);
      const entry = (at, kind, text) => `<path class="${kind}" d="M${box.left + at} 6h26"/>
        <text x="${box.left + at + 32}" y="10">${text}</text>`;
      return `${lines}${dots.join("")}${curve(oneStep, "blue-line")}${curve(free, "vermilion-line")}
        ${entry(4, "blue-line", "one step ahead")}${entry(160, "vermilion-line", "free-running")}`;
    });
    ui.say(`After ${epochs[epoch.value]} ${epochs[epoch.value] === 1 ? "epoch" : "epochs"}: in its second half the free-running `
      + `curve (自己回帰生成) rises and falls by ${format(swing, 1)}, the measurements (grey dots) by `
      + `${format(Math.max(...measured) - Math.min(...measured), 1)}.`);
  };
  ui.draw();
}

// What a network makes of a curve after each epoch: the data come from the notebook.
import { axes, bytes, format, frame, line, picture } from "./common.js";

export async function render(host, { x, measured, trained, epochs, lengths, packed, range: [low, high] }) {
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
    const half = Math.ceil(free.length / 2);
    const swing = (list) => format(Math.max(...list.slice(-half)) - Math.min(...list.slice(-half)), 1);
    paint((width, height) => {
      const { X, Y, lines, box } = axes(width, height, [x[0], x.at(-1)], [low, high], { x: "x", y: " ", digits: 1 });
      const curve = (list, kind) => line(list.map((v, i) => [X(x[x.length - list.length + i]), Y(v)]), kind);
      const dots = measured.map((v, i) => `<circle style="fill:var(--line)" cx="${X(x[i])}" cy="${Y(v)}" r="3"/>`);
      const entry = (at, kind, text) => `<path class="${kind}" d="M${box.left + at} 6h26"/>
        <text x="${box.left + at + 32}" y="10">${text}</text>`;
      const at = trained && X((x[trained - 1] + x[trained]) / 2);
      const border = trained ? `<path class="axis" stroke-dasharray="5 4" d="M${at} ${box.top}V${box.bottom}"/>
        <text class="end" x="${at - 6}" y="${box.bottom - 6}">training data</text>
        <text x="${at + 6}" y="${box.bottom - 6}">future</text>` : "";
      // In a narrow picture there is no room for it, and the line of text below says what the dots are.
      const dotted = `<circle style="fill:var(--line)" cx="${box.left + 286}" cy="6" r="3"/>
        <text x="${box.left + 296}" y="10">measured</text>`;
      return `${lines}${border}${dots.join("")}${curve(oneStep, "blue-line")}${curve(free, "vermilion-line")}
        ${entry(4, "blue-line", "one step ahead")}${entry(150, "vermilion-line", "free-running")}${width > 460 ? dotted : ""}`;
    });
    ui.say(`After ${epochs[epoch.value]} ${epochs[epoch.value] === 1 ? "epoch" : "epochs"}: over the last ${half} steps the `
      + `free-running curve (自己回帰生成) rises and falls by ${swing(free)}, the measurements (grey dots) by ${swing(measured)}.`);
  };
  ui.draw();
}

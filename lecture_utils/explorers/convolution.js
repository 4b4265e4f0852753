// A kernel of 3 x 3 goes over a picture of 6 x 6: products and their sum at each place.
import { format, frame, grid } from "./common.js";

const PICTURES = {
  "zeros left, ones right": (r, c) => Number(c > 2),
  "zeros above, ones below": (r) => Number(r > 2),
  "a slope": (r, c) => c,
  "a cross": (r, c) => Number(r === 2 || c === 3),
  "one bright pixel": (r, c) => 5 * Number(r === 2 && c === 2),
};
const KERNELS = {
  "left-right edges": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
  "up-down edges": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
  "outline": [0, -1, 0, -1, 4, -1, 0, -1, 0],
  "blur": [0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1],
  "own numbers": null,
};
const short = (value) => format(value, 2).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

// Rows of numbers, and a kernel as rows of numbers.
export function convolve(picture, kernel) {
  const [height, width] = [picture.length - kernel.length + 1, picture[0].length - kernel[0].length + 1];
  return Array.from({ length: height }, (_, r) => Array.from({ length: width }, (_, c) =>
    kernel.reduce((sum, weights, i) => sum + weights.reduce((s, w, j) => s + w * picture[r + i][c + j], 0), 0)));
}

export function render(host) {
  const ui = frame(host, "Convolution by hand");
  const picture = ui.choice("picture", Object.keys(PICTURES));
  const kernel = ui.choice("kernel (カーネル), also called filter", Object.keys(KERNELS));
  const place = ui.slider("place of the kernel", {
    min: 0, max: 15, value: 1, text: (v) => `row ${Math.floor(v / 4)}, column ${v % 4}` });
  ui.play("Slide the kernel", place, { interval: 500 });
  ui.stage.innerHTML = `<div></div><div></div><div></div>`;
  const [input, middle, output] = ui.stage.children;
  middle.innerHTML = grid(3, 3, "kernel", (r, c) => [`<input type="number" step="any" value="0"
    aria-label="weight in row ${r}, column ${c} of the kernel"
    style="width:100%;height:100%;padding:0;border:0;appearance:textfield">`], 42);
  const weights = [...middle.querySelectorAll("input")];
  const fill = () => KERNELS[kernel.value]?.forEach((w, i) => { weights[i].value = w; });

  ui.draw = () => {
    const pixels = Array.from({ length: 6 }, (_, r) => Array.from({ length: 6 }, (_, c) => PICTURES[picture.value](r, c)));
    const table = [0, 3, 6].map((i) => weights.slice(i, i + 3).map((field) => Number(field.value)));
    const map = convolve(pixels, table);
    const [row, column] = [Math.floor(place.value / 4), place.value % 4];
    const inside = (r, c) => r >= row && r < row + 3 && c >= column && c < column + 3;
    const kind = (value) => (value === 0 ? "faint" : "");
    input.innerHTML = grid(6, 6, "picture", (r, c) => [pixels[r][c], inside(r, c) ? "under" : kind(pixels[r][c])]);
    output.innerHTML = grid(4, 4, "feature map (特徴マップ)", (r, c) =>
      [short(map[r][c]), r === row && c === column ? "chosen" : kind(map[r][c])], 42);
    const terms = table.flatMap((line, i) => line.map((w, j) => {
      const [weight, pixel] = [short(w), pixels[row + i][column + j]];
      return `${weight.startsWith("−") ? `(${weight})` : weight}·${pixel}`;
    }));
    ui.say(`Convolution (畳み込み), row ${row}, column ${column}: ${terms.join(" + ")} = ${short(map[row][column])}.`);
  };
  weights.forEach((field) => field.addEventListener("input", () => {
    kernel.index = Object.keys(KERNELS).length - 1;
    ui.draw();
  }));
  kernel.select.addEventListener("input", () => { fill(); ui.draw(); });
  // The place under the pointer, in the feature map or in the picture.
  const follow = (table, columns, offset) => table.addEventListener("pointerover", (event) => {
    const at = Number(event.target.closest("td")?.dataset.at ?? NaN);
    if (Number.isNaN(at)) return;
    const [r, c] = [Math.floor(at / columns) - offset, (at % columns) - offset].map((v) => Math.min(Math.max(v, 0), 3));
    place.value = 4 * r + c;
    ui.draw();
  });
  follow(output, 4, 0);
  follow(input, 6, 1);
  fill();
  ui.draw();
}

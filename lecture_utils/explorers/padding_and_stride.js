// Where the kernel stands for each place of the output, with padding and stride.
import { frame, grid } from "./common.js";

export const outputSize = (n, kernel, padding, stride) =>
  Math.max(Math.floor((n + 2 * padding - kernel) / stride) + 1, 0);

export function render(host) {
  const ui = frame(host, "Padding, stride and the size of the output");
  const input = ui.slider("input size n", { min: 4, max: 10, value: 6 });
  const kernel = ui.slider("kernel size k (カーネル)", { min: 1, max: 5, value: 3 });
  const padding = ui.slider("padding p (パディング)", { min: 0, max: 2, value: 1 });
  const stride = ui.slider("stride s (ストライド)", { min: 1, max: 3, value: 2 });
  const size = () => outputSize(input.value, kernel.value, padding.value, stride.value);
  const place = ui.slider("place in the output", {
    min: 0, max: 8, value: 1, text: (v) => (size() ? `row ${Math.floor(v / size())}, column ${v % size()}` : "none") });
  ui.play("Slide the kernel", place, { interval: 350 });
  const shown = document.createElement("div");
  shown.style.cssText = "display:flex;flex-wrap:wrap;gap:8px 24px;align-items:flex-start";
  ui.stage.append(shown);

  ui.draw = () => {
    const [n, k, p, s, m] = [input.value, kernel.value, padding.value, stride.value, size()];
    const whole = n + 2 * p;
    place.limit(Math.max(m * m - 1, 0));
    const [row, column] = m ? [Math.floor(place.value / m), place.value % m] : [0, 0];
    const cell = Math.floor(Math.min(32, (ui.width() - 4) / whole, 300 / whole));
    const reach = m ? (m - 1) * s + k : 0; // rows that the kernel touches; with a stride above its size, gaps between
    const read = (i) => i < reach && i % s < k;
    const under = (i, at) => m && i >= at * s && i < at * s + k;
    const framed = (i) => i < p || i >= p + n;
    shown.innerHTML = grid(whole, whole, `input ${n} × ${n}, padding ${p}`, (r, c) => [
      framed(r) || framed(c) ? "0" : read(r) && read(c) ? "" : "×",
      under(r, row) && under(c, column) ? "under" : framed(r) || framed(c) ? "faint" : "",
    ], cell) + (m ? grid(m, m, `output ${m} × ${m}`, (r, c) => ["", r === row && c === column ? "chosen" : ""], cell) : "");
    const formula = `⌊(n + 2p − k) / s⌋ + 1 = ⌊(${n} + 2 · ${p} − ${k}) / ${s}⌋ + 1`;
    if (!m) return ui.say(`The kernel of ${k} × ${k} does not fit into ${whole} × ${whole}: PyTorch raises a RuntimeError.`);
    const missed = Array.from({ length: n }, (_, i) => i + p).filter((i) => !read(i)).length;
    ui.say(`${formula} = ${m}: the output is ${m} × ${m}. Its row ${row}, column ${column} is computed from the blue cells. `
      + (missed ? `${missed} of the ${n} rows and ${missed} of the ${n} columns of the input are never read (×).` : "Every pixel of the input is read."));
  };
  shown.addEventListener("pointerover", (event) => {
    const td = event.target.closest("table:last-child td");
    if (!td || !size()) return;
    place.value = Number(td.dataset.at);
    ui.draw();
  });
  ui.draw();
}

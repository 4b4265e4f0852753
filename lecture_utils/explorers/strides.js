// Strides: a tensor of 3 x 4 numbers, parts of it, and the places of the storage in the order in which each reads them.
import { frame, grid } from "./common.js";

const COUNT = 12;
const product = (lengths) => lengths.reduce((all, length) => all * length, 1);
const contiguous = (shape) => shape.map((_, d) => product(shape.slice(d + 1)));

// A tensor without numbers of its own; `copied` holds the places of the storage of x that a copy took, in its order.
const X = { shape: [3, 4], strides: [4, 1], offset: 0, copied: null };

// The places in the storage, in the order in which the tensor is read, row by row.
export function places({ shape, strides, offset }) {
  return Array.from({ length: product(shape) }, (_, flat) =>
    offset + contiguous(shape).reduce((sum, size, d) => sum + (Math.floor(flat / size) % shape[d]) * strides[d], 0));
}

// The strides with which these places are read in another shape, or null: no view can do it.
function restrided(all, shape) {
  const strides = contiguous(shape).map((size, d) => (shape[d] > 1 ? all[size] - all[0] : size));
  const walked = places({ shape, strides, offset: all[0] });
  return walked.every((place, i) => place === all[i]) ? strides : null;
}

export const isContiguous = (tensor) => places(tensor).every((place, i) => place === tensor.offset + i);

const copy = (shape, all, { copied }) =>
  ({ shape, strides: contiguous(shape), offset: 0, copied: copied ? all.map((place) => copied[place]) : all });

function reshaped(tensor, shape) {
  const all = places(tensor);
  const strides = restrided(all, shape);
  return strides ? { ...tensor, shape, strides } : copy(shape, all, tensor);
}

// A slice of one dimension: it moves the offset and enlarges the stride.
function sliced({ shape, strides, offset, ...rest }, dim, start, step = 1) {
  const change = (list, to) => list.map((value, d) => (d === dim ? to(value) : value));
  return { ...rest, offset: offset + start * strides[dim], strides: change(strides, (stride) => stride * step),
    shape: change(shape, (length) => Math.ceil((length - start) / step)) };
}

const transposed = (t) => ({ ...t, shape: t.shape.toReversed(), strides: t.strides.toReversed() });

export const FIRST = {
  x: (t) => t,
  "x[1:]": (t) => sliced(t, 0, 1),
  "x[:, 1:]": (t) => sliced(t, 1, 1),
  "x.T": transposed,
  "x[:, ::2]": (t) => sliced(t, 1, 0, 2),
  "x[:, [0, 2]]": (t) => copy([3, 2], places(sliced(t, 1, 0, 2)), t),
  "x.reshape(2, 6)": (t) => reshaped(t, [2, 6]),
};

export const THEN = {
  "nothing more": (t) => t,
  ".T": transposed,
  "[1]": ({ shape, strides, offset, copied }) =>
    ({ shape: shape.slice(1), strides: strides.slice(1), offset: offset + strides[0], copied }),
  "[::2]": (t) => sliced(t, 0, 0, 2),
  ".reshape(-1)": (t) => reshaped(t, [product(t.shape)]),
  ".view(-1)": (t) => (restrided(places(t), [product(t.shape)]) ? reshaped(t, [product(t.shape)]) : null),
};

// The tensor that both choices make; null where PyTorch refuses.
export const made = (first, then) => THEN[then](FIRST[first](X));

const written = (list) => `(${list.join(", ")}${list.length === 1 ? "," : ""})`;

export function render(host) {
  const ui = frame(host, "A tensor and its memory");
  const first = ui.choice("a part of x", Object.keys(FIRST));
  first.index = 3; // x.T
  const then = ui.choice("and then, of that part,", Object.keys(THEN));
  const at = ui.slider("numbers read so far", { min: 1, max: COUNT, value: COUNT });
  ui.play("Read it", at, { interval: 700 });
  const shown = document.createElement("div");
  shown.style.cssText = "display:flex;flex-wrap:wrap;gap:12px 24px;align-items:flex-start;width:100%";
  ui.stage.append(shown);
  let before = null;

  ui.draw = () => {
    const name = first.value + (then.index ? then.value : "");
    const result = made(first.value, then.value);
    const tensor = result ?? FIRST[first.value](X); // what view refuses is shown as it was before
    const order = places(tensor);
    at.limit(order.length);
    if (name !== before) at.value = order.length; // a new choice is shown as a whole
    before = name;
    const turn = at.value - 1;
    const kind = (read) => (read === turn ? "chosen" : read < turn ? "under" : "");
    const size = Math.max(22, Math.min(34, Math.floor((ui.width() - 66) / COUNT)));

    // Two rows: the numbers in the storage, and under each when it is read.
    const row = (head, cells) => `<tr><th scope="row" style="width:60px">${head}</th>${cells.join("")}</tr>`;
    const storage = (numbers, caption, reads) => {
      const turns = numbers.map((_, place) => reads.indexOf(place));
      return `<table style="--cell:${size}px"><caption>${caption}</caption><tbody>
        ${row("number", numbers.map((number, place) => `<td class="${turns[place] < 0 ? "faint" : kind(turns[place])}">${number}</td>`))}
        ${row("order", turns.map((read) => `<td>${read >= 0 && read <= turn ? `${read + 1}.` : ""}</td>`))}</tbody></table>`;
    };
    const all = Array.from({ length: COUNT }, (_, place) => place);
    const { shape, strides, offset, copied } = tensor;
    const number = (flat) => (copied ? copied[order[flat]] : order[flat]);
    const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape;
    shown.innerHTML = storage(all, "the storage (ストレージ) of x", copied ? [] : order)
      + (copied ? storage(copied, "a storage of its own, for the copy", order) : "")
      + grid(rows, columns, `${result ? name : first.value}, shape ${written(shape)}`,
        (r, c) => [number(r * columns + c), kind(r * columns + c)], size);

    const numbers = `strides ${written(strides)}, offset ${offset}`;
    const indices = shape.map((length, d) => Math.floor(turn / contiguous(shape)[d]) % length);
    const walk = `Number ${turn + 1}, at [${indices.join(", ")}], lies in place ${[offset, ...indices.map((i, d) => `${i}·${strides[d]}`)].join(" + ")} = ${order[turn]}.`;
    if (!result) {
      return ui.say(`${name} is refused with a RuntimeError: no single stride leads through the places ${order.slice(0, 5).join(", ")}, …, `
        + `and view never copies; .reshape(-1) would. What ${first.value} is: ${numbers}. ${walk}`);
    }
    ui.say(`${name}: ${numbers}, ${copied ? "a copy: it shares nothing with x"
      : name === "x" ? "x itself" : "a view (ビュー) of x: no number was copied"}; `
      + `${isContiguous(tensor) ? "contiguous (メモリ上で連続)" : "not contiguous (メモリ上で連続): reading it jumps"}. ${walk}`);
  };
  ui.draw();
}

// A reduction: a cube of 2 x 3 x 4 numbers loses the dimension that is named.
import { format, frame, grid } from "./common.js";

export const SHAPE = [2, 3, 4];
const NUMBERS = Array.from({ length: 24 }, (_, i) => i);
const KINDS = {
  sum: (numbers) => numbers.reduce((total, number) => total + number, 0),
  mean: (numbers) => KINDS.sum(numbers) / numbers.length,
  max: (numbers) => Math.max(...numbers),
};

// For each number of the result, the places of the cube that are combined in it.
export function groups(shape, dim) {
  const product = (lengths) => lengths.reduce((all, length) => all * length, 1);
  const [outer, inner] = [product(shape.slice(0, dim)), product(shape.slice(dim + 1))];
  return Array.from({ length: outer * inner }, (_, at) => {
    const [o, i] = [Math.floor(at / inner), at % inner];
    return Array.from({ length: shape[dim] }, (_, k) => (o * shape[dim] + k) * inner + i);
  });
}

export const reduced = (dim, kind) => groups(SHAPE, dim).map((places) => KINDS[kind](places.map((at) => NUMBERS[at])));

const short = (number) => format(number, Number.isInteger(number) ? 0 : 1);
const written = (shape) => `(${shape.join(", ")})`;

export function render(host) {
  const ui = frame(host, "A cube loses a dimension");
  const which = ui.choice("the dimension that disappears, dim", ["dim=0, the sheets", "dim=1, the rows", "dim=2, the columns"]);
  const kind = ui.choice("what is computed (集約)", Object.keys(KINDS));
  const at = ui.slider("number of the result", { min: 0, max: 11, value: 5 });
  const keep = ui.checkbox("keepdim=True", false);
  ui.play("Walk through the result", at, { interval: 600 });
  const shown = document.createElement("div");
  shown.style.cssText = "display:flex;flex-wrap:wrap;gap:12px 24px;align-items:flex-start";
  ui.stage.append(shown);

  ui.draw = () => {
    const dim = which.index;
    const all = groups(SHAPE, dim);
    at.limit(all.length - 1);
    const places = all[at.value];
    const result = reduced(dim, kind.value);
    const [rows, columns] = SHAPE.filter((_, d) => d !== dim);
    const shape = SHAPE.flatMap((length, d) => (d === dim ? (keep.value ? [1] : []) : [length]));
    const sheet = (s) => grid(SHAPE[1], SHAPE[2], `x[${s}]`, (r, c) => {
      const place = (s * SHAPE[1] + r) * SHAPE[2] + c;
      return [NUMBERS[place], places.includes(place) ? "under" : ""];
    }, 34);
    const call = `x.${kind.value === "max" ? "amax" : kind.value}(dim=${dim}${keep.value ? ", keepdim=True" : ""})`;
    shown.innerHTML = sheet(0) + sheet(1) + grid(rows, columns, `the result, shape ${written(shape)}`, (r, c) => {
      const number = r * columns + c;
      return [short(result[number]), number === at.value ? "chosen" : ""];
    }, 42);
    const parts = places.map((place) => NUMBERS[place]);
    const how = kind.value === "max" ? `the largest of ${parts.join(", ")}`
      : kind.value === "sum" ? parts.join(" + ") : `(${parts.join(" + ")}) / ${parts.length}`;
    ui.say(`x has shape ${written(SHAPE)}, and ${call} has shape ${written(shape)}: the ${SHAPE[dim]} `
      + `${["sheets", "rows", "columns"][dim]} become one${keep.value ? ", whose 1 stays in the shape" : ""}. `
      + `The marked number is ${how} = ${short(result[at.value])}.`);
  };
  ui.draw();
}

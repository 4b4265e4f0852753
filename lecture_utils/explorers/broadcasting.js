// Broadcasting: two shapes are aligned at the right, lengths of 1 and missing ones are stretched.
import { frame, grid } from "./common.js";

// "(4, 1)" becomes [4, 1]; null if it is no shape.
export function parse(text) {
  const inside = text.trim().replace(/^[([]|[)\]]$/g, "").trim().replace(/,$/, "");
  if (inside === "") return [];
  const lengths = inside.split(/[\s,]+/).map(Number);
  return lengths.every((n) => Number.isInteger(n) && n >= 0 && n < 100) ? lengths : null;
}

// The columns of the aligned shapes, from left to right; `length` is null where they do not fit.
export function align(a, b) {
  const dims = Math.max(a.length, b.length);
  return Array.from({ length: dims }, (_, i) => {
    const [m, n] = [a[i - dims + a.length], b[i - dims + b.length]];
    const length = m === undefined ? n : n === undefined ? m : m === 1 ? n : n === 1 || m === n ? m : null;
    return { a: m, b: n, length };
  });
}

const places = (shape) => shape.reduce((product, n) => product * n, 1);

// The numbers of a tensor of this shape, stretched to `full`, row by row: [number, is it a copy?].
export function stretched(shape, full, number) {
  return Array.from({ length: places(full) }, (_, flat) => {
    let [from, size, copy] = [0, 1, false];
    for (let i = full.length - 1, rest = flat; i >= 0; rest = Math.floor(rest / full[i]), i--) {
      const at = rest % full[i];
      const own = shape[i - full.length + shape.length] ?? 1;
      if (own === 1) copy ||= at > 0;
      else { from += at * size; size *= own; }
    }
    return [number(from), copy];
  });
}

const written = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

export function render(host) {
  const ui = frame(host, "Broadcasting");
  const a = ui.text("shape of a (形状), such as 4, 1", "4, 1");
  const b = ui.text("shape of b (形状), such as 3", "3");
  const shown = document.createElement("div");
  shown.style.cssText = "display:flex;flex-wrap:wrap;gap:12px 24px;align-items:flex-start";
  ui.stage.append(shown);

  ui.draw = () => {
    const shapes = [parse(a.value), parse(b.value)];
    const wrong = shapes.findIndex((shape) => !shape || shape.length > 4);
    if (wrong >= 0) {
      shown.innerHTML = "";
      return ui.say(`The shape of ${"ab"[wrong]} should be at most four whole numbers with commas between them.`);
    }
    const columns = align(...shapes);
    const bad = columns.findIndex(({ length }) => length === null);
    const full = columns.map(({ length }) => length);
    const cell = (r, c) => {
      const { a: m, b: n, length } = columns[c];
      if (r === 2) return length === null ? ["✗", "chosen"] : [length, "under"];
      const own = [m, n][r];
      const kind = length === null ? "chosen" : own === length ? "" : "copy";
      return [own === undefined ? "–" : own === length || length === null ? own : `${own} → ${length}`, kind];
    };
    const names = ["a", "b", "a + b"];
    const rows = names.map((name, r) => `<tr><th scope="row">${name}</th>${columns.map((_, c) => {
      const [text, kind] = cell(r, c);
      return `<td class="${kind}">${text}</td>`;
    }).join("")}</tr>`).join("");
    let html = `<table style="--cell:52px"><caption>aligned at the right</caption><tbody>${rows}</tbody></table>`;
    const drawn = bad < 0 && places(full) > 0 && places(full) <= 48 && full.length < 4;
    if (drawn) {
      const [height, width] = [full.at(-2) ?? 1, full.at(-1) ?? 1];
      const size = Math.max(26, Math.min(38, (ui.width() - 8) / width));
      const numbers = [stretched(shapes[0], full, (i) => 10 * (i + 1)), stretched(shapes[1], full, (i) => i + 1)];
      numbers.push(numbers[0].map(([number], i) => [number + numbers[1][i][0], false]));
      numbers.forEach((list, which) => {
        for (let layer = 0; layer * height * width < list.length; layer++) {
          const caption = full.length === 3 ? `${names[which]}, layer ${layer}` : names[which];
          html += grid(height, width, list.some(([, copy]) => copy) ? `${caption}, stretched` : caption, (r, c) => {
            const [number, copy] = list[(layer * height + r) * width + c];
            return [number, copy ? "copy faint" : which === 2 ? "under" : ""];
          }, size);
        }
      });
    }
    shown.innerHTML = html;
    const both = `a ${written(shapes[0])} and b ${written(shapes[1])}`;
    if (bad >= 0) {
      const { a: m, b: n } = columns[bad];
      return ui.say(`${both} do not fit: dimension ${bad - columns.length}, counted from the right, has length ${m} in a and ${n} in b. `
        + "Neither is 1, so neither can be stretched: PyTorch raises a RuntimeError.");
    }
    const growing = columns.filter(({ a: m, b: n, length }) => m !== length || n !== length).length;
    if (!growing) return ui.say(`${both}: a + b has shape ${written(full)}. Nothing has to be stretched.`);
    ui.say(`${both}: a + b has shape ${written(full)} by broadcasting (ブロードキャスト). `
      + `${growing} of ${columns.length} dimensions ${growing === 1 ? "is" : "are"} stretched; `
      + `${drawn ? "dashed cells are copies that only seem" : "the copies only seem"} to exist: they use no memory.`);
  };
  ui.draw();
}

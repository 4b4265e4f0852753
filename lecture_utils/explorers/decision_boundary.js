// How networks divide a plane between two classes, epoch by epoch: the data come from the notebook.
import { axes, bytes, frame, picture } from "./common.js";

// The runs of equal bits in a row of cells: [first cell, cell after the last, bit].
export function runs(isSet, row, columns) {
  const found = [];
  for (let c = 0; c < columns; c++) {
    const bit = isSet(row * columns + c);
    if (found.length && found.at(-1)[2] === bit) found.at(-1)[1] = c + 1;
    else found.push([c, c + 1, bit]);
  }
  return found;
}

export async function render(host, { networks, shape, packed, right, points, x, y }) {
  const [epochs, rows, columns] = shape;
  const ui = frame(host, "A decision boundary while training");
  const network = ui.choice("network", networks);
  const epoch = ui.slider("epoch (エポック)", { min: 0, max: epochs - 1, value: epochs - 1 });
  ui.play("Play the training", epoch, { interval: 60 });
  const paint = picture(ui, { height: 340 });
  const bits = await bytes(packed, true);

  ui.draw = () => {
    const frameStart = (network.index * epochs + epoch.value) * rows * columns;
    const isSet = (i) => (bits[(frameStart + i) >> 3] >> (7 - ((frameStart + i) & 7))) & 1;
    paint((width, height) => {
      const { X, Y, lines, box } = axes(width, height, x, y, { x: "x", y: "y" });
      const cellWidth = (box.right - box.left) / columns;
      const edge = (row) => Math.round(box.bottom - (row * (box.bottom - box.top)) / rows); // whole: no seams between rows
      const left = (column) => (box.left + column * cellWidth).toFixed(1);
      let [areas, border] = ["", ""]; // the border is drawn, too: in grey both areas look alike
      for (let row = 0; row < rows; row++) {
        for (const [from, to, bit] of runs(isSet, row, columns)) {
          areas += `<rect style="fill:var(--pale-${bit ? "vermilion" : "blue"})" x="${left(from)}"
            y="${edge(row + 1)}" width="${((to - from) * cellWidth).toFixed(1)}" height="${edge(row) - edge(row + 1)}"/>`;
          if (from > 0) border += `M${left(from)} ${edge(row)}V${edge(row + 1)}`;
        }
        const differs = (i) => row > 0 && isSet(i) !== isSet(i - columns);
        for (const [from, to, bit] of runs(differs, row, columns)) {
          if (bit) border += `M${left(from)} ${edge(row)}H${left(to)}`;
        }
      }
      const dots = points.map(([px, py, kind]) => kind
        ? `<path class="vermilion" d="M${X(px).toFixed(1)} ${(Y(py) - 5).toFixed(1)}l5 9h-10z"/>`
        : `<circle class="blue" cx="${X(px).toFixed(1)}" cy="${Y(py).toFixed(1)}" r="4"/>`);
      return `<g shape-rendering="crispEdges">${areas}</g>${lines}<path class="curve" d="${border}"/>${dots.join("")}`;
    });
    const count = Math.round(right[network.index][epoch.value] * points.length);
    ui.say(`${network.value}, epoch ${epoch.value}: ${count} of ${points.length} points lie on their own side of the `
      + "decision boundary (決定境界), that is, circles on blue and triangles on orange.");
  };
  ui.draw();
}

// Draw or choose a picture; the network, which this page has loaded, answers in the page itself.

import * as ort from "./runtime/ort.wasm.min.mjs";
import pad from "./pad.js"; // the sheet of draw_digit()

ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send

const find = (id) => document.getElementById(id);
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1 });
const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function pixelsOf(source) {
  Object.assign(copy.canvas, { width: source.width, height: source.height }); // which also clears it
  copy.drawImage(source, 0, 0);
  return copy.getImageData(0, 0, source.width, source.height);
}

async function start() {
  const names = await (await fetch("classes.json")).json();
  const session = await ort.InferenceSession.create("model.onnx");
  const meters = names.map((name) => {
    const row = find("bars").insertRow();
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: name }));
    const meter = row.insertCell().appendChild(document.createElement("meter"));
    meter.setAttribute("aria-label", `probability of ${name}`);
    row.insertCell();
    return meter;
  });

  function show(values) {
    meters.forEach((meter, i) => {
      meter.value = values[i] ?? 0;
      meter.closest("tr").cells[2].textContent = i in values ? percent.format(values[i]) : "";
    });
  }

  async function answer(source) {
    const { data, width, height } = pixelsOf(source);
    const rgba = new ort.Tensor("uint8", new Uint8Array(data.buffer), [height, width, 4]);
    const began = performance.now();
    const { probabilities } = await session.run({ rgba });
    document.body.dataset.milliseconds = performance.now() - began;
    const values = [...probabilities.data];
    show(values);
    const best = values.indexOf(Math.max(...values));
    find("status").textContent = `Most probably: ${names[best]} (${percent.format(values[best])})`;
  }

  let turn = Promise.resolve(); // one picture after the other
  const ask = (source) => {
    turn = turn.then(async () => answer(await source())).catch((error) => {
      show([]); // not the picture before
      find("status").textContent = `This picture cannot be read: choose another one. (${error.message})`;
    });
  };

  const values = { answer: "", png: "" };
  const model = { get: (key) => values[key], set: () => {}, on: () => {} }; // stands for the kernel's side of the sheet
  model.save_changes = () => ask(() => find("pad").querySelector("canvas"));
  pad.render({ model, el: find("pad") });
  find("file").disabled = false;
  find("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    if (file) ask(() => createImageBitmap(file, { colorSpaceConversion: "none" }));
    target.value = ""; // the same file may be chosen again
  });
  find("status").textContent = "The network is here. Draw with a mouse, a finger or the arrow keys, or choose a picture.";
}

start().catch((error) => {
  find("status").textContent = `The network could not be loaded: ${error.message}`;
});

// One picture, turned, enlarged, shifted, mirrored and with a hole: does it still show the same?
import { bytes, format, frame } from "./common.js";

export async function render(host, { width, height, pixels }) {
  const ui = frame(host, "Changes of a picture");
  const turn = ui.slider("turn clockwise, in degrees", { min: -180, max: 180, step: 5, value: 20, text: (v) => format(v, 0) });
  const zoom = ui.slider("zoom", { min: 0.3, max: 2, step: 0.1, value: 1, text: (v) => `${v.toFixed(1)} times` });
  const right = ui.slider("shift to the right in pixels", { min: -12, max: 12, value: 0, text: (v) => format(v, 0) });
  const down = ui.slider("shift downwards in pixels", { min: -12, max: 12, value: 0, text: (v) => format(v, 0) });
  const hole = ui.slider("side of the hole in pixels", { min: 0, max: 24, value: 8 });
  const mirrored = ui.checkbox("mirrored", false);
  const canvas = (caption) => `<figure style="margin:0"><canvas role="img" width="${width}" height="${height}"
    style="width:min(14rem, 42vw);image-rendering:pixelated;border:1px solid var(--line)"></canvas>
    <figcaption>${caption}</figcaption></figure>`;
  ui.stage.innerHTML = canvas("as it is") + canvas("changed");
  const [before, after] = [...ui.stage.querySelectorAll("canvas")].map((one) => one.getContext("2d"));

  const rgb = await bytes(pixels);
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set([...rgb.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  before.putImageData(image, 0, 0);
  after.imageSmoothingEnabled = false;

  ui.draw = () => {
    after.resetTransform();
    after.fillStyle = "black";
    after.fillRect(0, 0, width, height);
    after.translate(width / 2 + right.value, height / 2 + down.value);
    after.scale(mirrored.value ? -zoom.value : zoom.value, zoom.value);
    after.rotate((turn.value * Math.PI) / 180);
    after.drawImage(before.canvas, -width / 2, -height / 2);
    after.resetTransform();
    const side = hole.value;
    after.fillRect(Math.floor((width - side) / 2), Math.floor((height - side) / 2), side, side);
    const [x, y] = [right.value, down.value];
    ui.say(`Data augmentation (データ拡張): the picture turned by ${format(turn.value, 0)} degrees, ${zoom.value.toFixed(1)} times as large, `
      + `${x ? `shifted ${Math.abs(x)} to the ${x < 0 ? "left" : "right"}, ` : ""}${y ? `shifted ${Math.abs(y)} ${y < 0 ? "up" : "down"}, ` : ""}`
      + `${mirrored.value ? "mirrored, " : ""}with ${side ? `a hole of ${side} × ${side} pixels` : "no hole"}.`);
  };
  ui.draw();
}

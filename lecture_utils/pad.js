// The sheet of draw_digit(): its picture goes to Python as a PNG after each stroke.

const SIZE = 280;
const STEP = 8; // of an arrow key, in pixels
const PEN = "#0072B2";

function render({ model, el }) {
  el.innerHTML = `<div style="position:relative;width:${SIZE + 2}px">
    <canvas width="${SIZE}" height="${SIZE}" tabindex="0" role="application"
      style="border:1px solid #555;touch-action:none"
      aria-label="Sheet to draw a digit on. Arrow keys move the pen, space sets it down or lifts it."></canvas>
    <div aria-hidden="true" style="position:absolute;width:20px;height:20px;margin:-10px;border:2px solid ${PEN};
      border-radius:50%;pointer-events:none;display:none"></div>
    <button type="button">Clear</button> <span role="status"></span></div>`;
  const canvas = el.querySelector("canvas");
  const pen = el.querySelector("[aria-hidden]");
  const button = el.querySelector("button");
  const status = el.querySelector("span");
  const ink = canvas.getContext("2d");
  let x = SIZE / 2;
  let y = SIZE / 2;
  let down = false;

  function clear() {
    ink.fillStyle = "white";
    ink.fillRect(0, 0, SIZE, SIZE);
  }

  function send() {
    model.set("png", canvas.toDataURL("image/png"));
    model.save_changes();
  }

  function showAnswer() {
    status.textContent = model.get("answer");
  }

  function moveTo(newX, newY) {
    newX = Math.min(SIZE, Math.max(0, newX));
    newY = Math.min(SIZE, Math.max(0, newY));
    if (down) {
      Object.assign(ink, { lineWidth: 22, lineCap: "round", strokeStyle: "#111" });
      ink.beginPath();
      ink.moveTo(x, y);
      ink.lineTo(newX, newY);
      ink.stroke();
    }
    x = newX;
    y = newY;
    Object.assign(pen.style, { left: `${x}px`, top: `${y}px`, background: down ? PEN : "none" });
  }

  function setDown() {
    down = true;
    moveTo(x, y); // a dot
  }

  function lift() {
    if (down) {
      down = false;
      moveTo(x, y);
      send();
    }
  }

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    down = false;
    moveTo(event.offsetX, event.offsetY);
    setDown();
  };
  canvas.onpointermove = (event) => {
    if (event.buttons) moveTo(event.offsetX, event.offsetY);
  };
  canvas.onpointerup = canvas.onpointercancel = lift;
  canvas.onkeydown = (event) => {
    const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    const step = steps[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault(); // the page does not scroll
    event.stopPropagation(); // and the notebook does not take the key as a command
    pen.style.display = "block";
    if (step) moveTo(x + step[0], y + step[1]);
    else if (down) lift();
    else setDown();
  };
  canvas.onblur = () => {
    lift();
    pen.style.display = "none";
  };
  button.onclick = () => {
    clear();
    send();
  };
  model.on("change:answer", showAnswer);
  clear();
  showAnswer();
  const drawnBefore = new Image(); // in another view of this sheet
  drawnBefore.onload = () => ink.drawImage(drawnBefore, 0, 0);
  drawnBefore.src = model.get("png");
}

export default { render };

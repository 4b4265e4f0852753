"use strict";

// --- two languages ---------------------------------------------------------------------------

const TEXT = {
  en: {
    busyNow: "Asking the network …",
    result: (top) => "Most probably: " + top,
    unsure: (top) => "I am not sure. Perhaps: " + top,
    penDown: "Pen down", penUp: "Pen lifted", cleared: "The drawing is empty.",
    offline: "The app does not answer: see whether it runs and the network is there, then try again.",
    unexpected: "The app could not answer. Try again.",
    noPicture: "That is no file of a picture.",
  },
  ja: {
    title: "何の画像でしょう？",
    intro: "数字を書くか、画像を選んでください。何に見えるかを、第6講で学習したネットワークが答えます。",
    draw: "手書き",
    canvas: "手書きエリア",
    keys: "マウスや指で書けます。キーボードでは、矢印キーでペンを動かし、スペースキーで下ろしたり上げたりします。Deleteキーで消します。",
    clear: "消す",
    picture: "または画像を選ぶ",
    choose: "画像を選ぶ",
    photograph: "写真を撮る",
    drop: "このページのどこかに画像をドロップしたり、貼り付けたりもできます。",
    private: "画像は保存されません。",
    answer: "答え",
    waiting: "数字を書くか、画像を選んでください。",
    seen: "ネットワークが見ている画像",
    docs: "プログラムから使う方法",
    busyNow: "ネットワークに尋ねています…",
    result: (top) => "おそらく：" + top,
    unsure: (top) => "自信がありません。もしかすると：" + top,
    penDown: "ペンを下ろしました", penUp: "ペンを上げました", cleared: "手書きを消しました。",
    offline: "アプリから応答がありません。アプリとインターネット接続を確認して、もう一度試してください。",
    unexpected: "アプリが答えられませんでした。もう一度試してください。",
    noPicture: "画像ファイルではありません。",
    // the errors of POST /predict, by their code
    empty: "ファイルが空です。画像を選び直してください。",
    not_a_picture: "読み取れる画像ではありません。JPEG、PNG、WebP、GIF、BMPのいずれかを送ってください。",
    damaged: "画像が壊れているか、途中で切れています。開いて保存し直してから送ってください。",
    too_large: "ファイルが大きすぎます。画像を小さくしてください。",
    too_many_pixels: "画素数が多すぎます。画像を小さくしてください。",
    several_files: "画像は1枚ずつ送ってください。",
    slow: "送信に時間がかかりすぎました。もう一度試すか、小さい画像を送ってください。",
    busy: "ただいま混み合っています。少し待ってからもう一度試してください。",
    broken: "ただいま画像に答えられません。アプリを再起動してください。",
    internal: "アプリの内部でエラーが起きました。もう一度試してください。",
    too_slow: "この画像は読み取りに時間がかかりすぎます。開いて保存し直してから送ってください。",
  },
};
const language = navigator.languages.map((name) => name.slice(0, 2)).find((name) => name in TEXT) ?? "en";
const text = TEXT[language];
document.documentElement.lang = language;
for (const [attribute, change] of [
  ["text", (element, words) => { element.textContent = words; }],
  ["alt", (element, words) => { element.alt = words; }],
  ["label", (element, words) => { element.setAttribute("aria-label", words); }],
]) {
  for (const element of document.querySelectorAll(`[data-${attribute}]`)) {
    const words = text[element.dataset[attribute]];
    if (words) change(element, words); // English stands in the page itself
  }
}

// --- asking, and showing the answer ----------------------------------------------------------

const find = (id) => document.getElementById(id);
const percent = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
let asked = null; // the request under way; a newer one takes its place

async function ask(picture) {
  asked?.abort();
  const mine = asked = new AbortController();
  find("error").textContent = "";
  find("status").textContent = text.busyNow;
  find("answer").setAttribute("aria-busy", "true");
  try {
    const type = picture.type.startsWith("image/") ? picture.type : "application/octet-stream";
    const answer = await fetch("predict?seen=1", {
      method: "POST", body: picture, headers: { "Content-Type": type }, signal: mine.signal,
    });
    const content = await answer.json().catch(() => ({}));
    if (mine !== asked) return;
    if (answer.ok) show(content);
    else fail(text[content.error?.code] ?? content.error?.message ?? text.unexpected);
  } catch {
    if (mine === asked) fail(text.offline);
  } finally {
    if (mine === asked) find("answer").setAttribute("aria-busy", "false");
  }
}

function show({ top, seen, unsure }) {
  find("top").replaceChildren(...top.map(({ label, probability }) => {
    const item = document.createElement("li");
    const words = document.createElement("span");
    words.className = "words";
    for (const part of [label, percent.format(probability)]) {
      words.append(Object.assign(document.createElement("span"), { textContent: part }));
    }
    item.append(words, bar(probability));
    return item;
  }));
  find("seen").src = seen;
  find("result").hidden = false;
  find("status").textContent = text[unsure ? "unsure" : "result"](
    top.map(({ label, probability }) => `${label} (${percent.format(probability)})`).join(", "));
}

function bar(share) {
  const svg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const picture = svg("svg", { class: "bar", "aria-hidden": "true" });
  picture.append(svg("rect", { width: "100%", height: "100%" }), svg("rect", { width: `${100 * share}%`, height: "100%" }));
  return picture;
}

function fail(message) {
  find("error").textContent = message;
  find("status").textContent = "";
  find("result").hidden = true;
}

// --- a picture from somewhere ----------------------------------------------------------------

for (const id of ["choose", "photograph"]) {
  find(id).addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = ""; // the same file may be chosen again
    if (file) ask(file);
  });
}

function take(event, files) {
  if (!files.length) return;
  event.preventDefault();
  ask(files[0]);
}
document.addEventListener("paste", (event) => take(event, event.clipboardData.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault(); // else the browser would open the file
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length) take(event, event.dataTransfer.files);
  else fail(text.noPicture);
});

// --- a drawing -------------------------------------------------------------------------------

const canvas = find("canvas");
const context = canvas.getContext("2d", { alpha: false });
const SIDE = canvas.width;
const SENT = 64; // pixels a side; two for each that the network sees
const STEP = SIDE / 32;
const pen = { x: SIDE / 2, y: SIDE / 2, down: false };

function clear() {
  context.fillStyle = "white";
  context.fillRect(0, 0, SIDE, SIDE);
  Object.assign(context, { strokeStyle: "black", lineWidth: SIDE / 11, lineCap: "round", lineJoin: "round" });
}
clear();

function line(from, to) {
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x + 0.01, to.y); // a line of no length at all would leave no point
  context.stroke();
}

function askDrawing() {
  const small = Object.assign(document.createElement("canvas"), { width: SENT, height: SENT });
  const reduced = small.getContext("2d", { alpha: false });
  reduced.imageSmoothingQuality = "high";
  reduced.drawImage(canvas, 0, 0, SENT, SENT);
  small.toBlob(ask, "image/png");
}

let last = null;
const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width * SIDE, y: (event.clientY - box.top) / box.height * SIDE };
};
canvas.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button) return;
  canvas.setPointerCapture(event.pointerId);
  last = place(event);
  line(last, last); // a point is a stroke too
});
canvas.addEventListener("pointermove", (event) => {
  if (!last || !event.isPrimary) return;
  const here = place(event);
  line(last, here);
  last = here;
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    if (last) askDrawing();
    last = null;
  });
}

function showPen() {
  const mark = find("pen");
  mark.style.left = `${100 * pen.x / SIDE}%`;
  mark.style.top = `${100 * pen.y / SIDE}%`;
  mark.classList.toggle("down", pen.down);
  mark.hidden = !canvas.matches(":focus-visible");
}
function startAnew() {
  asked?.abort();
  asked = null;
  clear();
  pen.down = false;
  showPen();
  find("result").hidden = true;
  find("error").textContent = "";
  find("status").textContent = text.cleared;
  find("answer").setAttribute("aria-busy", "false");
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in ARROWS) {
    const [x, y] = ARROWS[event.key];
    const inside = (value) => Math.min(SIDE, Math.max(0, value));
    const next = { x: inside(pen.x + x * STEP), y: inside(pen.y + y * STEP) };
    if (pen.down) line(pen, next);
    Object.assign(pen, next);
  } else if (event.key === " ") {
    pen.down = !pen.down;
    find("status").textContent = pen.down ? text.penDown : text.penUp;
    if (pen.down) line(pen, pen);
    else askDrawing();
  } else if (event.key === "Delete" || event.key === "Backspace") {
    startAnew();
  } else {
    return;
  }
  event.preventDefault();
  showPen();
});
canvas.addEventListener("focus", showPen);
canvas.addEventListener("blur", () => {
  if (pen.down) askDrawing();
  pen.down = false;
  showPen();
});
find("clear").addEventListener("click", startAnew);

// The threads of a block meet an if: which warps run both branches, and which places stay empty.
import { frame, picture } from "./common.js";

const LANES = 32;
const CONDITIONS = {
  "thread < t": (thread, t) => thread < t,
  "thread % t == 0": (thread, t) => thread % t === 0,
};

// For each warp, how many of its threads say yes, and how many say no.
export function votes(threads, condition, t) {
  return Array.from({ length: Math.ceil(threads / LANES) }, (_, warp) => {
    const size = Math.min(LANES, threads - warp * LANES);
    const yes = Array.from({ length: size }, (_, lane) => CONDITIONS[condition](warp * LANES + lane, t)).filter(Boolean);
    return [yes.length, size - yes.length];
  });
}

export const ways = (threads, condition, t) =>
  votes(threads, condition, t).map(([yes, no]) => (yes > 0) + (no > 0));

const few = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export function render(host) {
  const ui = frame(host, "Warps at an if");
  const condition = ui.choice("the condition of the if", Object.keys(CONDITIONS));
  const t = ui.slider("number t in the condition", { min: 1, max: 128, value: 48, text: (v) => `t = ${v}` });
  const threads = ui.slider("threads in the block", { min: 1, max: 128, value: 128 });
  ui.play("Move the border", t, { interval: 120 });
  const paint = picture(ui, { height: 116 });

  ui.draw = () => {
    const counts = ways(threads.value, condition.value, t.value);
    const says = CONDITIONS[condition.value];
    paint((width, height) => {
      const [left, right] = [64, 62];
      const across = (width - left - right) / LANES;
      const down = (height - 4) / 4;
      return counts.map((count, warp) => {
        const cells = Array.from({ length: LANES }, (_, lane) => {
          const thread = warp * LANES + lane;
          const style = thread >= threads.value ? 'fill="none" stroke-dasharray="2 2"'
            : says(thread, t.value) ? 'class="blue"' : 'style="fill: var(--soft)"';
          return `<rect x="${(left + lane * across).toFixed(1)}" y="${(warp * down + 4).toFixed(1)}"
            width="${across.toFixed(1)}" height="${(down - 6).toFixed(1)}" ${style} stroke="currentColor" stroke-width="0.6"/>`;
        }).join("");
        const middle = warp * down + down / 2 + 5;
        return `<text x="2" y="${middle}">warp ${warp}</text>${cells}
          <text x="${width - right + 8}" y="${middle}">${few(count, "way", "ways")}</text>`;
      }).join("");
    });
    const both = counts.filter((count) => count === 2).length;
    const empty = counts.length * LANES - threads.value;
    const test = condition.value.replace("t ==", `${t.value} ==`).replace("< t", `< ${t.value}`);
    ui.say(`${test}, ${few(threads.value, "thread", "threads")} in ${few(counts.length, "warp", "warps")}. Filled: the condition is true. `
      + (both ? `${both} of ${few(counts.length, "warp", "warps")} ${both === 1 ? "runs" : "run"} both branches, one after the other: divergence. `
        : "In no warp do the answers differ: no time is lost at the if. ")
      + (empty ? `${few(empty, "place", "places")} of the last warp ${empty === 1 ? "has" : "have"} no thread (dashed).` : "No place is empty."));
  };
  ui.draw();
}

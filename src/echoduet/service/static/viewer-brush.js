// The brush: a mask that is painted on, with as many steps back as were taken.
import { announce } from "./viewer-announce.js";
import { frame, painted } from "./viewer-frame.js";
import { addOverlay, aspect, draw, toPicture, toScreen, view } from "./viewer-stage.js";
import { emit, on, state, work } from "./viewer-store.js";

const SIZES = [1, 120];
const STEPS_KEPT = 100;

/** Diameter in pixels of the picture; whether it takes away; where it is, in pixels of the picture; whether keys paint. */
export const brush = { size: 16, erase: false, at: null, down: false };
let stroke = null;

/** Begin to correct the frame: from the saved correction where there is one, else from the answer. */
export function edit() {
  const mine = work();
  if (mine.edit || !frame.picture) return mine.edit;
  const { width, height } = frame.picture;
  const from = (frame.planes.correction ?? frame.planes.mask)?.values ?? new Uint8Array(width * height);
  const values = from.map((value) => (value ? 1 : 0));
  mine.edit = { mask: { width, height, values }, undone: [], done: [], savedAt: 0, changed: false };
  return mine.edit;
}

/** Paint a disc. */
function stamp({ width, height, values }, { x, y }) {
  const radius = brush.size / 2;
  const value = brush.erase ? 0 : 1;
  for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(height - 1, Math.ceil(y + radius)); row += 1) {
    const reach = radius * radius - (row + 0.5 - y) ** 2;
    if (reach < 0) continue;
    const half = Math.sqrt(reach);
    const first = Math.max(0, Math.ceil(x - half - 0.5));
    const last = Math.min(width - 1, Math.floor(x + half - 0.5));
    if (last >= first) values.fill(value, row * width + first, row * width + last + 1);
  }
}

/** Paint from one place to another, without gaps however fast the hand was. */
function line(mask, from, to) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / Math.max(0.5, brush.size / 4)));
  for (let step = 0; step <= steps; step += 1) {
    stamp(mask, { x: from.x + ((to.x - from.x) * step) / steps, y: from.y + ((to.y - from.y) * step) / steps });
  }
}

export function begin(place) {
  const mine = edit();
  if (!mine) return;
  stroke = { mine, before: mine.mask.values.slice(), last: place };
  go(place);
}

export function go(place) {
  brush.at = place;
  if (stroke) {
    line(stroke.mine.mask, stroke.last, place);
    stroke.last = place;
    painted();
  }
  draw();
}

export function end() {
  if (!stroke) return;
  const { mine, before } = stroke;
  stroke = null;
  commit(mine, before);
}

/** Take back the stroke that is being drawn: it was not meant. */
export function cancel() {
  if (!stroke) return;
  stroke.mine.mask.values.set(stroke.before);
  stroke = null;
  emit("edits");
}

/** Tell what is changed: whether the steps taken are those that were taken when it was saved. */
function settle(mine) {
  mine.changed = mine.done.length !== mine.savedAt;
  emit("edits");
}

/** Keep a step as the pixels that it flipped: their number is small, and both ways are the same. */
function commit(mine, before) {
  const { values } = mine.mask;
  const flipped = [];
  for (let at = 0; at < values.length; at += 1) if (values[at] !== before[at]) flipped.push(at);
  if (!flipped.length) return;
  if (mine.done.length < mine.savedAt) mine.savedAt = -1; // what was saved cannot be come back to
  mine.done.push(Uint32Array.from(flipped));
  if (mine.done.length > STEPS_KEPT) {
    mine.done.shift();
    mine.savedAt -= 1;
  }
  mine.undone = [];
  settle(mine);
}

function flip(from, to, word) {
  const mine = work().edit;
  const step = mine?.[from].pop();
  if (!step) return announce(`Nothing to ${word}.`);
  for (const at of step) mine.mask.values[at] ^= 1;
  mine[to].push(step);
  settle(mine);
  return announce(word === "undo" ? "Undone." : "Redone.");
}

export const undo = () => flip("done", "undone", "undo");
export const redo = () => flip("undone", "done", "redo");

/** Back to the answer's own mask, as one step that can be undone. */
export function resetToAnswer() {
  const mine = edit();
  if (!mine) return;
  const before = mine.mask.values.slice();
  const answer = frame.planes.mask?.values;
  for (let at = 0; at < before.length; at += 1) mine.mask.values[at] = answer?.[at] ? 1 : 0;
  commit(mine, before);
  announce("The mask is that of the answer again.");
}

export function resize(by) {
  brush.size = Math.min(SIZES[1], Math.max(SIZES[0], brush.size + by));
  emit("edits");
  announce(`Brush ${brush.size} pixels`);
}

export function setErase(erase) {
  brush.erase = erase;
  emit("edits");
  announce(erase ? "Erasing" : "Adding");
}

// ---------------------------------------------------------------- by keys

const middle = () => ({ x: frame.picture.width / 2, y: frame.picture.height / 2 });

/** Move the brush; it paints on its way while it is down. */
export function nudge(dx, dy) {
  if (!frame.picture) return;
  const from = brush.at ?? middle();
  const to = {
    x: Math.min(frame.picture.width, Math.max(0, from.x + dx)),
    y: Math.min(frame.picture.height, Math.max(0, from.y + dy)),
  };
  go(to);
}

/** Set the brush down, or lift it. */
export function toggleDown() {
  if (!frame.picture) return;
  brush.down = !brush.down;
  if (brush.down) begin(brush.at ?? middle());
  else end();
  announce(brush.down ? `Brush down, ${brush.erase ? "erasing" : "adding"}. Space lifts it.` : "Brush lifted.");
}

export function lift() {
  brush.down = false;
  end();
}

function drawCursor(context) {
  if (state.tool !== "brush" || !brush.at) return;
  const { x, y } = toScreen(brush.at);
  const radius = (brush.size / 2) * view.zoom;
  for (const [style, width] of [
    ["rgba(0,0,0,.8)", 3],
    [brush.erase ? "#ff9a8f" : "#d3b4ff", 1.5],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth: width });
    context.setLineDash(brush.erase && width < 2 ? [4, 3] : []);
    context.beginPath();
    context.ellipse(x, y, radius, radius * aspect(), 0, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}

export function startBrush() {
  addOverlay(drawCursor);
  on("tool", lift);
}

export { SIZES };
export const hover = (point) => go(toPicture(point));

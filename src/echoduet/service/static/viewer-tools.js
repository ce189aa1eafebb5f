// What a pointer does on the canvas: the tool in hand, the wheel, two fingers.
import { announce } from "./viewer-announce.js";
import * as brush from "./viewer-brush.js";
import * as calipers from "./viewer-calipers.js";
import { $ } from "./viewer-dom.js";
import { frame } from "./viewer-frame.js";
import { draw, fit, lesionAt, panBy, toPicture, view, zoomBy, zoomTo } from "./viewer-stage.js";
import { emit, highlight, on, result, state } from "./viewer-store.js";

export const TOOLS = { pan: "Move", window: "Window", calipers: "Calipers", brush: "Brush" };

const pointers = new Map();
let drag = null;
let pinch = null;

export function take(tool) {
  if (tool === "brush" && !["answered"].includes(result()?.status)) return announce("Only an answered image can be corrected.");
  state.tool = tool;
  emit("tool");
  return announce(`${TOOLS[tool]} in hand`);
}

/** Change the window: centre and width in gray values. */
export function setWindow(centre, width) {
  const entry = state.current;
  if (!entry) return;
  entry.window = { centre: Math.min(255, Math.max(0, centre)), width: Math.min(511, Math.max(1, width)) };
  emit("window");
}

export function windowBy(wider, brighter) {
  const { centre, width } = state.current?.window ?? {};
  if (centre !== undefined) setWindow(centre - brighter, width + wider);
}

export function resetWindow() {
  setWindow(127.5, 255);
  announce("Window reset");
}

const pointOf = (event) => {
  const box = $("canvas").getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
};

/** The tool of a press: the right button is always the window, the middle one always moves. */
const toolOf = ({ button }) => ({ 1: "pan", 2: "window" })[button] ?? state.tool;

const HANDS = {
  pan: {
    press: () => {},
    move: (point) => panBy(point.x - drag.last.x, point.y - drag.last.y),
    release: (point) => {
      if (Math.hypot(point.x - drag.start.x, point.y - drag.start.y) > 4) return;
      const lesion = lesionAt(toPicture(point));
      if (lesion) highlight(lesion.number);
    },
  },
  window: {
    press: () => {},
    move: (point) => windowBy(point.x - drag.last.x, drag.last.y - point.y),
    release: () => announce(windowText()),
  },
  calipers: { press: calipers.press, move: calipers.move, release: calipers.release },
  brush: { press: (point) => brush.begin(toPicture(point)), move: (point) => brush.go(toPicture(point)), release: brush.end },
};

export function windowText() {
  const { centre, width } = state.current?.window ?? { centre: 127.5, width: 255 };
  return `Window ${Math.round(width)}, level ${Math.round(centre)}`;
}

function press(event) {
  if (!frame.picture) return;
  $("canvas").setPointerCapture(event.pointerId);
  $("canvas").focus({ preventScroll: true });
  const point = pointOf(event);
  pointers.set(event.pointerId, point);
  if (pointers.size === 2) {
    drop();
    pinch = spread();
    return;
  }
  if (pointers.size > 2) return;
  drag = { tool: toolOf(event), start: point, last: point };
  HANDS[drag.tool].press(point);
  event.preventDefault();
}

/** A second finger came: what the first one began was not meant. */
function drop() {
  if (!drag) return;
  if (drag.tool === "brush") brush.cancel();
  else HANDS[drag.tool].release(drag.start);
  drag = null;
}

function spread() {
  const [a, b] = [...pointers.values()];
  return { far: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function move(event) {
  const point = pointOf(event);
  if (pointers.has(event.pointerId)) pointers.set(event.pointerId, point);
  if (pinch && pointers.size === 2) {
    const now = spread();
    panBy(now.x - pinch.x, now.y - pinch.y);
    zoomBy(now.far / Math.max(1, pinch.far), now);
    pinch = now;
  } else if (drag) {
    HANDS[drag.tool].move(point);
    drag.last = point;
  } else if (state.tool === "brush" && frame.picture) {
    brush.hover(point);
  }
}

function release(event) {
  const point = pointOf(event);
  pointers.delete(event.pointerId);
  if (pointers.size < 2) pinch = null;
  if (!drag || pointers.size) return;
  HANDS[drag.tool].release(point);
  drag = null;
}

function wheel(event) {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), pointOf(event));
}

/** Twice on the same place: fit, or, where it is fitted, the pixels one to one there. */
function twice(event) {
  if (state.tool !== "pan") return;
  if (view.fitted) zoomTo(Math.max(1, 2 * view.zoom), pointOf(event));
  else fit();
}

export function startTools() {
  const canvas = $("canvas");
  canvas.addEventListener("pointerdown", press);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("dblclick", twice);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerleave", () => {
    if (!drag && !brush.brush.down) brush.brush.at = null;
    draw();
  });
  on("tool", () => {
    canvas.dataset.tool = state.tool;
  });
  on("selection", () => {
    drag = null;
    brush.lift();
  });
}

/** What the arrows do while the canvas has the focus: they move what is in hand, ten times as far with shift. */
export function arrow(dx, dy, far) {
  const step = far ? 10 : 1;
  if (state.tool === "pan") panBy(-40 * dx * (far ? 4 : 1), -40 * dy * (far ? 4 : 1));
  else if (state.tool === "window") windowBy(5 * dx * step, -5 * dy * step);
  else if (state.tool === "calipers") calipers.nudge(dx * step, dy * step);
  else brush.nudge(dx * 2 * step, dy * 2 * step);
}

export function placeCaliper() {
  if (!frame.picture) return;
  if (state.tool !== "calipers") take("calipers");
  calipers.placeInMiddle({ x: $("view").clientWidth / 2, y: $("view").clientHeight / 2 });
}

// Calipers: two ends and the distance between them, in millimetres where the size of a pixel is known there.
import { announce } from "./viewer-announce.js";
import { frame } from "./viewer-frame.js";
import { addOverlay, draw, toPicture, toScreen } from "./viewer-stage.js";
import { emit, on, result, state, work } from "./viewer-store.js";

const REACH = 22; // screen pixels within which an end is taken hold of: a fingertip
const COLOUR = "#9be8b0";

/** Which caliper is worked on, and which of its ends the keys move. */
export const chosen = { caliper: null, end: "b" };
let dragged = null;

/** Whether a place lies where the spacing of the picture holds: inside its ultrasound region. */
function isScaled({ x, y }, answer) {
  const region = answer.region;
  return !region || (x >= region.left && x <= region.left + region.width && y >= region.top && y <= region.top + region.height);
}

/** The length of a caliper: `{value, unit, reason}`; `reason` says why it is in pixels. */
export function length({ a, b }, answer = result()) {
  const spacing = answer?.spacing;
  if (!spacing)
    return { value: Math.hypot(b.x - a.x, b.y - a.y), unit: "px", reason: "the file does not tell the size of a pixel" };
  if (![a, b].every((end) => isScaled(end, answer))) {
    return { value: Math.hypot(b.x - a.x, b.y - a.y), unit: "px", reason: "an end lies outside the ultrasound region" };
  }
  return { value: Math.hypot((b.x - a.x) * spacing.column, (b.y - a.y) * spacing.row), unit: "mm", reason: "" };
}

export const lengthText = (caliper) => {
  const { value, unit } = length(caliper);
  return `${value.toFixed(1)} ${unit}`;
};

const inside = ({ x, y }) => ({
  x: Math.min(frame.picture.width, Math.max(0, x)),
  y: Math.min(frame.picture.height, Math.max(0, y)),
});

export function choose(caliper, end = "b") {
  Object.assign(chosen, { caliper, end });
  emit("calipers");
}

function place(a, b) {
  const caliper = { a: inside(a), b: inside(b) };
  work().calipers.push(caliper);
  choose(caliper);
  return caliper;
}

export function remove(caliper = chosen.caliper) {
  const { calipers } = work();
  const at = calipers.indexOf(caliper);
  if (at < 0) return announce("No caliper is chosen.");
  calipers.splice(at, 1);
  choose(calipers[Math.min(at, calipers.length - 1)] ?? null);
  return announce("Caliper deleted.");
}

// ---------------------------------------------------------------- by pointer

function endAt(point) {
  let best = null;
  for (const caliper of work().calipers) {
    for (const end of ["a", "b"]) {
      const at = toScreen(caliper[end]);
      const far = Math.hypot(at.x - point.x, at.y - point.y);
      if (far <= (best?.far ?? REACH)) best = { caliper, end, far };
    }
  }
  return best;
}

/** A press takes hold of an end, or sets both ends of a new caliper down here, of which the second is then drawn out. */
export function press(point) {
  const near = endAt(point);
  if (near) choose(near.caliper, near.end);
  else place(toPicture(point), toPicture(point));
  dragged = { made: !near, start: point };
}

export function move(point) {
  if (!dragged) return;
  chosen.caliper[chosen.end] = inside(toPicture(point));
  emit("calipers");
}

export function release(point) {
  if (!dragged) return;
  const { made, start } = dragged;
  dragged = null;
  if (made && Math.hypot(point.x - start.x, point.y - start.y) < 4)
    remove(); // a tap is no distance
  else if (chosen.caliper) announce(`Caliper: ${lengthText(chosen.caliper)}`);
}

// ---------------------------------------------------------------- by keys

/** Set a caliper down in the middle of what is seen; its ends are then moved with the arrows. */
export function placeInMiddle(centre) {
  const middle = toPicture(centre);
  const reach = Math.max(8, toPicture({ x: centre.x + 60, y: centre.y }).x - middle.x);
  place({ x: middle.x - reach, y: middle.y }, { x: middle.x + reach, y: middle.y });
  announce(`Caliper placed: ${lengthText(chosen.caliper)}. Arrows move its right end, E takes the other end.`);
}

export function nudge(dx, dy) {
  if (!chosen.caliper) return announce("No caliper is chosen. Enter places one.");
  const at = chosen.caliper[chosen.end];
  chosen.caliper[chosen.end] = inside({ x: at.x + dx, y: at.y + dy });
  emit("calipers");
  return announce(lengthText(chosen.caliper));
}

export function otherEnd() {
  if (!chosen.caliper) return;
  choose(chosen.caliper, chosen.end === "a" ? "b" : "a");
  announce(chosen.end === "a" ? "First end" : "Second end");
}

export function nextCaliper() {
  const { calipers } = work();
  if (calipers.length) choose(calipers[(calipers.indexOf(chosen.caliper) + 1) % calipers.length]);
  if (chosen.caliper) announce(`Caliper ${calipers.indexOf(chosen.caliper) + 1}: ${lengthText(chosen.caliper)}`);
}

// ---------------------------------------------------------------- on the stage

function mark(context, { x, y }, strong) {
  const arm = 7;
  for (const [style, width] of [
    ["rgba(0,0,0,.7)", 4],
    [COLOUR, strong ? 2.5 : 1.5],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth: width });
    context.beginPath();
    context.moveTo(x - arm, y);
    context.lineTo(x + arm, y);
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
    context.stroke();
  }
  if (!strong) return;
  context.beginPath();
  context.arc(x, y, 12, 0, 2 * Math.PI);
  context.stroke();
}

function drawCaliper(context, caliper, number) {
  const [a, b] = [toScreen(caliper.a), toScreen(caliper.b)];
  const active = caliper === chosen.caliper && state.tool === "calipers";
  Object.assign(context, { strokeStyle: COLOUR, lineWidth: 1.2 });
  context.setLineDash([2, 4]);
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
  context.stroke();
  context.setLineDash([]);
  mark(context, a, active && chosen.end === "a");
  mark(context, b, active && chosen.end === "b");
  const text = `${number}  ${lengthText(caliper)}`;
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "left";
  const at = { x: Math.max(a.x, b.x) + 16, y: (a.x > b.x ? a.y : b.y) + 5 };
  context.fillStyle = "rgba(0,0,0,.7)";
  context.fillRect(at.x - 5, at.y - 15, context.measureText(text).width + 10, 21);
  context.fillStyle = COLOUR;
  context.fillText(text, at.x, at.y);
}

export function startCalipers() {
  addOverlay((context) => work().calipers.forEach((caliper, at) => drawCaliper(context, caliper, at + 1)));
  on("selection", () => {
    dragged = null;
    choose(null);
  });
  on("calipers", draw);
}

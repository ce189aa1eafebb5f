// The canvas: where the picture lies on it, and what is drawn over it in which order.
import { belongs } from "./viewer-contour.js";
import { $ } from "./viewer-dom.js";
import { COLOURS, fill, frame, heat, isCurrent, layers, loops, outlineShown, shownPicture } from "./viewer-frame.js";
import { emit, lesions, on, painting, result, state } from "./viewer-store.js";

const MARGIN = 12;
const ZOOMS = [0.1, 16];

/** Screen pixels for a pixel of the picture, and where its left upper corner lies. `fitted` goes on to fit when resized. */
export const view = { zoom: 1, x: 0, y: 0, fitted: true };

/** Drawn last, by whoever has something to draw: `(context) => void`, in screen pixels. */
const overlays = [];
export const addOverlay = (draw) => overlays.push(draw);

/** Height of a pixel of the picture over its width: not every device has square ones. */
export function aspect() {
  const spacing = result()?.spacing;
  return spacing ? spacing.row / spacing.column : 1;
}

export const toScreen = ({ x, y }) => ({ x: view.x + x * view.zoom, y: view.y + y * view.zoom * aspect() });
export const toPicture = ({ x, y }) => ({ x: (x - view.x) / view.zoom, y: (y - view.y) / view.zoom / aspect() });

const size = () => ({ width: $("view").clientWidth, height: $("view").clientHeight });

export function fit() {
  view.fitted = true;
  if (!frame.picture) return;
  const { width, height } = size();
  const tall = frame.picture.height * aspect();
  view.zoom = Math.max(0.02, Math.min((width - 2 * MARGIN) / frame.picture.width, (height - 2 * MARGIN) / tall));
  view.x = (width - frame.picture.width * view.zoom) / 2;
  view.y = (height - tall * view.zoom) / 2;
  draw();
}

/** Zoom about a place of the screen, which stays where it is; the middle unless told. */
export function zoomTo(zoom, about = { x: size().width / 2, y: size().height / 2 }) {
  if (!frame.picture) return;
  const place = toPicture(about);
  view.zoom = Math.min(ZOOMS[1], Math.max(ZOOMS[0], zoom));
  view.fitted = false;
  view.x = about.x - place.x * view.zoom;
  view.y = about.y - place.y * view.zoom * aspect();
  keepInSight();
}

export const zoomBy = (factor, about) => zoomTo(view.zoom * factor, about);

export function panBy(dx, dy) {
  if (!frame.picture) return;
  view.fitted = false;
  view.x += dx;
  view.y += dy;
  keepInSight();
}

/** Some of the picture stays on the stage, wherever it is moved. */
function keepInSight() {
  const { width, height } = size();
  const rest = 48;
  view.x = Math.min(width - rest, Math.max(rest - frame.picture.width * view.zoom, view.x));
  view.y = Math.min(height - rest, Math.max(rest - frame.picture.height * view.zoom * aspect(), view.y));
  draw();
}

// ---------------------------------------------------------------- drawing

let asked = 0;

/** Draw at the next refresh of the screen, once. */
export function draw() {
  if (asked) return;
  asked = requestAnimationFrame(() => {
    asked = 0;
    paint($("canvas").getContext("2d"));
  });
}

function paint(context) {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = size();
  const canvas = $("canvas");
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  if (frame.picture && frame.entry === state.current) paintPicture(context);
  if (isCurrent()) {
    paintScale(context, width, height);
    for (const overlay of overlays) overlay(context);
  }
  // For tests and for assistive tools that look: what is on the canvas at the moment.
  canvas.dataset.zoom = view.zoom.toFixed(3);
  canvas.dataset.shown = frame.address;
  emit("drawn");
}

function paintPicture(context) {
  context.save();
  context.translate(view.x, view.y);
  context.scale(view.zoom, view.zoom * aspect());
  context.imageSmoothingEnabled = view.zoom < 3; // from there on, the pixels themselves are looked at
  context.imageSmoothingQuality = "high";
  context.drawImage(shownPicture(), 0, 0);
  if (isCurrent()) paintLayers(context);
  context.restore();
}

function paintLayers(context) {
  for (const name of ["explanation", "uncertainty"]) paintLayer(context, layers[name], heat(name));
  const shown = outlineShown();
  if (shown) {
    paintLayer(context, layers.fill, fill(shown));
    if (layers.contour.on) paintOutlines(context, shown);
  }
  paintRegion(context);
}

function paintLayer(context, { on: wanted, opacity }, canvas) {
  if (!wanted || !canvas) return;
  context.globalAlpha = opacity;
  context.drawImage(canvas, 0, 0);
  context.globalAlpha = 1;
}

function stroke(context, path, colour, width, dash = []) {
  context.lineJoin = "round";
  context.setLineDash(dash.map((length) => length / view.zoom));
  for (const [style, wide] of [
    ["rgba(0,0,0,.65)", width + 2],
    [colour, width],
  ]) {
    context.strokeStyle = style;
    context.lineWidth = wide / view.zoom;
    context.stroke(path);
  }
}

function paintOutlines(context, shown) {
  const chosen = lesions().find((lesion) => lesion.number === state.lesion);
  context.globalAlpha = layers.contour.opacity;
  if (painting()) {
    for (const loop of loops("mask")) stroke(context, loop.path, COLOURS.mask, 1, [4, 4]);
  }
  for (const loop of loops(shown)) {
    const mine = chosen && belongs(loop, chosen);
    context.globalAlpha = layers.contour.opacity * (chosen && !mine ? 0.4 : 1);
    stroke(context, loop.path, COLOURS[shown], mine ? 3.5 : 2, shown === "mask_raw" ? [7, 4] : []);
  }
  context.globalAlpha = 1;
}

/** The part of the frame that is ultrasound, as its DICOM header tells: a quiet dotted box. */
function paintRegion(context) {
  const region = result().region;
  if (!region) return;
  context.strokeStyle = "rgba(200,210,220,.45)";
  context.lineWidth = 1 / view.zoom;
  context.setLineDash([2 / view.zoom, 5 / view.zoom]);
  context.strokeRect(region.left, region.top, region.width, region.height);
  context.setLineDash([]);
}

/** A bar of a round length at the lower right, where the size of a pixel is known. */
function paintScale(context, width, height) {
  const spacing = result().spacing;
  if (!spacing) return;
  const long = [1, 2, 5, 10, 20, 50].find((mm) => (mm / spacing.column) * view.zoom >= 60) ?? 50;
  const pixels = (long / spacing.column) * view.zoom;
  const [x, y] = [width - 16 - pixels, height - 18];
  context.fillStyle = "rgba(0,0,0,.7)";
  context.fillRect(x - 8, y - 22, pixels + 16, 34);
  context.strokeStyle = context.fillStyle = "#d6dade";
  context.lineWidth = 1.5;
  context.setLineDash([]);
  context.beginPath();
  for (const [a, b] of [
    [
      [x, y - 5],
      [x, y + 5],
    ],
    [
      [x, y],
      [x + pixels, y],
    ],
    [
      [x + pixels, y - 5],
      [x + pixels, y + 5],
    ],
  ]) {
    context.moveTo(...a);
    context.lineTo(...b);
  }
  context.stroke();
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  context.fillText(`${long} mm`, x + pixels / 2, y - 9);
}

/** The lesion at a place of the picture; undefined where there is none. */
export function lesionAt(place) {
  const shown = outlineShown();
  if (!shown) return undefined;
  const context = $("canvas").getContext("2d");
  context.save();
  context.resetTransform();
  const hit = loops(shown).find((loop) => context.isPointInPath(loop.path, place.x, place.y));
  context.restore();
  return hit && lesions().find((lesion) => belongs(hit, lesion));
}

export function startStage() {
  new ResizeObserver(() => (view.fitted ? fit() : draw())).observe($("view"));
  on("frame", (another) => (another && (view.fitted || !samePlace()) ? fit() : draw()));
  for (const name of ["lesion", "opacity", "edits", "calipers", "tool", "window"]) on(name, draw);
}

let before = "";
/** Whether the frame has the size of the last one: then zoom and place are kept, as in a film. */
function samePlace() {
  const now = `${state.current?.id} ${frame.picture?.width}x${frame.picture?.height}`;
  const same = now === before;
  before = now;
  return same;
}

// The frame that is shown: its picture in the window, its layers in their colours, its outlines. Built when it is needed, once.
import { outlines } from "./viewer-contour.js";
import { coloured, layer, picture, windowed } from "./viewer-pictures.js";
import { emit, on, painting, result, state, work } from "./viewer-store.js";
import { warn } from "./viewer-announce.js";

export const COLOURS = { mask: "#ffc069", mask_raw: "#6fd3e8", correction: "#d3b4ff" };

/** Which layers are drawn, and how strongly; `outline` says whose: best (a correction before the answer), mask (refined) or mask_raw. */
export const layers = {
  contour: { on: true, opacity: 1 },
  fill: { on: false, opacity: 0.35 },
  uncertainty: { on: false, opacity: 0.7 },
  explanation: { on: false, opacity: 0.6 },
  outline: "best",
};

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

const PALETTES = {
  // The server's 255 is a spread of 0.5, the most there can be.
  uncertainty: (value) => [255, 120, 214, Math.min(255, 1.6 * value)],
  // 128 is nothing; above it speaks for the answer, orange, below against it, blue.
  explanation: (value) => (value >= 128 ? [255, 150, 60, 2 * (value - 128)] : [90, 160, 255, 2 * (128 - value)]),
};

/** What is on the stage: whose it is, its picture, its layers, and what was built from them. */
export const frame = { address: "", entry: null, position: 0, picture: null, planes: {}, made: new Map() };

/** Whether the frame on the stage is the one that is selected: until it has come, the last one stays, without its layers. */
export const isCurrent = () => Boolean(frame.picture) && frame.address === result()?.layers?.image;

/** Whose outline is shown: the chosen one where the frame has it. */
export function outlineShown(answer = result()) {
  if (painting()) return "correction";
  const has = (name) => Boolean(answer?.layers?.[name]);
  return [layers.outline, "correction", "mask", "mask_raw"].find(has) ?? null;
}

function wanted(answer) {
  const names = ["mask", "correction"];
  if (layers.outline === "mask_raw") names.push("mask_raw");
  for (const name of ["uncertainty", "explanation"]) if (layers[name].on) names.push(name);
  return names.filter((name) => answer.layers?.[name]);
}

/** Bring the current frame on, and what of its layers is to be seen. The last one stays until then. */
export async function bring() {
  const answer = result();
  const address = answer?.layers?.image;
  if (!address) return clear();
  try {
    const [image, ...planes] = await Promise.all([
      picture(address),
      ...wanted(answer).map((name) => layer(answer.layers[name])),
    ]);
    if (answer !== result()) return;
    const another = frame.address !== address;
    Object.assign(frame, {
      address,
      entry: state.current,
      position: state.current.position,
      picture: image,
      planes: Object.fromEntries(wanted(answer).map((name, at) => [name, planes[at]])),
    });
    frame.made.clear();
    emit("frame", another);
  } catch (error) {
    if (answer === result()) warn(error.message);
  }
}

function clear() {
  Object.assign(frame, { address: "", entry: null, position: 0, picture: null, planes: {} });
  frame.made.clear();
  emit("frame", true);
}

/** Read frames ahead, so that playing does not stumble. */
export function lookAhead(entry, positions) {
  for (const position of positions) {
    const found = entry.results[position]?.layers;
    if (found?.image) picture(found.image).catch(() => {});
    if (found?.mask) layer(found.mask).catch(() => {});
  }
}

function built(key, build) {
  if (!frame.made.has(key)) frame.made.set(key, build());
  return frame.made.get(key);
}

/** The picture in the entry's window. */
export function shownPicture() {
  const { centre, width } = state.current.window;
  const key = `${centre}/${width}`;
  if (frame.made.get("window") !== key) {
    frame.made.set("window", key);
    frame.made.delete("picture");
  }
  return built("picture", () => windowed(frame.picture, state.current.window));
}

/** The mask whose outline is shown: what is being painted, else the layer; null where there is none. */
export function mask(name = outlineShown()) {
  const { edit } = work();
  if (name === "correction" && edit) return edit.mask;
  return frame.planes[name] ?? null;
}

export const loops = (name) => built(`loops ${name}`, () => (mask(name) ? outlines(mask(name)) : []));

export function fill(name) {
  const colour = rgb(COLOURS[name]);
  return built(`fill ${name}`, () => mask(name) && coloured(mask(name), (value) => [...colour, value ? 255 : 0]));
}

export const heat = (name) => built(name, () => frame.planes[name] && coloured(frame.planes[name], PALETTES[name]));

/** The mask was painted on: what was built from it is old. */
export function painted() {
  frame.made.delete("loops correction");
  frame.made.delete("fill correction");
}

on("selection", bring);
on("layers", bring);
on("edits", painted);

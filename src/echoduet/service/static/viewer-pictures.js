// Layers as numbers: fetched once, decoded, and kept as long as there is room.
import { request } from "./viewer-api.js";

const ROOM = 300_000_000; // bytes of decoded pictures that are kept
const kept = new Map();
let held = 0;

async function decode(response) {
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(await response.blob(), options);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

/** The first channel: a layer with one number a pixel. */
function plane({ width, height, data }) {
  const values = new Uint8Array(width * height);
  for (let at = 0; at < values.length; at += 1) values[at] = data[4 * at];
  return { width, height, values };
}

function remember(address, entry) {
  kept.set(address, entry);
  entry.then(
    (picture) => {
      const size = (picture.data ?? picture.values).byteLength;
      Object.assign(entry, { size });
      held += size;
      for (const [other, one] of kept) {
        if (held <= ROOM || other === address) break;
        if (!one.size) continue;
        kept.delete(other);
        held -= one.size;
      }
    },
    () => kept.delete(address),
  );
}

function once(address, read) {
  const known = kept.get(address);
  if (known) {
    kept.delete(address); // the last one used is the last one to go
    kept.set(address, known);
    return known;
  }
  const entry = request(address).then(read);
  remember(address, entry);
  return entry;
}

/** The picture itself, `{width, height, data}` with four bytes a pixel. */
export const picture = (address) => once(address, decode);

/** A layer with one number a pixel, `{width, height, values}`. */
export const layer = (address) =>
  once(address, async (response) => {
    const made = plane(await decode(response));
    made.scale = Number(response.headers.get("x-echoduet-scale")) || null;
    return made;
  });

/** Forget what was read at an address: a correction was saved anew under it. */
export function drop(address) {
  held -= kept.get(address)?.size ?? 0;
  kept.delete(address);
}

// ---------------------------------------------------------------- from numbers to pictures

export function canvasOf(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  return { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
}

/** Gray value that is shown for each value of the picture. A window 255 wide around 127.5 changes nothing. */
export function windowTable({ centre, width }) {
  const low = centre - width / 2;
  return Uint8ClampedArray.from({ length: 256 }, (_, value) => (255 * (value - low)) / width);
}

/** The picture in a window, as a canvas. */
export function windowed({ width, height, data }, window) {
  const table = windowTable(window);
  const { canvas, context } = canvasOf(width, height);
  const shown = new ImageData(width, height);
  const out = shown.data;
  for (let at = 0; at < data.length; at += 4) {
    out[at] = table[data[at]];
    out[at + 1] = table[data[at + 1]];
    out[at + 2] = table[data[at + 2]];
    out[at + 3] = 255;
  }
  context.putImageData(shown, 0, 0);
  return canvas;
}

/** A layer in colours, as a canvas; `palette(value)` gives red, green, blue, alpha of each of the 256 values. */
export function coloured({ width, height, values }, palette) {
  const table = new Uint32Array(Uint8ClampedArray.from({ length: 1024 }, (_, at) => palette(at >> 2)[at & 3]).buffer);
  const { canvas, context } = canvasOf(width, height);
  const shown = new ImageData(width, height);
  const out = new Uint32Array(shown.data.buffer);
  for (let at = 0; at < values.length; at += 1) out[at] = table[values[at]];
  context.putImageData(shown, 0, 0);
  return canvas;
}

// ---------------------------------------------------------------- a mask as a PNG

const CRC = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function chunk(kind, body) {
  const bytes = new Uint8Array(body.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  bytes.set(
    [...kind].map((letter) => letter.charCodeAt(0)),
    4,
  );
  bytes.set(body, 8);
  let sum = 0xffffffff;
  for (const byte of bytes.subarray(4, body.length + 8)) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  view.setUint32(body.length + 8, ~sum);
  return bytes;
}

/** A mask of zeros and ones as an 8-bit gray PNG of 0 and 255: a canvas would write four channels. */
export async function maskPng({ width, height, values }) {
  const rows = new Uint8Array(height * (width + 1)); // each row begins with its filter, none
  for (let at = 0; at < values.length; at += 1) rows[at + 1 + Math.floor(at / width)] = values[at] ? 255 : 0;
  const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header[8] = 8;
  const data = new Uint8Array(await new Response(packed).arrayBuffer());
  const parts = [chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", new Uint8Array(0))];
  return new Blob([new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), ...parts], { type: "image/png" });
}

// The keys: one table that says what each does. It binds them, names them on the buttons, and is what the help lists.
import { $, make } from "./viewer-dom.js";
import { state } from "./viewer-store.js";

/** id, keys, what it does, and the tool that must be in hand. */
export const TABLE = [
  [
    "Images",
    [
      ["add", ["a"], "add images"],
      ["next", ["j", "ArrowDown"], "next image"],
      ["previous", ["k", "ArrowUp"], "previous image"],
      ["frame-next", ["."], "next frame"],
      ["frame-previous", [","], "previous frame"],
      ["play", ["p"], "play or pause the frames"],
      ["to-list", ["g"], "go to the worklist"],
      ["to-image", ["i"], "go to the image"],
      ["remove", ["Shift+Delete"], "take the image off the list"],
      ["anyway", ["Shift+a"], "analyse a refused image anyway"],
      ["again", ["Shift+r"], "analyse again"],
      ["export-one", ["s"], "export this image as a zip"],
      ["export-all", ["Shift+s"], "export everything as a zip"],
    ],
  ],
  [
    "View",
    [
      ["pan", ["h"], "tool: move"],
      ["window", ["w"], "tool: window and level"],
      ["calipers", ["c"], "tool: calipers"],
      ["brush", ["b"], "tool: brush, to correct the outline"],
      ["bigger", ["+", "="], "zoom in"],
      ["smaller", ["-"], "zoom out"],
      ["fit", ["0"], "fit the image"],
      ["one", ["1"], "one to one"],
      ["reset-window", ["r"], "reset the window"],
      ["escape", ["Escape"], "put the tool down"],
    ],
  ],
  [
    "Layers and lesions",
    [
      ["layer-contour", ["o"], "outline on or off"],
      ["layer-fill", ["f"], "fill on or off"],
      ["layer-uncertainty", ["u"], "uncertainty on or off"],
      ["layer-explanation", ["x"], "explanation on or off"],
      ["outline", ["m"], "refined, the network's own, corrected"],
      ["lesion", ["l"], "next lesion"],
    ],
  ],
  [
    "Calipers in hand",
    [
      ["place", ["Enter"], "set a caliper down", "calipers"],
      ["end", ["e"], "take the other end", "calipers"],
      ["caliper", ["n"], "next caliper", "calipers"],
      ["delete", ["Delete", "Backspace"], "delete the caliper", "calipers"],
    ],
  ],
  [
    "Brush in hand",
    [
      ["down", ["Space"], "set the brush down, lift it", "brush"],
      ["erase", ["e"], "erase or add", "brush"],
      ["finer", ["["], "smaller brush", "brush"],
      ["wider", ["]"], "larger brush", "brush"],
    ],
  ],
  [
    "Correction",
    [
      ["undo", ["Ctrl+z"], "undo"],
      ["redo", ["Ctrl+Shift+z", "Ctrl+y"], "redo"],
      ["save", ["Ctrl+s"], "save the correction"],
    ],
  ],
  ["Help", [["help", ["?"], "this list"]]],
];

/** Keys that the canvas takes for itself: they are told here, and bound in startKeys. */
const ON_THE_IMAGE = [
  "↑ ↓ ← →",
  "on the image: move the view, the window, the caliper's end or the brush; with Shift ten times as far",
];

const rows = TABLE.flatMap(([, entries]) => entries);
const works = new Map();

/** Say what the key of this id does. */
export function bind(id, work) {
  if (!rows.some(([known]) => known === id)) throw new Error(`No key is named '${id}'.`);
  works.set(id, work);
}

const SIGNS = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc" };
const written = (key) =>
  key
    .split("+")
    .map((part) => SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("+") || "+";

/** The first key of an id, as it is written on a button. */
export const keyOf = (id) => written(rows.find(([known]) => known === id)[1][0]);

/** For assistive tools: the keys of an id, as ARIA wants them. */
export const ariaKeys = (id) =>
  rows
    .find(([known]) => known === id)[1]
    .map((key) => key.replace("Ctrl", "Control"))
    .join(" ");

/** What was pressed, written as in the table. Shift is told for letters and named keys; with signs it is part of the sign. */
function pressed(event) {
  const key = event.key === " " ? "Space" : event.key;
  const shift = event.shiftKey && (key.length > 1 || /[a-z]/i.test(key)) ? "Shift+" : "";
  return (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + shift + (key.length === 1 ? key.toLowerCase() : key);
}

/** Whether the element that has the focus needs this key for itself. */
function taken(event, key) {
  const { target } = event;
  if (document.querySelector("dialog[open]")) return true;
  if (target.matches("input:not([type=range],[type=radio]), select, textarea")) return !key.startsWith("Ctrl+");
  if (target.matches("input, select") && /Arrow|Home|End/.test(key)) return true;
  if (target.matches("button, summary, a, [role=option]") && (key === "Space" || key === "Enter")) return true;
  return target.matches(".scroller, #panel, pre, dialog") && /Arrow/.test(key);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let single = true;

function press(event, arrow) {
  const key = pressed(event);
  if (event.altKey || taken(event, key)) return;
  const step = ARROWS[event.key];
  if (step && event.target === $("canvas")) {
    event.preventDefault();
    arrow(...step, event.shiftKey);
    return;
  }
  const found = rows.find(([, keys, , tool]) => keys.includes(key) && (!tool || tool === state.tool));
  if (!found || (!single && /^[^A-Z]$/.test(key) && key !== "?")) return;
  event.preventDefault();
  works.get(found[0])?.(event);
}

// ---------------------------------------------------------------- the help

function line(keys, does) {
  return make(
    "div",
    {},
    make(
      "dt",
      {},
      keys.map((key) => make("kbd", {}, key)),
    ),
    make("dd", {}, does),
  );
}

function fill(dialog) {
  const group = ([title, entries]) =>
    make(
      "section",
      {},
      make("h3", {}, title),
      make(
        "dl",
        {},
        entries.map(([, keys, does]) => line(keys.map(written), does)),
        title === "View" && line([ON_THE_IMAGE[0]], ON_THE_IMAGE[1]),
      ),
    );
  const switched = make("input", {
    type: "checkbox",
    id: "single",
    checked: single,
    on: {
      change: (event) => {
        single = event.target.checked;
      },
    },
  });
  dialog.replaceChildren(
    make(
      "div",
      { class: "buttons" },
      make("button", { type: "button", class: "strong", autofocus: true, on: { click: () => dialog.close() } }, "Close"),
    ),
    make("h2", { id: "help-title" }, "Keys"),
    make("div", { class: "columns" }, TABLE.map(group)),
    make(
      "p",
      {},
      "Mouse: wheel zooms, right button drags the window, middle button moves, double click fits. Touch: two fingers zoom and move.",
    ),
    make("label", { class: "tick" }, switched, "Single letters are keys (switch off for speech input)"),
  );
}

export function startKeys(arrow) {
  document.addEventListener("keydown", (event) => press(event, arrow));
  const dialog = $("help");
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  bind("help", () => {
    fill(dialog);
    dialog.showModal();
  });
  const idle = rows.map(([id]) => id).filter((id) => !works.has(id));
  if (idle.length) throw new Error(`Keys without work: ${idle.join(", ")}.`);
}

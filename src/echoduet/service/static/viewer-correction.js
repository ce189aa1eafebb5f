// Correcting the outline: the bar of the brush, saving and taking back, and what guards changes that are not saved.
import { announce, warn } from "./viewer-announce.js";
import { correct, json } from "./viewer-api.js";
import * as brush from "./viewer-brush.js";
import { ask } from "./viewer-dialogs.js";
import { $, icon, make, refill } from "./viewer-dom.js";
import { bring, layers } from "./viewer-frame.js";
import { ariaKeys, bind, keyOf } from "./viewer-keys.js";
import { drop, maskPng } from "./viewer-pictures.js";
import { emit, on, result, state, unsaved, work } from "./viewer-store.js";

const REMIND_MS = 240_000; // results that nobody asks for are forgotten by the server, half an hour after the last time

let busy = false;

async function saveOne(entry, position) {
  const { edit } = work(entry, position);
  const { job, index } = { job: entry.job, index: entry.results[position].index };
  const steps = edit.done.length;
  const answer = await correct(job, index, await maskPng(edit.mask));
  drop(answer.layers.correction);
  entry.results[position] = answer;
  Object.assign(edit, { savedAt: steps, changed: edit.done.length !== steps });
}

/** While something is painted that is not saved, the server is kept from forgetting what it belongs to. */
function remind() {
  for (const job of new Set(unsaved().map((entry) => entry.job)))
    json(`v1/jobs/${job}?start=1000000`).catch((error) => warn(error.message));
}

/** Do something with the server that changes the answer; one at a time. */
async function once(doing) {
  if (busy) return;
  busy = true;
  render();
  try {
    await doing();
  } catch (error) {
    warn(error.message);
  } finally {
    busy = false;
    emit("edits");
    emit("entries");
    await bring();
  }
}

export function save() {
  const { current: entry } = state;
  if (!work().edit?.changed) return announce("There is no change to save.");
  return once(async () => {
    await saveOne(entry, entry.position);
    layers.outline = "best";
    announce("Correction saved, beside the answer.");
  });
}

/** Save every correction that is not saved; returns whether all are. */
export async function saveAll() {
  await once(async () => {
    for (const entry of unsaved()) {
      for (const [position, { edit }] of entry.works) if (edit?.changed) await saveOne(entry, position);
    }
  });
  return !unsaved().length;
}

/** Take the correction back: that on the server, and what is being painted. */
async function takeBack() {
  const { current: entry } = state;
  const answer = result();
  if (work().edit?.changed) {
    const said = await ask("Take the correction back?", "What you painted on this frame is lost.", [
      ["keep", "Keep it", true],
      ["drop", "Take it back"],
    ]);
    if (said !== "drop") return;
  }
  await once(async () => {
    if (answer.layers.correction) {
      const told = await correct(entry.job, answer.index, null);
      drop(answer.layers.correction);
      entry.results[entry.position] = told ?? {
        ...answer,
        correction_lesions: null,
        layers: { ...answer.layers, correction: null },
      };
    }
    work().edit = null;
    announce("The answer's own outline is back.");
  });
}

/** Ask what is to become of changes before something is done without them; returns whether to go on. */
export async function guard(doing) {
  const open = unsaved();
  if (!open.length) return true;
  const names = open.map((entry) => entry.name).join(", ");
  const said = await ask("Corrections are not saved", `${names}: ${doing} would leave the changes out.`, [
    ["save", "Save and go on", true],
    ["without", "Go on without"],
    ["stay", "Cancel"],
  ]);
  return said === "save" ? saveAll() : said === "without";
}

// ---------------------------------------------------------------- the bar

function press(id, name, label, work_, { key = "", disabled = false, pressed, words = "", strong = false } = {}) {
  const title = key ? `${label} (${keyOf(key)})` : label;
  return make(
    "button",
    {
      type: "button",
      id,
      title,
      disabled,
      class: strong && "strong",
      "aria-label": words ? null : label,
      "aria-pressed": pressed === undefined ? null : String(pressed),
      "aria-keyshortcuts": key && ariaKeys(key),
      on: { click: work_ },
    },
    icon(name),
    words,
  );
}

function size() {
  const field = make("input", {
    type: "range",
    id: "brush-size",
    min: brush.SIZES[0],
    max: brush.SIZES[1],
    value: brush.brush.size,
    on: {
      input: (event) => {
        brush.brush.size = Number(event.target.value);
        field.nextSibling.textContent = `${brush.brush.size} px`;
      },
    },
  });
  return make(
    "label",
    { class: "size", title: `Brush size (${keyOf("finer")} ${keyOf("wider")})` },
    make("span", {}, "Size"),
    field,
    make("output", {}, `${brush.brush.size} px`),
  );
}

function buttons() {
  const { edit } = work();
  const { erase } = brush.brush;
  const corrected = Boolean(result()?.layers?.correction);
  return [
    press("brush-add", "brush", "Add to the outline", () => brush.setErase(false), {
      key: "erase",
      pressed: !erase,
      words: "Add",
    }),
    press("brush-erase", "erase", "Erase from the outline", () => brush.setErase(true), {
      key: "erase",
      pressed: erase,
      words: "Erase",
    }),
    size(),
    press("undo", "undo", "Undo", brush.undo, { key: "undo", disabled: !edit?.done.length }),
    press("redo", "redo", "Redo", brush.redo, { key: "redo", disabled: !edit?.undone.length }),
    press("reset-mask", "reset", "Paint the answer's own mask again", brush.resetToAnswer, { words: "Reset", disabled: !edit }),
    press("save", "save", "Save the correction", save, {
      key: "save",
      words: busy ? "Saving" : "Save",
      strong: true,
      disabled: busy || !edit?.changed,
    }),
    press("take-back", "remove", "Take the correction back", takeBack, { disabled: busy || !(edit || corrected) }),
  ];
}

function render() {
  const bar = $("correction");
  bar.hidden = state.tool !== "brush";
  refill(bar, bar.hidden ? [] : buttons());
}

export function startCorrection() {
  for (const name of ["selection", "edits", "tool"]) on(name, render);
  const bound = {
    undo: brush.undo,
    redo: brush.redo,
    save,
    erase: () => brush.setErase(!brush.brush.erase),
    down: brush.toggleDown,
    finer: () => brush.resize(-2),
    wider: () => brush.resize(2),
  };
  for (const [id, doing] of Object.entries(bound)) bind(id, doing);
  setInterval(remind, REMIND_MS);
  window.addEventListener("beforeunload", (event) => unsaved().length && event.preventDefault());
}

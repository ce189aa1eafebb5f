// Which layers are drawn over the picture, how strongly, and whose outline.
import { announce } from "./viewer-announce.js";
import { $, make, refill } from "./viewer-dom.js";
import { layers, outlineShown } from "./viewer-frame.js";
import { reanalyse } from "./viewer-intake.js";
import { ariaKeys, bind, keyOf } from "./viewer-keys.js";
import { emit, on, painting, result, state } from "./viewer-store.js";

const NAMES = { contour: "Outline", fill: "Fill", uncertainty: "Uncertainty", explanation: "Explanation" };
const LEGENDS = {
  uncertainty: ["readings agree", "readings disagree"],
  explanation: ["against the verdict", "for it"],
};
const OUTLINES = { best: "Refined", mask_raw: "Network's own", correction: "Corrected" };

export function toggle(name) {
  const needs = { uncertainty: "uncertainty", explanation: "explanation" }[name];
  if (needs && !result()?.layers?.[needs]) return announce(`This image has no ${NAMES[name].toLowerCase()} layer.`);
  layers[name].on = !layers[name].on;
  emit("layers");
  return announce(`${NAMES[name]} ${layers[name].on ? "shown" : "hidden"}`);
}

export function setOutline(name) {
  layers.outline = name;
  emit("layers");
  announce(`Outline: ${OUTLINES[name] ?? "Refined"}`);
}

/** From the refined outline to the network's own, to the corrected one where there is one, and back. */
export function nextOutline() {
  const names = choices();
  setOutline(names[(names.indexOf(current()) + 1) % names.length]);
}

const corrected = () => Boolean(result()?.layers?.correction || painting());
const choices = () => (corrected() ? ["mask", "mask_raw", "correction"] : ["mask", "mask_raw"]);
const current = () => outlineShown() ?? "mask";

function row(name) {
  const layer = layers[name];
  const there = name in LEGENDS ? Boolean(result()?.layers?.[name]) : true;
  const swap = make(
    "button",
    {
      type: "button",
      id: `layer-${name}`,
      role: "switch",
      "aria-checked": String(layer.on && there),
      disabled: !there,
      "aria-keyshortcuts": ariaKeys(`layer-${name}`),
      title: `${NAMES[name]} (${keyOf(`layer-${name}`)})`,
      on: { click: () => toggle(name) },
    },
    make("span", { class: "knob" }),
    NAMES[name],
  );
  const slider = make("input", {
    type: "range",
    min: 0,
    max: 100,
    value: Math.round(100 * layer.opacity),
    id: `opacity-${name}`,
    disabled: !there,
    "aria-label": `${NAMES[name]}: opacity in percent`,
    on: {
      input: (event) => {
        layer.opacity = event.target.value / 100;
        emit("opacity");
      },
    },
  });
  const legend =
    LEGENDS[name] &&
    layer.on &&
    there &&
    make(
      "p",
      { class: `legend ${name}` },
      make("span", {}, LEGENDS[name][0]),
      make("i", {}),
      make("span", {}, LEGENDS[name][1]),
    );
  return make("div", { class: "layer" }, swap, slider, legend);
}

function outlineChoice() {
  const radio = (name) =>
    make(
      "label",
      { class: `outline ${name}` },
      make("input", {
        type: "radio",
        name: "outline",
        id: `outline-${name}`,
        value: name,
        checked: current() === name,
        disabled: painting(),
        on: { change: () => setOutline(name) },
      }),
      make("span", {}, name === "mask" ? OUTLINES.best : OUTLINES[name]),
    );
  return make(
    "fieldset",
    {},
    make("legend", {}, "Whose outline"),
    choices().map(radio),
    painting() && make("p", { class: "quiet" }, "While you correct, yours is solid and the answer's is dotted."),
  );
}

/** The explanation takes many more readings, so it is made when it is asked for. */
function explainButton() {
  const entry = state.current;
  if (result()?.layers?.explanation || !entry || entry.phase !== "done") return null;
  return make(
    "button",
    { type: "button", id: "explain", on: { click: () => reanalyse(entry, { explain: true }) } },
    entry.results.length > 1 ? `Explain all ${entry.results.length} frames` : "Explain this verdict",
  );
}

function render() {
  if (result()?.status !== "answered") return refill($("layers"));
  return refill(
    $("layers"),
    make(
      "section",
      { class: "card", "aria-label": "Layers" },
      make("h3", {}, "Layers"),
      Object.keys(NAMES).map(row),
      outlineChoice(),
      explainButton(),
    ),
  );
}

export function startLayers() {
  for (const name of Object.keys(NAMES)) bind(`layer-${name}`, () => toggle(name));
  bind("outline", nextOutline);
  for (const name of ["selection", "layers", "edits", "entries", "tool"]) on(name, render);
}

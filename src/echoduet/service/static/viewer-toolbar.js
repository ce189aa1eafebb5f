// The tools above the picture, and what its corners tell.
import * as calipers from "./viewer-calipers.js";
import { $, icon, make } from "./viewer-dom.js";
import { frame } from "./viewer-frame.js";
import { ariaKeys, bind, keyOf } from "./viewer-keys.js";
import { fit, view, zoomBy, zoomTo } from "./viewer-stage.js";
import { lesions, on, result, state, verdictOf } from "./viewer-store.js";
import { placeCaliper, resetWindow, take, TOOLS, windowText } from "./viewer-tools.js";
import { verdictText } from "./viewer-words.js";

const ACTIONS = [
  ["bigger", "Zoom in", () => zoomBy(1.25)],
  ["smaller", "Zoom out", () => zoomBy(0.8)],
  ["fit", "Fit the image", fit],
  ["one", "One to one", () => zoomTo(1 / (window.devicePixelRatio || 1))],
  ["reset-window", "Reset the window", resetWindow],
];
const PICTOGRAMS = { "reset-window": "reset" };

function button(id, label, work, text) {
  const attributes = {
    type: "button",
    id: `tool-${id}`,
    title: `${label} (${keyOf(id)})`,
    "aria-label": label,
    "aria-keyshortcuts": ariaKeys(id),
    on: { click: work },
  };
  return make(
    "button",
    attributes,
    id === "one" ? make("span", { "aria-hidden": "true" }, "1:1") : icon(PICTOGRAMS[id] ?? id),
    text && make("span", { class: "word" }, text),
  );
}

function build() {
  const tools = Object.entries(TOOLS).map(([tool, name]) => button(tool, name, () => take(tool), name));
  $("tools").replaceChildren(
    ...tools,
    make("span", { class: "gap" }),
    ...ACTIONS.map(([id, label, work]) => button(id, label, work)),
  );
}

function renderTools() {
  for (const tool of Object.keys(TOOLS)) {
    $(`tool-${tool}`).setAttribute("aria-pressed", String(state.tool === tool));
    $(`tool-${tool}`).disabled = !frame.picture || (tool === "brush" && result()?.status !== "answered");
  }
  for (const [id] of ACTIONS) $(`tool-${id}`).disabled = !frame.picture;
}

// ---------------------------------------------------------------- the corners

function renderCorners() {
  const { current: entry } = state;
  const answer = result();
  const shown = frame.picture && frame.entry === entry && answer;
  const many = shown && entry.results.length > 1 ? ` · frame ${frame.position + 1} of ${entry.results.length}` : "";
  const texts = {
    "corner-name": shown ? entry.name + many : "",
    "corner-state": shown && entry.forced && (answer.checks ?? []).some((check) => check.refuses) ? "Analysed anyway" : "",
    "corner-window": shown ? `${windowText()} · zoom ${Math.round(100 * view.zoom)} %` : "",
  };
  for (const [id, text] of Object.entries(texts)) {
    if ($(id).textContent !== text) $(id).textContent = text;
    $(id).hidden = !text;
  }
  $("canvas").setAttribute("aria-label", shown ? sentence(entry, answer, many) : "No image is open");
}

/** What the canvas shows, for whoever does not see it. */
function sentence(entry, answer, many) {
  const verdict = verdictOf(answer);
  const found = lesions(answer).length;
  const outlined = answer.status === "answered" ? `, ${found === 1 ? "one lesion" : `${found} lesions`} outlined` : "";
  return `${entry.name}${many}: ${verdictText({ verdict, probability: answer.probabilities?.[verdict] })}${outlined}. Tool: ${TOOLS[state.tool]}`;
}

export function startToolbar() {
  build();
  for (const tool of Object.keys(TOOLS)) bind(tool, () => take(tool));
  for (const [id, , work] of ACTIONS) bind(id, work);
  const keys = {
    escape: () => take("pan"),
    place: placeCaliper,
    end: calipers.otherEnd,
    caliper: calipers.nextCaliper,
    delete: () => calipers.remove(),
  };
  for (const [id, work] of Object.entries(keys)) bind(id, work);
  for (const name of ["selection", "entries", "tool", "frame"]) on(name, renderTools);
  for (const name of ["selection", "entries", "tool", "frame", "window", "drawn", "edits"]) on(name, renderCorners);
  on("selection", () => state.tool === "brush" && result() && result().status !== "answered" && take("pan"));
  renderTools();
  renderCorners();
}

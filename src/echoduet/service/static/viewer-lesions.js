// The lesions that are outlined, measured; and the calipers that a person set.
import { choose, chosen, length, remove } from "./viewer-calipers.js";
import { $, icon, make, refill } from "./viewer-dom.js";
import { outlineShown } from "./viewer-frame.js";
import { bind } from "./viewer-keys.js";
import { addOverlay, toScreen } from "./viewer-stage.js";
import { highlight, lesions, on, result, state, work } from "./viewer-store.js";
import { MEASURES, percent } from "./viewer-words.js";

function lesionButton({ number }) {
  return make(
    "button",
    {
      type: "button",
      id: `lesion-${number}`,
      "aria-pressed": String(state.lesion === number),
      title: `Show lesion ${number} (l)`,
      "aria-label": `Lesion ${number}`,
      on: { click: () => highlight(number) },
    },
    String(number),
  );
}

function table(found) {
  const rows = [...MEASURES];
  if (found.some((lesion) => typeof lesion.probability === "number")) {
    rows.push([
      "Mean probability",
      () => "",
      (lesion) => (typeof lesion.probability === "number" ? percent(lesion.probability) : "–"),
      "Of its pixels to be lesion",
    ]);
  }
  return make(
    "div",
    { class: "scroller", tabindex: "0", role: "group", "aria-label": "Measurements of the lesions" },
    make(
      "table",
      { class: "measured" },
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          make("th", { scope: "col" }, "Lesion"),
          found.map((lesion) => make("th", { scope: "col" }, lesionButton(lesion))),
        ),
      ),
      make(
        "tbody",
        {},
        rows.map(([name, unitOf, write, title]) =>
          make(
            "tr",
            {},
            make("th", { scope: "row", title }, [name, unitOf(found[0].unit)].filter(Boolean).join(", ")),
            found.map((lesion) =>
              make("td", { "data-lesion": lesion.number, class: state.lesion === lesion.number && "chosen" }, write(lesion)),
            ),
          ),
        ),
      ),
    ),
  );
}

function whose(answer) {
  if (work().edit?.changed) return "Of the last saved outline. The correction is measured when it is saved.";
  return answer.layers?.correction ? "Of the outline as corrected by a person." : "Of the refined outline.";
}

function renderLesions() {
  const answer = result();
  if (answer?.status !== "answered") return refill($("lesions"));
  const found = lesions(answer);
  const unit =
    found[0]?.unit === "px" && make("p", { class: "quiet" }, "In pixels: the file does not tell the size of a pixel.");
  return refill(
    $("lesions"),
    make(
      "section",
      { class: answer.layers?.correction ? "card person" : "card", "aria-label": "Lesions" },
      make("h3", {}, "Lesions"),
      found.length ? table(found) : make("p", {}, "No lesion is outlined."),
      make("p", { class: "quiet" }, whose(answer)),
      unit,
    ),
  );
}

function caliperRow(caliper, at) {
  const { value, unit, reason } = length(caliper);
  return make(
    "li",
    { class: caliper === chosen.caliper && "chosen" },
    make(
      "button",
      {
        type: "button",
        id: `caliper-${at}`,
        "aria-pressed": String(caliper === chosen.caliper),
        on: { click: () => choose(caliper) },
      },
      make("b", {}, `${at + 1}`),
      make("span", {}, `${value.toFixed(1)} ${unit}`),
    ),
    make(
      "button",
      {
        type: "button",
        id: `drop-caliper-${at}`,
        class: "plain",
        "aria-label": `Delete caliper ${at + 1}`,
        on: { click: () => remove(caliper) },
      },
      icon("remove", 16),
    ),
    reason && make("p", { class: "quiet" }, `In pixels: ${reason}.`),
  );
}

function renderCalipers() {
  const { calipers } = work();
  refill(
    $("measures"),
    calipers.length &&
      make(
        "section",
        { class: "card", "aria-label": "Calipers" },
        make("h3", {}, "Calipers"),
        make("ul", { class: "calipers" }, calipers.map(caliperRow)),
      ),
  );
}

/** The number of each lesion beside it, where there are several or one is chosen. */
function drawNumbers(context) {
  const found = lesions();
  if (!outlineShown() || (found.length < 2 && !state.lesion)) return;
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "center";
  for (const { number, box } of found) {
    const at = toScreen({ x: box.left + box.width, y: box.top });
    context.fillStyle = state.lesion === number ? "#ffc069" : "rgba(0,0,0,.75)";
    context.beginPath();
    context.arc(at.x + 8, at.y - 8, 11, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = state.lesion === number ? "#15181b" : "#ffc069";
    context.fillText(String(number), at.x + 8, at.y - 3.5);
  }
}

/** Go to the next lesion, and from the last one to none. */
function nextLesion() {
  const numbers = lesions().map((lesion) => lesion.number);
  const next = numbers[numbers.indexOf(state.lesion) + 1];
  if (next || state.lesion) highlight(next ?? state.lesion);
}

export function startLesions() {
  addOverlay(drawNumbers);
  bind("lesion", nextLesion);
  for (const name of ["selection", "entries", "edits", "lesion"]) on(name, renderLesions);
  for (const name of ["selection", "calipers", "entries"]) on(name, renderCalipers);
}

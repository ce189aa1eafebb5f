// The answer about the frame that is shown: verdict, probabilities, what they mean, how firm they are.
import { $, icon, make, refill } from "./viewer-dom.js";
import { on, result, state, verdictOf, work } from "./viewer-store.js";
import { calibrationText, GROUNDS, LABELS, malignantText, NOTICE, percent, sizeText, uncertaintyTexts } from "./viewer-words.js";

const ORDER = ["malignant", "benign", "normal"];

export const refusing = (answer) => (answer?.checks ?? []).filter((check) => check.refuses);

function model() {
  return state.models.find((one) => one.name === state.current?.model) ?? state.models.find((one) => one.default) ?? null;
}

function verdictCard(answer) {
  const verdict = verdictOf(answer);
  const probability = answer.probabilities?.[verdict];
  const corrected = Boolean(answer.layers?.correction);
  return make(
    "section",
    { class: `card verdict ${verdict}`, "aria-label": "Verdict" },
    make(
      "h2",
      {},
      icon(verdict, 26),
      LABELS[verdict],
      probability !== undefined && make("span", { class: "share" }, percent(probability)),
    ),
    make("p", { class: "notice" }, NOTICE),
    bars(answer),
    uncertaintyTexts(answer.uncertainty, answer.label).map((sentence) => make("p", { class: "firm" }, sentence)),
    answer.label_raw && answer.label_raw !== answer.label && make("p", {}, disagreement(answer)),
    work().edit?.changed && make("p", { class: "tag person" }, "Correction not saved yet"),
    corrected && make("p", { class: "tag person" }, "Outline corrected by a person"),
  );
}

const disagreement = ({ label, label_raw: raw }) =>
  `The classifier alone said ${raw}; its outline and its class were brought into agreement as ${label}.`;

function forcedCard(answer) {
  const grounds = refusing(answer);
  if (!grounds.length || answer.status !== "answered") return null;
  return make(
    "section",
    { class: "card forced", "aria-label": "Analysed anyway" },
    make("h3", {}, icon("refused", 18), "Analysed anyway"),
    make("p", {}, "This picture was refused, and a person asked for an answer all the same. Do not rely on it."),
    make(
      "ul",
      {},
      grounds.map(({ ground }) => make("li", {}, GROUNDS[ground]?.[0] ?? ground)),
    ),
  );
}

function bars(answer) {
  if (!answer.probabilities) return null;
  const row = (name) => {
    const value = answer.probabilities[name];
    const bar = make("i", {});
    bar.style.width = `${100 * value}%`;
    return make(
      "div",
      { class: `bar ${name}`, role: "img", "aria-label": `${LABELS[name]}: ${percent(value)}` },
      make("span", {}, icon(name, 14), LABELS[name]),
      make("div", {}, bar),
      make("b", {}, percent(value)),
    );
  };
  const said = calibrationText(model()?.calibration, answer);
  const worth = malignantText(model()?.calibration, answer.probabilities);
  return make(
    "div",
    { id: "probabilities", role: "group", "aria-label": "Probabilities" },
    ORDER.map(row),
    make("p", { id: "calibration" }, said ?? "How these probabilities relate to frequencies was not measured for this model."),
    worth ? make("p", { id: "malignant-worth" }, worth) : null,
  );
}

/** What the tests of the picture found: score and threshold, in words first. */
function checksCard(answer) {
  if (!answer.checks?.length) return null;
  const row = ({ ground, score, threshold, refuses }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, ground.replaceAll("_", " ")),
      make("td", {}, `${score.toFixed(2)} of ${threshold.toFixed(2)}`),
      make("td", {}, refuses ? "refuses" : "passes"),
    );
  return make(
    "details",
    { class: "card" },
    make("summary", {}, "Tests of the picture"),
    make("table", {}, make("tbody", {}, answer.checks.map(row))),
  );
}

function refusedCard() {
  return make(
    "section",
    { class: "card verdict refused", "aria-label": "Verdict" },
    make("h2", {}, icon("refused", 26), "Refused"),
    make("p", {}, "No answer is given about this picture. Why, and what to do, is told below the image."),
  );
}

function failedCard(sentence) {
  return make(
    "section",
    { class: "card verdict failed", "aria-label": "Verdict" },
    make("h2", {}, icon("failed", 26), "Not read"),
    make("p", { class: "reason" }, sentence),
  );
}

function waitingCard(entry) {
  const said = {
    waiting: "Waiting to be sent.",
    uploading: "On its way to the server.",
    queued: "In the server's queue.",
    running: "The network reads it.",
  };
  return make(
    "section",
    { class: "card", "aria-label": "Verdict" },
    make("h2", {}, icon("waiting", 24), "No answer yet"),
    make("p", {}, said[entry.phase] ?? ""),
  );
}

function fileCard(entry, answer) {
  const rows = [
    ["File", entry.name],
    ["Size", sizeText(answer)],
    ["Model", entry.model],
  ].filter(([, value]) => value);
  return make(
    "section",
    { class: "card quiet", "aria-label": "File" },
    make(
      "dl",
      {},
      rows.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
    ),
  );
}

function cards(entry, answer) {
  if (!entry) return [make("p", { class: "quiet" }, "The answer about an image appears here.")];
  if (entry.phase === "failed") return [failedCard(entry.error)];
  if (!answer) return [waitingCard(entry)];
  if (answer.status === "failed") return [failedCard(answer.error)];
  if (answer.status === "refused") return [refusedCard()];
  return [forcedCard(answer), verdictCard(answer)];
}

let shown = "";

/** Draw the panel anew where what it tells is not what it told. */
function render() {
  const [entry, answer] = [state.current, result()];
  const now = JSON.stringify([
    entry?.id,
    entry?.phase,
    entry?.error,
    answer,
    work().edit?.changed ?? false,
    state.models.length,
  ]);
  if (now === shown) return;
  shown = now;
  refill($("answer"), cards(entry, answer));
  const read = answer && answer.status !== "failed";
  refill($("about"), read && checksCard(answer), read && fileCard(entry, answer));
}

export function startPanel() {
  for (const name of ["selection", "entries", "edits", "models"]) on(name, render);
  render();
}

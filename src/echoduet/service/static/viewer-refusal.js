// A refused picture: why, in plain words, what to do, and the way to an answer all the same.
import { announce } from "./viewer-announce.js";
import { $, icon, make, refill } from "./viewer-dom.js";
import { reanalyse } from "./viewer-intake.js";
import { ariaKeys, bind, keyOf } from "./viewer-keys.js";
import { refusing } from "./viewer-panel.js";
import { on, result, state } from "./viewer-store.js";
import { GROUNDS } from "./viewer-words.js";

function anyway() {
  if (result()?.status !== "refused" || state.current.phase !== "done") return announce("This image is not refused.");
  return reanalyse(state.current, { refuse: false });
}

function ground({ ground: name }) {
  const [why, remedy] = GROUNDS[name] ?? [
    `It was refused on the ground "${name.replaceAll("_", " ")}".`,
    "Take another picture.",
  ];
  return make("li", { "data-ground": name }, make("strong", {}, why), " ", make("span", {}, remedy));
}

function anywayButton(waiting) {
  const attributes = {
    type: "button",
    id: "anyway",
    disabled: waiting,
    title: `Analyse anyway (${keyOf("anyway")})`,
    "aria-keyshortcuts": ariaKeys("anyway"),
    on: { click: anyway },
  };
  return make("button", attributes, waiting ? "Being analysed" : "Analyse anyway");
}

let shown = "";

function render() {
  const answer = result();
  const refused = answer?.status === "refused";
  const waiting = state.current?.phase !== "done";
  const now = JSON.stringify([refused && answer, waiting]);
  if (now === shown) return;
  shown = now;
  $("refusal").hidden = !refused;
  refill(
    $("refusal"),
    refused && [
      icon("refused", 40),
      make(
        "div",
        {},
        make("div", { class: "head" }, make("h2", {}, "Refused: no answer is given"), anywayButton(waiting)),
        make("ul", {}, refusing(answer).map(ground)),
        make("p", { class: "quiet" }, "An answer all the same would be marked as given against the refusal."),
      ),
    ],
  );
}

export function startRefusal() {
  for (const name of ["selection", "entries"]) on(name, render);
  bind("anyway", anyway);
}

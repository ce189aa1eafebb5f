// The frames of a file: a slider, steps, and a film at the rate that is wished for.
import { announce } from "./viewer-announce.js";
import { $, icon, make } from "./viewer-dom.js";
import { bring, lookAhead } from "./viewer-frame.js";
import { ariaKeys, bind, keyOf } from "./viewer-keys.js";
import { on, result, select, state, verdictOf } from "./viewer-store.js";
import { verdictText } from "./viewer-words.js";

const AHEAD = 6;
const RATES = [1, 60];

const film = { rate: 10, timer: 0 };
let parts = null;

const count = () => state.current?.results.length ?? 0;

export function goTo(position, spoken = true) {
  if (count() < 2) return;
  const there = (position + count()) % count();
  select(state.current, there);
  lookAhead(
    state.current,
    Array.from({ length: AHEAD }, (_, at) => (there + at + 1) % count()),
  );
  if (spoken) announce(frameText());
}

const stepBy = (by) => {
  stop();
  goTo(state.current?.position + by);
};

function frameText() {
  const answer = result();
  const verdict = verdictOf(answer);
  return `Frame ${state.current.position + 1} of ${count()}: ${verdictText({ verdict, probability: answer?.probabilities?.[verdict] })}`;
}

function stop() {
  if (!film.timer) return;
  clearTimeout(film.timer);
  film.timer = 0;
  render();
}

/** The next frame is only gone to when this one is on the stage: a film that cannot keep up plays more slowly. */
async function roll() {
  const begun = performance.now();
  goTo(state.current.position + 1, false);
  await bring();
  if (film.timer) film.timer = setTimeout(roll, Math.max(0, 1000 / film.rate - (performance.now() - begun)));
}

function play() {
  if (film.timer) {
    stop();
    announce(frameText());
    return;
  }
  if (count() < 2) return;
  film.timer = setTimeout(roll, 1000 / film.rate);
  announce(`Playing ${film.rate} frames a second`);
  render();
}

function setRate(text) {
  film.rate = Math.min(RATES[1], Math.max(RATES[0], Number(text) || 10));
  parts.rate.value = film.rate;
  if (film.timer) {
    stop();
    play();
  }
}

function button(id, key, name, label, work) {
  return make(
    "button",
    {
      type: "button",
      id,
      "aria-label": label,
      title: `${label} (${keyOf(key)})`,
      "aria-keyshortcuts": ariaKeys(key),
      on: { click: work },
    },
    icon(name),
  );
}

function build() {
  parts = {
    play: button("play", "play", "play", "Play", play),
    slider: make("input", {
      type: "range",
      id: "frame",
      min: 0,
      "aria-label": "Frame",
      on: {
        input: (event) => {
          stop();
          goTo(Number(event.target.value), false);
        },
      },
    }),
    strip: make("canvas", { id: "strip", height: 14, "aria-hidden": "true" }),
    text: make("output", { id: "frame-text", for: "frame" }),
    rate: make("input", {
      type: "number",
      id: "rate",
      min: RATES[0],
      max: RATES[1],
      value: film.rate,
      "aria-label": "Frames a second",
      on: { change: (event) => setRate(event.target.value) },
    }),
  };
  $("cine").replaceChildren(
    parts.play,
    button("frame-previous", "frame-previous", "previous", "Previous frame", () => stepBy(-1)),
    make("div", { class: "track" }, parts.slider, parts.strip),
    button("frame-next", "frame-next", "next", "Next frame", () => stepBy(1)),
    parts.text,
    make("label", { class: "rate" }, parts.rate, make("span", {}, "frames / s")),
  );
}

const COLOURS = {
  malignant: "#ff9a8f",
  benign: "#8fd19e",
  normal: "#9fb4c7",
  outlined: "#9fb4c7",
  refused: "#ffcf70",
  failed: "#ffcf70",
  waiting: "#3a4046",
};

/** A bar for each frame, as high as the lesion is suspicious; a refused frame has a mark at the bottom only. */
function drawStrip() {
  const { strip } = parts;
  strip.width = Math.max(1, strip.clientWidth);
  const context = strip.getContext("2d");
  const wide = strip.width / count();
  Array.from(state.current.results).forEach((answer, at) => {
    const high = answer?.probabilities ? 2 + 12 * answer.probabilities.malignant : 3;
    context.fillStyle = COLOURS[verdictOf(answer)];
    context.fillRect(at * wide, 14 - high, Math.max(1, wide - 1), high);
  });
}

function render() {
  const cine = $("cine");
  cine.hidden = count() < 2;
  if (cine.hidden) return;
  parts.slider.max = count() - 1;
  parts.slider.value = state.current.position;
  parts.slider.setAttribute("aria-valuetext", frameText());
  parts.text.textContent = `${state.current.position + 1} / ${count()}`;
  const playing = film.timer !== 0;
  if (parts.play.dataset.playing !== String(playing)) {
    parts.play.dataset.playing = String(playing);
    parts.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    parts.play.replaceChildren(icon(playing ? "pause" : "play"));
  }
  drawStrip();
}

export function startCine() {
  build();
  let last = null;
  on("selection", () => {
    if (state.current !== last) stop();
    last = state.current;
    render();
  });
  on("entries", render);
  bind("play", play);
  bind("frame-next", () => stepBy(1));
  bind("frame-previous", () => stepBy(-1));
}

// The viewer: puts its parts together. No library, no build step, nothing from elsewhere, nothing kept.
import { warn } from "./viewer-announce.js";
import { models, onUnauthorised, request } from "./viewer-api.js";
import { startBrush } from "./viewer-brush.js";
import { startCalipers } from "./viewer-calipers.js";
import { startCine } from "./viewer-cine.js";
import { startCorrection } from "./viewer-correction.js";
import { askToken, show } from "./viewer-dialogs.js";
import { $, icon, make } from "./viewer-dom.js";
import { startExport } from "./viewer-export.js";
import { frame } from "./viewer-frame.js";
import { pick, startIntake } from "./viewer-intake.js";
import { ariaKeys, bind, keyOf, startKeys } from "./viewer-keys.js";
import { startLayers } from "./viewer-layers.js";
import { startLesions } from "./viewer-lesions.js";
import { startPanel } from "./viewer-panel.js";
import { startRefusal } from "./viewer-refusal.js";
import { startStage } from "./viewer-stage.js";
import { emit, on, result, state } from "./viewer-store.js";
import { startToolbar } from "./viewer-toolbar.js";
import { arrow, startTools } from "./viewer-tools.js";
import { startWorklist } from "./viewer-worklist.js";

function buildHeader() {
  $("add").append(icon("add"), make("span", {}, "Add images"));
  $("help-button").append(icon("help"), make("span", { class: "unseen" }, "Keys"));
  for (const [button, id, label] of [
    ["add", "add", "Add images"],
    ["help-button", "help", "Keys"],
  ]) {
    $(button).title = `${label} (${keyOf(id)})`;
    $(button).setAttribute("aria-keyshortcuts", ariaKeys(id));
  }
  $("add").addEventListener("click", pick);
  $("hint").append("Press ", make("kbd", {}, "?"), " for all keys");
  bind("add", pick);
}

function buildWelcome() {
  $("welcome").replaceChildren(
    make("h2", {}, "Drop breast ultrasound images here"),
    make(
      "p",
      {},
      "PNG, JPEG, TIFF, BMP or DICOM, single or multi-frame, one or many. You can also choose files or paste a picture.",
    ),
    make(
      "button",
      { type: "button", id: "choose", class: "strong", on: { click: pick } },
      icon("add"),
      make("span", {}, "Choose files"),
    ),
    make(
      "p",
      { class: "quiet" },
      "Images go to this EchoDuet server only, which forgets them after a while. This page keeps nothing.",
    ),
  );
}

/** How much of what was added is answered, in the header. */
function renderBusy() {
  const open = state.entries.filter((entry) => !["done", "failed"].includes(entry.phase));
  const done = state.entries.length - open.length;
  const bar = $("busy");
  bar.hidden = !open.length;
  bar.setAttribute("aria-valuenow", Math.round((100 * done) / Math.max(1, state.entries.length)));
  bar.setAttribute("aria-valuetext", `${done} of ${state.entries.length} files done`);
  bar.firstElementChild.style.width = `${(100 * done) / Math.max(1, state.entries.length)}%`;
  bar.lastElementChild.textContent = `${done} of ${state.entries.length}`;
}

function renderStage() {
  $("welcome").hidden = Boolean(state.entries.length);
  const waiting = state.current && !frame.picture;
  $("waiting").hidden = !waiting;
  $("waiting").textContent = !waiting
    ? ""
    : state.current.phase === "failed" || result()?.status === "failed"
      ? "This file could not be read."
      : "Waiting for the server";
}

/** Which model answers; behind its name is its card: what it learnt from, what it was measured to do, its limits. */
function showModel(model) {
  const button = $("model");
  button.hidden = !model;
  if (!model) return;
  button.textContent = model.name;
  button.title = "What is known about this model";
  button.disabled = !model.card;
  button.addEventListener("click", async () => {
    try {
      show(`Model ${model.name}`, await (await request(model.card)).text());
    } catch (error) {
      warn(error.message);
    }
  });
}

async function nameModel() {
  try {
    state.models = await models();
    const model = state.models.find((one) => one.default) ?? state.models[0];
    showModel(model);
    emit("models");
  } catch (error) {
    warn(error.message);
  }
}

function start() {
  onUnauthorised(askToken);
  buildHeader();
  buildWelcome();
  for (const begin of [
    startStage,
    startCalipers,
    startLesions,
    startBrush,
    startTools,
    startToolbar,
    startIntake,
    startWorklist,
    startCine,
  ])
    begin();
  for (const begin of [startPanel, startLayers, startCorrection, startExport, startRefusal]) begin();
  startKeys(arrow);
  for (const name of ["entries", "selection", "frame"])
    on(name, () => {
      renderBusy();
      renderStage();
    });
  emit("tool");
  renderBusy();
  renderStage();
  nameModel();
}

start();

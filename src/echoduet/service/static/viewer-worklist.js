// The worklist: one line a file, with its verdict as a shape, a word and a number.
import { announce } from "./viewer-announce.js";
import { forget } from "./viewer-api.js";
import { ask } from "./viewer-dialogs.js";
import { $, icon, make } from "./viewer-dom.js";
import { bind } from "./viewer-keys.js";
import { picture } from "./viewer-pictures.js";
import { emit, gravest, listed, on, select, state, unsaved, verdictOf } from "./viewer-store.js";
import { verdictText } from "./viewer-words.js";

const FILTERS = {
  all: "All",
  malignant: "Malignant",
  benign: "Benign",
  normal: "Normal",
  refused: "Refused",
  failed: "Not read",
};
const SORTS = { added: "As added", malignant: "Most suspicious", name: "Name" };
const THUMB = { width: 60, height: 46 };

const lines = new Map();

/** What is said about the frames of a file: in how many of them its gravest verdict holds. */
function framesText(entry, best) {
  const frames = entry.results.filter(Boolean);
  if (frames.length < 2) return "";
  const same = frames.filter((answer) => verdictOf(answer) === best.verdict).length;
  return `In ${same} of ${frames.length} frames, most in frame ${best.position + 1}`;
}

function phaseText(entry) {
  if (entry.phase === "uploading") return `Sending ${Math.round(100 * entry.sent)} %`;
  if (entry.phase === "running" && entry.results.length && entry.results !== entry.next?.results)
    return `Again ${Math.round(100 * entry.sent)} %`;
  return { waiting: "Waiting", queued: "In the queue", running: "Being analysed" }[entry.phase] ?? "";
}

function told(entry) {
  const best = gravest(entry);
  const busy = phaseText(entry);
  const tags = [
    entry.forced && best.verdict !== "failed" && "analysed anyway",
    unsaved([entry]).length && "not saved",
    entry.results.some((one) => one?.layers?.correction) && "corrected",
  ];
  const failed = entry.phase === "failed" ? entry.error : entry.results.find((one) => one?.status === "failed")?.error;
  const again = busy && best.verdict !== "waiting" && entry.results !== entry.next?.results;
  return {
    best,
    busy,
    verdict: busy && best.verdict === "waiting" ? busy : verdictText(best),
    more: (again && busy) || failed || framesText(entry, best) || "",
    tags: tags.filter(Boolean),
  };
}

function fillLine(line, entry, now) {
  const { best, verdict, more, tags, busy } = now;
  line.replaceChildren(
    line.thumb,
    make(
      "div",
      { class: "about" },
      make("b", { class: "name", title: entry.name }, entry.name),
      make("span", { class: `verdict ${best.verdict}` }, icon(best.verdict, 15), verdict),
      more && make("small", { class: best.verdict === "failed" && "reason" }, more),
      tags.length > 0 &&
        make(
          "small",
          { class: "tags" },
          tags.map((tag) => make("em", { class: tag.replace(" ", "-") }, tag)),
        ),
    ),
    busy && make("progress", { max: 1, value: entry.sent || false, "aria-hidden": "true" }),
  );
}

function makeLine(entry) {
  const line = make("div", { role: "option", id: `entry-${entry.id}`, class: "entry", on: { click: () => select(entry) } });
  line.thumb = make("canvas", { ...THUMB, "aria-hidden": "true" });
  line.entry = entry;
  lines.set(entry.id, line);
  seen.observe(line);
  return line;
}

function lineOf(entry) {
  const line = lines.get(entry.id) ?? makeLine(entry);
  const now = told(entry);
  const mark = JSON.stringify(now) + (now.busy ? entry.sent : "");
  if (line.mark !== mark) {
    line.mark = mark;
    fillLine(line, entry, now);
  }
  line.setAttribute("aria-selected", String(entry === state.current));
  if (line.visible) drawThumb(line);
  return line;
}

// ---------------------------------------------------------------- thumbnails, of lines in sight only

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.visible = isIntersecting;
    if (isIntersecting) drawThumb(target);
  }
});

async function drawThumb(line) {
  const address = line.entry.results[gravest(line.entry).position]?.layers?.image;
  if (!address || line.drawn === address) return;
  line.drawn = address;
  try {
    const { width, height, data } = await picture(address);
    const bitmap = await createImageBitmap(new ImageData(data, width, height));
    const context = line.thumb.getContext("2d");
    const zoom = Math.min(THUMB.width / width, THUMB.height / height);
    context.clearRect(0, 0, THUMB.width, THUMB.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(
      bitmap,
      (THUMB.width - width * zoom) / 2,
      (THUMB.height - height * zoom) / 2,
      width * zoom,
      height * zoom,
    );
  } catch {
    line.drawn = ""; // the stage tells why; here it is tried again with the next change
  }
}

// ---------------------------------------------------------------- the list

function render() {
  const shown = listed();
  const rows = $("rows");
  const wanted = shown.map(lineOf);
  if (wanted.length !== rows.children.length || wanted.some((line, at) => rows.children[at] !== line))
    rows.replaceChildren(...wanted);
  const active = shown.includes(state.current) ? `entry-${state.current.id}` : "";
  if (active) rows.setAttribute("aria-activedescendant", active);
  else rows.removeAttribute("aria-activedescendant");
  $("sifting").hidden = rows.hidden = !state.entries.length;
  $("none").textContent = state.entries.length && !shown.length ? "None of the images is of this kind." : "";
}

function follow() {
  render();
  lines.get(state.current?.id)?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Go to another line: `by` lines on, or to the first or last. */
export function step(by) {
  const shown = listed();
  if (!shown.length) return;
  const at = shown.indexOf(state.current);
  const next = shown[Math.min(shown.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  if (next === state.current) announce(by > 0 ? "This is the last image." : "This is the first image.");
  else {
    select(next);
    announce(`${next.name}: ${verdictText(gravest(next))}`);
  }
}

/** Take an image off the list; the server forgets its job once no other image on the list belongs to it. */
export async function remove(entry = state.current) {
  if (!entry) return;
  if (unsaved([entry]).length) {
    const answer = await ask("Take it off the list?", `The correction of ${entry.name} is not saved, and would be lost.`, [
      ["keep", "Keep it", true],
      ["drop", "Take it off"],
    ]);
    if (answer !== "drop") return;
  }
  const at = listed().indexOf(entry);
  state.entries = state.entries.filter((other) => other !== entry);
  lines.get(entry.id)?.remove();
  lines.delete(entry.id);
  if (state.current === entry) select(listed()[Math.min(at, listed().length - 1)] ?? state.entries[0] ?? null);
  emit("entries");
  announce(`${entry.name} is off the list`);
  if (entry.job && !state.entries.some((other) => other.job === entry.job)) forget(entry.job).catch(() => {}); // it is forgotten there anyway, later
}

function options(field, words, key) {
  field.replaceChildren(...Object.entries(words).map(([value, label]) => make("option", { value }, label)));
  field.addEventListener("change", () => {
    state[key] = field.value;
    emit("entries");
  });
}

export function startWorklist() {
  options($("filter"), FILTERS, "filter");
  options($("sort"), SORTS, "sort");
  $("rows").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity, PageDown: 8, PageUp: -8 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    step(by);
  });
  bind("next", () => step(1));
  bind("previous", () => step(-1));
  bind("remove", () => remove());
  bind("to-list", () => $("rows").focus());
  bind("to-image", () => $("canvas").focus());
  on("entries", render);
  on("edits", render);
  on("selection", follow);
  render();
}

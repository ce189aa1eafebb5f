// What is open, and who is told when it changes. Nothing of it outlives the page.

const bus = new EventTarget();

/** Call `work` whenever `name` happens: entries, selection, frame, layers, edits, calipers, tool, lesion. */
export const on = (name, work) => bus.addEventListener(name, (event) => work(event.detail));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

/**
 * An entry is one file that was added:
 * {id, file, name, phase: waiting|uploading|queued|running|done|failed, sent (0..1), error, job, model,
 *  results, total, forced, explained, position, window, works: Map(position -> {calipers, edit})}
 */
export const state = { entries: [], current: null, tool: "pan", lesion: 0, filter: "all", sort: "added", models: [] };

let count = 0;

/** A new entry for a file; its name is the one that the person's own disk gives it. */
export function entryOf(file) {
  count += 1;
  return {
    id: count,
    file,
    name: file.name || "pasted image",
    phase: "waiting",
    sent: 0,
    error: "",
    job: "",
    results: [],
    total: null,
    forced: false,
    explained: false,
    position: 0,
    window: { centre: 127.5, width: 255 },
    works: new Map(),
  };
}

/** The result that is shown: one frame's answer; undefined while there is none. */
export const result = (entry = state.current) => entry?.results[entry.position];

/** What a person did on a frame: calipers, and changes of the mask. */
export function work(entry = state.current, position = entry?.position) {
  if (!entry) return { calipers: [], edit: null };
  if (!entry.works.has(position)) entry.works.set(position, { calipers: [], edit: null });
  return entry.works.get(position);
}

/** Whether the mask is being painted on: then it is what is shown, whatever outline was chosen. */
export function painting() {
  const { edit } = work();
  return Boolean(edit && (edit.changed || state.tool === "brush"));
}

export function select(entry, position = entry?.position) {
  const same = state.current === entry && entry?.position === position;
  state.current = entry;
  if (entry) entry.position = position;
  if (same) return;
  state.lesion = 0;
  emit("selection");
}

export function highlight(number) {
  state.lesion = state.lesion === number ? 0 : number;
  emit("lesion");
}

/** The lesions that are shown: those of the correction where there is one. */
export function lesions(answer = result()) {
  if (!answer) return [];
  return answer.layers?.correction ? (answer.correction_lesions ?? []) : (answer.lesions ?? []);
}

/** Entries with changes that the server has not got. */
export const unsaved = (entries = state.entries) =>
  entries.filter((entry) => [...entry.works.values()].some((one) => one.edit?.changed));

// ---------------------------------------------------------------- what an entry amounts to

const RANK = ["malignant", "benign", "normal", "outlined", "refused", "failed", "waiting"];

/** The verdict on one result: malignant, benign, normal, outlined (no class head), refused or failed. */
export function verdictOf(answer) {
  if (!answer) return "waiting";
  return answer.status === "answered" ? (answer.label ?? "outlined") : answer.status;
}

/** The frame that speaks for a file: the gravest verdict, and of those the one most probably so. */
export function gravest(entry) {
  if (entry.phase === "failed") return { verdict: "failed", position: 0, probability: null };
  let best = { verdict: "waiting", position: 0, probability: null };
  entry.results.forEach((answer, position) => {
    if (!answer) return;
    const verdict = verdictOf(answer);
    const probability = answer.probabilities?.[verdict] ?? null;
    const ahead = RANK.indexOf(verdict) - RANK.indexOf(best.verdict);
    if (ahead < 0 || (ahead === 0 && (probability ?? 0) > (best.probability ?? 0))) best = { verdict, position, probability };
  });
  return best;
}

/** The entries that the filter leaves, in the order chosen. */
export function listed() {
  const kept = state.entries.filter((entry) => state.filter === "all" || gravest(entry).verdict === state.filter);
  const suspicion = (entry) => Math.max(-1, ...entry.results.map((answer) => answer?.probabilities?.malignant ?? -1));
  if (state.sort === "name") kept.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  if (state.sort === "malignant") kept.sort((a, b) => suspicion(b) - suspicion(a));
  return kept;
}

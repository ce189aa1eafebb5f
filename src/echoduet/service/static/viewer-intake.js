// How files come in: by dropping, choosing or pasting; and how they go to the server and their answers come back.
import { announce, warn } from "./viewer-announce.js";
import { follow, send } from "./viewer-api.js";
import { $ } from "./viewer-dom.js";
import { emit, entryOf, gravest, result, select, state } from "./viewer-store.js";
import { verdictText } from "./viewer-words.js";

const MOST_FILES = 100; // in one request
const MOST_BYTES = 64_000_000; // beyond which a file goes in the next one, so that a refusal of a large one hits no other

let line = Promise.resolve();

/** Take files in, and show the first one. */
export function add(files) {
  const entries = [...files].map(entryOf);
  if (!entries.length) return;
  state.entries.push(...entries);
  emit("entries");
  if (!state.current) select(entries[0], 0);
  announce(entries.length === 1 ? `${entries[0].name} added` : `${entries.length} files added`);
  for (const batch of batches(entries)) queue(batch, { refuse: true, explain: false });
}

function batches(entries) {
  const made = [];
  let bytes = Infinity;
  for (const entry of entries) {
    if (bytes + entry.file.size > MOST_BYTES || made.at(-1).length >= MOST_FILES) {
      made.push([]);
      bytes = 0;
    }
    made.at(-1).push(entry);
    bytes += entry.file.size;
  }
  return made;
}

/** Ask again about one file, by other rules. What was done on it stays, and has to be saved for the new answer. */
export function reanalyse(entry, { refuse = !entry.forced, explain = entry.explained }) {
  if (!["done", "failed"].includes(entry.phase)) return;
  for (const { edit } of entry.works.values()) if (edit) Object.assign(edit, { savedAt: -1, changed: true });
  announce(`${entry.name} is analysed again`);
  queue([entry], { refuse, explain });
}

/** One request after the other: the server's queue is for everyone. */
function queue(batch, options) {
  set(batch, { phase: "waiting", sent: 0, error: "" });
  line = line.then(() => run(batch, options)).catch((error) => fail(batch, error));
}

function set(batch, what) {
  for (const entry of batch) Object.assign(entry, what);
  emit("entries");
}

/** What was answered before stays, where a second request about it failed. */
function fail(batch, error) {
  for (const entry of batch.filter((one) => one.phase !== "done")) {
    Object.assign(entry, entry.results.length ? { phase: "done" } : { phase: "failed", error: error.message });
  }
  emit("entries");
  warn(error.message);
}

async function run(batch, options) {
  const there = batch.filter((entry) => state.entries.includes(entry));
  if (!there.length) return;
  set(there, { phase: "uploading" });
  const job = await send(
    there.map((entry) => entry.file),
    options,
    (share) => sent(there, share),
    announce,
  );
  const answers = { job: job.id, model: job.model, forced: !options.refuse, explained: options.explain };
  there.forEach((entry) => {
    entry.next = { ...answers, results: [] };
  });
  set(there, { phase: "queued" });
  if (await follow(job, (now) => arrive(there, now))) told(there);
}

/** How far each file is, from how far all of them are: they lie one behind the other. */
function sent(batch, share) {
  const total = batch.reduce((sum, entry) => sum + entry.file.size, 0);
  let done = share * total;
  for (const entry of batch) {
    entry.sent = Math.min(1, Math.max(0, done / Math.max(1, entry.file.size)));
    done -= entry.file.size;
  }
  emit("entries");
}

/** Put what a job has found so far to its entries; returns whether any of them is still on the list. */
function arrive(batch, job) {
  const before = result();
  for (const found of job.results) {
    const entry = batch[found.file];
    entry.next.results[found.frame ?? 0] = found;
  }
  const ended = job.status === "done" || job.status === "cancelled";
  const share = job.frames_total ? job.frames_done / job.frames_total : 0;
  for (const entry of batch) {
    Object.assign(entry, { phase: ended ? "done" : job.status, sent: share });
    // A file that is analysed again keeps its answers until all new ones are there.
    if (ended || !entry.results.length) Object.assign(entry, entry.next);
    if (ended && !entry.results.length)
      Object.assign(entry, { phase: "failed", error: "The server told nothing about this file. Add it again." });
    entry.position = Math.min(entry.position, Math.max(0, entry.results.length - 1));
  }
  emit("entries");
  // A result that was already shown comes again with every question; only another one is news.
  if (result()?.layers?.image !== before?.layers?.image || result()?.status !== before?.status) emit("selection");
  return batch.some((entry) => state.entries.includes(entry));
}

function told(batch) {
  const of = (verdict) => batch.filter((entry) => gravest(entry).verdict === verdict).length;
  const parts = ["malignant", "benign", "normal", "refused", "failed"]
    .filter(of)
    .map((verdict) => `${of(verdict)} ${verdict === "failed" ? "not read" : verdict}`);
  announce(batch.length === 1 ? `${batch[0].name}: ${verdictText(gravest(batch[0]))}` : `Done: ${parts.join(", ")}`);
}

// ---------------------------------------------------------------- dropping, choosing, pasting

/** The files of what was dropped, those in folders too. */
async function filesOf(transfer) {
  const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!roots.some((root) => root.isDirectory)) return [...transfer.files];
  const found = [];
  for (const waiting = roots; waiting.length;) {
    const next = waiting.shift();
    if (next.isFile)
      found.push(
        await new Promise((done, failed) => {
          next.file(done, failed);
        }),
      );
    else waiting.push(...(await children(next)));
  }
  return found.filter((file) => !file.name.startsWith("."));
}

/** A folder is read a hundred names at a time, until nothing comes any more. */
async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((done, failed) => {
      reader.readEntries(done, failed);
    });
    if (!some.length) return all;
    all.push(...some);
  }
}

export function startIntake() {
  const field = $("files");
  let inside = 0;
  const show = (by) => {
    inside = Math.max(0, inside + by);
    $("drop-here").hidden = inside === 0;
  };
  field.addEventListener("change", () => {
    add(field.files);
    field.value = "";
  });
  document.addEventListener("dragenter", (event) => event.dataTransfer?.types.includes("Files") && show(1));
  document.addEventListener("dragleave", () => show(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    show(-inside);
    filesOf(event.dataTransfer).then(add, () => warn("What was dropped could not be read."));
  });
  document.addEventListener("paste", (event) => add(event.clipboardData?.files ?? []));
}

export const pick = () => $("files").click();

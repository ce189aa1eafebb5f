// Taking answers away: everything as a zip, one image as a zip, or single documents of it.
import { announce, warn } from "./viewer-announce.js";
import { blob, json } from "./viewer-api.js";
import { guard } from "./viewer-correction.js";
import { $, download, icon, make, refill } from "./viewer-dom.js";
import { reanalyse } from "./viewer-intake.js";
import { ariaKeys, bind, keyOf } from "./viewer-keys.js";
import { on, result, state } from "./viewer-store.js";
import { remove } from "./viewer-worklist.js";

const DOCUMENTS = {
  seg: ["DICOM segmentation", ".seg.dcm"],
  sr: ["DICOM report", ".sr.dcm"],
  sc: ["DICOM picture", ".sc.dcm"],
  nifti: ["NIfTI mask", ".nii.gz"],
  overlay: ["Picture with outline", ".overlay.png"],
};

const stem = (name) => name.replace(/\.[^.]+$/, "") || name;

/** Hand over what the server gives: a refusal is told in words, which a link could not. */
async function fetchTo(address, name, options) {
  const address_ = URL.createObjectURL(await blob(address, options));
  download(address_, name);
  setTimeout(() => URL.revokeObjectURL(address_), 60_000);
}

/** The results of a file that say something: what could not be read has nothing to export. */
const indices = (entry) => entry.results.filter((answer) => answer && answer.status !== "failed").map((answer) => answer.index);

/** A place as the server counts: there, whole numbers are the middles of pixels; here, their left upper corners. */
const placeOf = ({ x, y }) => ({ row: y - 0.5, column: x - 0.5 });

/** The calipers of a file, for each result that has some and is exported. */
const marked = (entry) =>
  [...entry.works]
    .filter(([position, { calipers }]) => calipers.length && indices(entry).includes(entry.results[position]?.index))
    .map(([position, { calipers }]) => ({
      index: entry.results[position].index,
      calipers: calipers.map(({ a, b }) => ({ start: placeOf(a), end: placeOf(b) })),
    }));

/** Those of the files that the server has forgotten. */
async function forgotten(entries) {
  const gone = new Set();
  for (const job of new Set(entries.map((entry) => entry.job))) {
    try {
      await json(`v1/jobs/${job}?start=1000000`);
    } catch (error) {
      if (error.status !== 404) throw error;
      gone.add(job);
    }
  }
  return entries.filter((entry) => gone.has(entry.job));
}

/** One zip of these files; those that were added together have numbers that follow one another. */
async function zip(entries, name) {
  const parts = entries.map((entry) => ({ job: entry.job, results: indices(entry), calipers: marked(entry) }));
  const headers = { "content-type": "application/json" };
  await fetchTo("v1/exports", name, { method: "POST", headers, body: JSON.stringify({ parts }) });
}

let busy = false;

/** Take something away, one thing at a time: of a long loop the server makes hundreds of files. */
async function take(work, doing) {
  if (busy) return announce("An export is being made.");
  busy = true;
  try {
    if (!(await guard(doing))) return;
    announce("The export is being made.");
    render();
    await work();
  } catch (error) {
    warn(error.message);
  } finally {
    busy = false;
    render();
  }
}

export function exportOne(entry = state.current) {
  if (!entry?.job || !indices(entry).length) return announce("There is no answer to export yet.");
  return take(async () => {
    await zip([entry], `${stem(entry.name)}.zip`);
    announce(`${entry.name} exported`);
  }, "exporting now");
}

export function exportAll() {
  const wanted = state.entries.filter((entry) => entry.job && indices(entry).length);
  if (!wanted.length) return announce("There is no answer to export yet.");
  return take(async () => {
    const lost = await forgotten(wanted);
    const there = wanted.filter((entry) => !lost.includes(entry));
    if (there.length) await zip(there, "echoduet.zip");
    if (!lost.length) return announce("Everything exported");
    const names = lost.map((entry) => entry.name).join(", ");
    return warn(`${there.length} of ${wanted.length} exported. The server has forgotten ${names}: analyse again, then export.`);
  }, "exporting now");
}

function documentButton([kind, address]) {
  const [label, suffix] = DOCUMENTS[kind];
  const frame = result().frame;
  const name = `${stem(state.current.name)}${frame === null || frame === undefined ? "" : `-frame-${frame + 1}`}${suffix}`;
  return make(
    "button",
    { type: "button", id: `document-${kind}`, on: { click: () => take(() => fetchTo(address, name), "this download") } },
    label,
  );
}

const again = () => state.current && reanalyse(state.current, {});

function render() {
  const entry = state.current;
  const all = $("export-all");
  all.disabled = !state.entries.some((one) => indices(one).length);
  all.setAttribute("aria-busy", String(busy));
  all.lastChild.textContent = busy ? "Exporting" : "Export all";
  if (!entry) return refill($("take-away"));
  const documents = Object.entries(result()?.documents ?? {}).filter(([kind, address]) => address && DOCUMENTS[kind]);
  return refill(
    $("take-away"),
    make(
      "section",
      { class: "card", "aria-label": "Take away" },
      make("h3", {}, "Take away"),
      make(
        "div",
        { class: "buttons" },
        make(
          "button",
          {
            type: "button",
            id: "export-one",
            title: `Export this image (${keyOf("export-one")})`,
            "aria-keyshortcuts": ariaKeys("export-one"),
            disabled: !indices(entry).length,
            on: { click: () => exportOne() },
          },
          icon("save", 16),
          "This image (zip)",
        ),
        documents.map(documentButton),
        make(
          "button",
          {
            type: "button",
            id: "again",
            title: `Send it again (${keyOf("again")})`,
            "aria-keyshortcuts": ariaKeys("again"),
            disabled: entry.phase !== "done" && entry.phase !== "failed",
            on: { click: again },
          },
          icon("redo", 16),
          "Analyse again",
        ),
        make(
          "button",
          {
            type: "button",
            id: "remove",
            title: `Take it off the list (${keyOf("remove")})`,
            "aria-keyshortcuts": ariaKeys("remove"),
            on: { click: () => remove() },
          },
          icon("remove", 16),
          "Off the list",
        ),
      ),
    ),
  );
}

export function startExport() {
  const button = $("export-all");
  button.append(icon("save"), make("span", {}, "Export all"));
  button.title = `Export everything as a zip (${keyOf("export-all")})`;
  button.setAttribute("aria-keyshortcuts", ariaKeys("export-all"));
  button.addEventListener("click", exportAll);
  bind("again", again);
  bind("export-all", exportAll);
  bind("export-one", () => exportOne());
  for (const name of ["selection", "entries", "edits"]) on(name, render);
  render();
}

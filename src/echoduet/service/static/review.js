// The review page: shows one item at a time, and sends what the person answers. No library, no build step.
"use strict";

const TOKEN = document.querySelector('meta[name="token"]').content;
const SESSION = Date.now().toString(36); // in the address of pictures, so that none is kept from another curation
const BLINK_MS = 650;
const ROW_HEIGHT = 46;
const ZOOM = 2.5;
const PAN = 0.12;

// What can be answered: the word in review.csv, what the button says, and what it means.
const ANSWERS = {
  pair: [
    ["copy", "Copy", "the same content"],
    ["same-scan", "Same scan", "recorded once"],
    ["same-scene", "Same scene", "another frame"],
    ["unrelated", "Unrelated", "nothing in common"],
    ["unsure", "Not sure", "it counts as found"],
  ],
  conflict: [
    ["keep", "Keep marked", ""],
    ["keep-all", "Keep all", "no contradiction"],
    ["drop-all", "Drop all", "none can be trusted"],
    ["unsure", "Not sure", "they stay in review"],
  ],
  finding: [
    ["confirmed", "It is so", "the decision stays"],
    ["false-alarm", "False alarm", "it is not there"],
    ["drop", "Drop", "whatever the policy"],
    ["keep", "Keep", "whatever the policy"],
    ["unsure", "Not sure", "the decision stays"],
  ],
};

const TITLES = { pair: "How are these two related?", conflict: "Which of these should stay?", finding: "Is this so?" };
const KINDS = { all: "All", conflict: "Conflicts", pair: "Pairs", finding: "Findings" };
const VIEWS = { side: ["s", "Side by side"], blink: ["b", "Blink"], difference: ["d", "Difference"] };

const state = {
  agenda: null, item: null, current: -1,
  kind: "all", about: "", openOnly: false,
  view: "side", masks: true, zoomed: false, cx: 0.5, cy: 0.5, front: "a", playing: false,
  focus: 0, reference: 0, marked: new Set(),
  shown: null, lastAnswered: -1, arriving: 0, noting: false,
};

const $ = (id) => document.getElementById(id);

/** Make an element; text is set as text, so that no case id can bring markup with it. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "click") element.addEventListener("click", () => queue(value));
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// ---------------------------------------------------------------- one thing after the other

let last = Promise.resolve();
let waiting = 0;

/** Do what a key or a click asks for once everything asked for before is done, so that quick keys miss nothing. */
function queue(work) {
  waiting += 1;
  last = last.then(work).catch((error) => tell(error.message, true)).finally(() => { waiting -= 1; });
}

/** Queue an answer to the item that is on the screen now; by the time another one is there, it is not meant any more. */
function queueAnswer(position) {
  const seen = state.current;
  queue(() => seen === state.current && answer(position));
}

// ---------------------------------------------------------------- talking to the server

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Start `echoduet review` again; every answer so far is kept.");
  }
  const told = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(told.error || `The server refused (${response.status}).`);
  return told;
}

function send(answer, note) {
  return ask("/api/answers", {
    method: "POST",
    headers: { "content-type": "application/json", "x-echoduet-token": TOKEN },
    body: JSON.stringify({ ...answer, note }),
  });
}

const address = (path, a, b) => {
  const query = new URLSearchParams({ a, ...(b ? { b } : {}), session: SESSION });
  return `${path}?${query}`;
};

const views = new Map();
function viewOf(a, b) {
  const path = address("/api/view", a, b);
  if (!views.has(path)) {
    if (views.size > 60) views.delete(views.keys().next().value);
    const answer = ask(path);
    answer.catch(() => views.delete(path));
    views.set(path, answer);
  }
  return views.get(path);
}

// ---------------------------------------------------------------- which items are shown

function matches(line) {
  return (state.kind === "all" || line.kind === state.kind)
    && (!state.about || line.about.includes(state.about))
    && (!state.openOnly || line.answer === null);
}

function chosen() {
  const { items } = state.agenda;
  return items.map((_, number) => number).filter((number) => number === state.current || matches(items[number]));
}

function step(by) {
  const numbers = chosen();
  const next = numbers.indexOf(state.current) + by;
  if (next < 0 || next >= numbers.length) return tell(by > 0 ? "This is the last one." : "This is the first one.");
  return show(numbers[next]);
}

function advance() {
  const { items } = state.agenda;
  const open = chosen().filter((number) => items[number].answer === null);
  const next = open.find((number) => number > state.current) ?? open[0];
  if (next !== undefined) return show(next);
  tell(items.every((line) => line.answer !== null)
    ? "Everything is answered. The next `echoduet curate` obeys review.csv."
    : "Nothing more is open in this selection.");
  return show(state.current);
}

// ---------------------------------------------------------------- one item

async function show(number) {
  const arriving = ++state.arriving;
  try {
    const item = await ask(`/api/items/${number}`);
    if (arriving !== state.arriving) return;
    if (number !== state.current) Object.assign(state, { focus: 0, reference: 0, marked: markedBy(item), front: "a" });
    Object.assign(state, { item, current: number });
    history.replaceState(null, "", `#${number}`);
    renderChrome();
    renderPanel();
    await renderStage();
    lookAhead();
  } catch (error) {
    tell(error.message, true);
  }
}

function markedBy(item) {
  const answer = item.given?.answer ?? "";
  return new Set(item.kind === "conflict" && answer.startsWith("keep ") ? answer.slice(5).split(";") : []);
}

/** The two cases to compare: those of a pair; in a conflict the reference and the one in focus. */
function compared() {
  const ids = state.item.cases.map((card) => card.case_id);
  if (ids.length < 2) return [ids[0], null];
  if (state.item.kind === "pair") return [ids[0], ids[1]];
  const other = state.focus === state.reference ? (state.reference === 0 ? 1 : 0) : state.focus;
  return [ids[state.reference], ids[other]];
}

/** Fetch what comes next while the person looks at this one. */
function lookAhead() {
  const numbers = chosen();
  const line = state.agenda.items[numbers[numbers.indexOf(state.current) + 1]];
  if (!line) return;
  const [a, b] = line.cases;
  viewOf(a, b).catch(() => {});
  for (const layer of b ? ["a", "b"] : ["a"]) new Image().src = address(`/picture/${layer}`, a, b);
}

async function answer(position) {
  const choice = ANSWERS[state.item.kind][position];
  if (!choice) return;
  let word = choice[0];
  if (state.item.kind === "conflict" && word === "keep") word = `keep ${keepers().join(";")}`;
  await save(state.current, word, $("note")?.value ?? "", true);
}

/** The cases that "keep" names: the marked ones, in their order; the one in focus where none is marked. */
function keepers() {
  const ids = state.item.cases.map((card) => card.case_id);
  const marked = ids.filter((id) => state.marked.has(id));
  return marked.length ? marked : [ids[state.focus]];
}

async function save(number, word, note, goOn) {
  try {
    const told = await send({ item: number, answer: word }, note);
    const line = state.agenda.items[number];
    line.answer = told.given?.answer ?? null;
    Object.assign(state.agenda, { progress: told.progress, counts: told.counts });
    state.lastAnswered = number;
    tell(line.answer === null ? `${line.cases.join(" · ")}: answer taken back` : `${line.cases.join(" · ")}: ${line.answer}`);
    await (goOn ? advance() : show(number));
  } catch (error) {
    tell(error.message, true);
  }
}

function takeBack() {
  const { items } = state.agenda;
  const number = items[state.current].answer !== null ? state.current : state.lastAnswered;
  if (number < 0 || items[number].answer === null) return tell("There is no answer to take back.");
  return save(number, "withdrawn", "", false);
}

// ---------------------------------------------------------------- header, list and footer

function renderChrome() {
  const { agenda } = state;
  $("name").textContent = agenda.name;
  const counts = { all: agenda.progress, ...agenda.counts };
  $("kinds").replaceChildren(...Object.entries(KINDS).map(([kind, title]) => make(
    "button", { type: "button", "aria-pressed": String(kind === state.kind), title: "Next kind (f)", click: () => pickKind(kind) },
    title, make("small", {}, String(counts[kind].total - counts[kind].answered)),
  )));
  $("open-only").setAttribute("aria-pressed", String(state.openOnly));
  const { answered, total } = agenda.progress;
  $("count").textContent = `${answered} of ${total} answered`;
  $("bar").setAttribute("aria-valuemax", total);
  $("bar").setAttribute("aria-valuenow", answered);
  $("bar").firstElementChild.style.width = `${total ? (100 * answered) / total : 0}%`;
  renderAbout();
  renderList(true);
}

function abouts() {
  const lines = state.agenda.items.filter((line) => state.kind === "all" || line.kind === state.kind);
  const found = new Map();
  for (const line of lines) for (const about of line.about) found.set(about, (found.get(about) ?? 0) + 1);
  return found;
}

function renderAbout() {
  const options = [...abouts()].map(([about, count]) => make("option", { value: about }, `${about} (${count})`));
  $("about").replaceChildren(make("option", { value: "" }, "about anything"), ...options);
  $("about").value = state.about;
}

function renderList(follow) {
  const numbers = chosen();
  const list = $("list");
  $("rows").style.height = `${numbers.length * ROW_HEIGHT}px`;
  const at = numbers.indexOf(state.current) * ROW_HEIGHT;
  if (follow && (at < list.scrollTop || at + ROW_HEIGHT > list.scrollTop + list.clientHeight)) {
    list.scrollTop = at - list.clientHeight / 3;
  }
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - 5);
  const last = Math.min(numbers.length, first + Math.ceil(list.clientHeight / ROW_HEIGHT) + 10);
  $("rows").replaceChildren(...numbers.slice(first, last).map((number, offset) => row(number, (first + offset) * ROW_HEIGHT)));
  if (!numbers.length) $("rows").append(make("p", { class: "empty" }, "Nothing is open in this selection."));
}

function row(number, top) {
  const line = state.agenda.items[number];
  const more = line.size > 2 ? ` +${line.size - 2}` : "";
  const element = make(
    "button",
    {
      type: "button", class: line.answer === null ? "row" : "row done", tabindex: "-1",
      "aria-current": String(number === state.current), title: line.cases.join(" · ") + more, click: () => show(number),
    },
    make("b", {}, line.cases.join(" · ") + more),
    make("span", {}, line.answer === null ? line.about.join(", ") : line.answer),
  );
  element.style.top = `${top}px`;
  return element;
}

function pickKind(kind) {
  Object.assign(state, { kind, about: "" });
  return settle();
}

/** After another selection: stay where one is if it belongs to it, else go to its first open item. */
function settle() {
  const { items } = state.agenda;
  const fitting = items.map((_, number) => number).filter((number) => matches(items[number]));
  if (!fitting.length || fitting.includes(state.current)) {
    if (!fitting.length) tell("Nothing is open in this selection.");
    return renderChrome();
  }
  return show(fitting.find((number) => items[number].answer === null) ?? fitting[0]);
}

function cycle(values, value) {
  return values[(values.indexOf(value) + 1) % values.length];
}

let silence = 0;
function tell(sentence, bad = false) {
  const told = $("told");
  told.textContent = sentence;
  told.className = bad ? "shown bad" : "shown";
  clearTimeout(silence);
  silence = setTimeout(() => { told.className = ""; }, bad ? 9000 : 2200);
}

// ---------------------------------------------------------------- pictures

function renderTools() {
  const two = Boolean(compared()[1]);
  const buttons = Object.entries(VIEWS).map(([view, [key, title]]) => make(
    "button",
    {
      type: "button", id: `view-${view}`, disabled: !two, title: `${title} (${key})`,
      "aria-pressed": String(two && state.view === view), click: () => pickView(view),
    },
    title,
  ));
  const toggles = [["masks", "Masks", "m", state.masks, toggleMasks], ["zoomed", "Zoom", "z", state.zoomed, toggleZoom]].map(
    ([id, title, key, on, click]) => make(
      "button", { type: "button", id, title: `${title} (${key})`, "aria-pressed": String(on), click }, title,
    ),
  );
  $("tools").replaceChildren(...(two ? [...buttons, make("span", { class: "gap" })] : []), ...toggles, words());
}

function words() {
  const view = state.shown;
  if (!view?.b) return "";
  if (!view.aligned) return make("span", { class: "words" }, "not aligned: each picture by itself");
  return make("span", { class: "words" }, "B on A: ", view.transform || "through other copies");
}

async function renderStage() {
  const [a, b] = compared();
  const arriving = state.arriving;
  renderMembers();
  const view = await viewOf(a, b);
  if (arriving !== state.arriving) return;
  state.shown = view;
  renderTools();
  drawFrames();
}

function drawFrames() {
  const frames = $("frames");
  const view = state.shown;
  const mode = view.b ? state.view : "alone";
  stopBlinking();
  frames.className = state.masks ? "" : "unmasked";
  if (mode === "side") {
    frames.classList.add(lieBeside(view) ? "beside" : "below");
    frames.replaceChildren(frame(["a"]), frame(["b"]));
  } else if (mode === "difference") {
    frames.replaceChildren(frame(["difference"]));
  } else if (mode === "blink") {
    frames.replaceChildren(frame(["a", "b"]));
    bringToFront(state.front);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) startBlinking();
  } else {
    frames.replaceChildren(frame(["a"]));
  }
  applyZoom();
}

/** Whether two pictures should lie side by side: unless one below the other they would be much larger. */
function lieBeside(view) {
  const { clientWidth: width, clientHeight: height } = $("frames");
  const [w, h] = [Math.max(view.a.width, view.b.width) || 1, Math.max(view.a.height, view.b.height) || 1];
  return 1.15 * Math.min(width / 2 / w, height / h) >= Math.min(width / w, (height / 2 - 25) / h);
}

function frame(layers) {
  const box = make("div", { class: "layers" });
  const holder = make("div", { class: "frame" }, box);
  for (const layer of layers) box.append(...pictures(layer, holder));
  return make("figure", { "data-layers": layers.join(" ") }, holder, caption(layers));
}

/** The picture of a layer, and over it the outlines that belong to it. */
function pictures(layer, holder) {
  const [a, b] = compared();
  const view = state.shown;
  const sides = layer === "difference" ? ["a", "b"] : [layer];
  const broken = sides.map((side) => view[side]).find((side) => !side.width);
  if (broken) {
    holder.append(make("div", { class: "problem", "data-side": layer }, broken.problem));
    return [];
  }
  const source = address(`/picture/${layer}`, a, b);
  const image = make("img", { src: source, alt: altOf(layer), "data-side": layer, draggable: "false" });
  image.addEventListener("error", async () => {
    const reason = await ask(source).catch((error) => error.message);
    image.remove();
    holder.append(make("div", { class: "problem", "data-side": layer }, String(reason)));
  });
  for (const side of sides) {
    if (view[side].problem) holder.append(make("div", { class: "problem mask", "data-side": layer }, view[side].problem));
  }
  return [image, outlines(view, sides, layer)];
}

function outlines(view, sides, layer) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${view[sides[0]].width} ${view[sides[0]].height}`);
  svg.dataset.side = layer;
  for (const side of sides) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", view[side].outline);
    path.setAttribute("class", side);
    svg.append(path);
  }
  return svg;
}

const altOf = (layer) => (layer === "difference" ? "Difference of both images" : `Image ${layer.toUpperCase()}`);

function cardOf(side) {
  return state.item.cases.find((card) => card.case_id === state.shown[side].case_id);
}

function caption(layers) {
  if (layers[0] === "difference") {
    return make(
      "figcaption", {}, make("span", { class: "bright a" }, "amber: brighter in A"),
      make("span", { class: "bright b" }, "cyan: brighter in B"), make("span", {}, "dark: alike"),
    );
  }
  const parts = layers.map((side) => {
    const card = cardOf(side);
    const letter = state.shown.b ? make("span", { class: `letter ${side}` }, side.toUpperCase()) : null;
    return make("span", { "data-side": side, class: "side" }, letter, " ", make("b", {}, card.case_id), ` ${card.label} ${card.size}`);
  });
  return make("figcaption", {}, ...parts);
}

let blinking = 0;
function startBlinking() {
  state.playing = true;
  blinking = setInterval(() => bringToFront(state.front === "a" ? "b" : "a"), BLINK_MS);
}

function stopBlinking() {
  state.playing = false;
  clearInterval(blinking);
}

function bringToFront(side) {
  state.front = side;
  for (const element of document.querySelectorAll("#frames [data-layers='a b'] [data-side]")) {
    element.classList.toggle("behind", element.dataset.side !== side);
  }
}

/** Flip by hand; the pictures stand still until the view is chosen again. */
function flip() {
  if (!state.shown?.b) return;
  if (state.view !== "blink") pickView("blink");
  stopBlinking();
  bringToFront(state.front === "a" ? "b" : "a");
}

function pickView(view) {
  if (!state.shown?.b) return;
  if (view === "difference" && !state.shown.aligned) {
    tell("These two were not aligned, so there is no difference to show.");
    return;
  }
  state.view = view;
  renderTools();
  drawFrames();
}

function toggleMasks() {
  state.masks = !state.masks;
  $("frames").classList.toggle("unmasked", !state.masks);
  renderTools();
}

function toggleZoom() {
  Object.assign(state, { zoomed: !state.zoomed, cx: 0.5, cy: 0.5 });
  renderTools();
  applyZoom();
}

function applyZoom() {
  $("frames").classList.toggle("zoomed", state.zoomed);
  for (const box of document.querySelectorAll(".layers")) {
    box.style.transform = state.zoomed ? `scale(${ZOOM})` : "";
    box.style.transformOrigin = `${100 * state.cx}% ${100 * state.cy}%`;
  }
}

function pan(dx, dy) {
  state.cx = Math.min(1, Math.max(0, state.cx + dx));
  state.cy = Math.min(1, Math.max(0, state.cy + dy));
  applyZoom();
}

// ---------------------------------------------------------------- the cases of a conflict

function renderMembers() {
  const { item } = state;
  const box = $("members");
  const shown = item.kind === "conflict" || item.cases.length > 2;
  box.className = shown ? "shown" : "";
  box.replaceChildren(...(shown ? item.cases.map(member) : []));
  if (shown && item.size > item.cases.length) {
    box.append(make("span", { class: "empty" }, `${item.size - item.cases.length} more in groups.csv`));
  }
  box.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function member(card, position) {
  const kept = state.marked.has(card.case_id);
  const [a] = compared();
  const role = card.case_id === a ? "A · " : "";
  return make(
    "button",
    {
      type: "button", class: "member", "aria-pressed": String(kept), "aria-current": String(position === state.focus),
      title: `${card.case_id}: click to look at it, Enter to mark it`, click: () => focusOn(position),
    },
    make("img", { src: address("/picture/a", card.case_id), alt: "" }),
    make("span", {}, role + card.case_id), make("em", {}, make("span", {}, kept ? "✓ keep" : card.label)),
  );
}

function focusOn(position) {
  const count = state.item.cases.length;
  state.focus = (position + count) % count;
  state.arriving += 1;
  renderAnswers();
  return renderStage();
}

function mark() {
  const id = state.item.cases[state.focus].case_id;
  if (!state.marked.delete(id)) state.marked.add(id);
  renderMembers();
  renderAnswers();
}

function makeReference() {
  state.reference = state.focus;
  return focusOn(state.focus);
}

// ---------------------------------------------------------------- evidence and answers

function renderPanel() {
  const { item } = state;
  const several = item.kind === "conflict" || item.cases.length > 2;
  $("panel").replaceChildren(
    make("div", {},
      make("h2", {}, TITLES[item.kind]),
      make("div", { class: "tags" }, item.measures ? "found as" : "", ...item.about.map((about) => make("span", { class: "tag" }, about))),
      ...item.messages.map((message) => make("p", {}, message))),
    make("div", { id: "answers" }),
    make("div", {}, make("label", { class: "unseen", for: "note" }, "Note"), noteField(), ...givenLine()),
    ...evidence(item),
    make("div", {}, make("h3", {}, several ? `${item.size} cases` : "What curation decided"),
      ...item.cases.map((card, position) => caseCard(card, several ? "" : "ab"[position]))),
    state.agenda.unasked ? make("p", { class: "last" }, `${state.agenda.unasked} surer pairs are only in pairs.csv.`) : "",
  );
  renderAnswers();
}

function noteField() {
  return make("input", {
    id: "note", type: "text", maxlength: "2000", autocomplete: "off", placeholder: "Note, kept with the answer (n)",
    value: state.item.given?.note ?? "",
  });
}

function givenLine() {
  const { given } = state.item;
  if (!given) return [];
  const when = new Date(given.when).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  return [make("p", { class: "given" }, make("span", {}, `answered by ${given.by}, ${when}`),
    make("button", { type: "button", title: "Take the answer back (u)", click: takeBack }, "Take back"))];
}

function renderAnswers() {
  const { item } = state;
  const given = item.given?.answer ?? "";
  $("answers").replaceChildren(...ANSWERS[item.kind].map(([word, title, meaning], position) => {
    const kept = word === "keep" && item.kind === "conflict";
    const on = given === word || (kept && given === `keep ${keepers().join(";")}`);
    const detail = kept ? keepers().join(", ") : meaning;
    const button = make(
      "button", { type: "button", "data-answer": word, "aria-pressed": String(on) },
      make("kbd", {}, String(position + 1)), make("b", {}, title), make("small", {}, detail),
    );
    button.addEventListener("click", () => queueAnswer(position));
    return button;
  }));
}

function evidence(item) {
  const lines = [];
  if (item.measures) {
    const { confidence, similarity, overlap, mask_dice: dice } = item.measures;
    lines.push(["Confidence", confidence], ["Likeness", similarity], ["Overlap", overlap]);
    if (dice !== null) lines.push(["Masks (Dice)", dice]);
  }
  lines.push(...Object.entries(item.scores));
  if (!lines.length) return [];
  const table = make("table", {}, ...lines.map(([name, value]) => make(
    "tr", {}, make("td", {}, name),
    make("td", {}, make("meter", { min: "0", max: "1", value: String(Math.max(0, value)) })), make("td", {}, value.toFixed(2)),
  )));
  return [make("div", {}, make("h3", {}, "Measured"), table)];
}

function caseCard(card, side) {
  const about = [card.size, card.source].filter(Boolean).join(" · ");
  return make(
    "div", { class: "card" },
    make("div", { class: "top" },
      side && state.item.cases.length > 1 ? make("span", { class: `letter ${side}` }, side.toUpperCase()) : "",
      make("b", { title: card.case_id }, card.case_id), make("span", { class: `label ${card.label}` }, card.label)),
    about ? make("small", {}, about) : "",
    card.decision ? make("small", {}, make("b", {}, card.decision), card.reason ? `: ${card.reason}` : "") : "",
  );
}

// ---------------------------------------------------------------- keys

const HELP = [
  ["j · k", "next, previous item"], ["1 – 5", "answer, and go to the next open item"],
  ["s", "side by side"], ["b", "blink"], ["d", "difference"], ["space", "flip by hand"],
  ["m", "masks on and off"], ["z", "zoom; arrows move the picture"],
  ["n", "write a note; Esc leaves it"], ["u", "take an answer back"],
  ["f", "next kind: conflicts, pairs, findings"], ["g", "next thing it is about"], ["o", "open items only"],
  ["← · →", "conflict: look at another case"], ["Enter", "conflict: mark it to be kept"],
  ["r", "conflict: compare the others with it"], ["Home · End", "first, last item"], ["?", "this help"],
];

const KEYS = {
  j: () => step(1), k: () => step(-1),
  s: () => pickView("side"), b: () => pickView("blink"), d: () => pickView("difference"), " ": flip,
  m: toggleMasks, z: toggleZoom,
  n: () => { state.noting = false; $("note").focus(); $("note").select(); }, u: takeBack,
  f: () => pickKind(cycle(Object.keys(KINDS), state.kind)),
  g: () => { state.about = cycle(["", ...abouts().keys()], state.about); return settle(); },
  o: () => { state.openOnly = !state.openOnly; return settle(); },
  r: () => state.item.kind === "conflict" && makeReference(),
  Enter: () => state.item.kind === "conflict" && mark(),
  Home: () => show(chosen()[0]), End: () => show(chosen().at(-1)),
  ArrowDown: () => (state.zoomed ? pan(0, PAN) : step(1)), ArrowUp: () => (state.zoomed ? pan(0, -PAN) : step(-1)),
  ArrowRight: () => aside(1), ArrowLeft: () => aside(-1),
};

function aside(by) {
  if (state.zoomed) return pan(by * PAN, 0);
  return $("members").className && focusOn(state.focus + by);
}

/** Open the help at once, whatever is still being done: an Escape that follows must find it open. */
function openHelp() {
  if (!$("help").open) $("help").showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("help").open) {
    if (event.repeat || (event.key !== "Escape" && event.key !== "?")) return;
    event.preventDefault();
    $("help").close();
    return;
  }
  if (!state.item) return;
  if (event.target.matches("input, select")) {
    if (event.key === "Escape" || event.key === "Enter") event.target.blur();
    return;
  }
  if (event.key === "Enter" && event.target.matches("button")) return; // the button's own key
  if (event.key === "?" && !state.noting) {
    event.preventDefault();
    openHelp();
    return;
  }
  const position = event.key.length === 1 ? "12345".indexOf(event.key) : -1;
  const work = KEYS[event.key];
  if (position < 0 && !work) return;
  event.preventDefault();
  if (state.noting) return; // these letters are meant for the note, which is not there yet
  state.noting = event.key === "n";
  // A key held down answers once, and does not run ahead of the pictures.
  if (event.repeat && (position >= 0 || event.key === "u" || waiting > 1)) return;
  if (position >= 0) queueAnswer(position);
  else queue(work);
}

function renderHelp() {
  const lines = HELP.map(([key, meaning]) => make("div", {}, make("span", {}, make("kbd", {}, key)), meaning));
  $("help").replaceChildren(
    make("h2", { id: "help-title" }, "Keys"), make("div", { class: "columns" }, ...lines),
    make("p", {}, "Every answer is on the disk, in review.csv, before the next item appears. The last answer to an item holds; "
      + "the next `echoduet curate` with the same --out obeys them."),
    make("button", { type: "button", click: () => $("help").close() }, "Close"),
  );
  const hints = [["j k", "next, previous"], ["1–5", "answer"], ["s b d", "views"], ["space", "flip"], ["m", "masks"], ["z", "zoom"],
    ["n", "note"], ["u", "take back"], ["o", "open only"], ["f g", "filter"], ["?", "all keys"]];
  $("keys").replaceChildren(...hints.map(([key, meaning]) => make("span", {}, make("kbd", {}, key), ` ${meaning}`)));
}

// ---------------------------------------------------------------- beginning

async function begin() {
  renderHelp();
  try {
    state.agenda = await ask("/api/agenda");
  } catch (error) {
    tell(error.message, true);
    return;
  }
  document.title = `${state.agenda.name} – EchoDuet review`;
  if (!state.agenda.items.length) {
    $("panel").replaceChildren(make("h2", {}, "Nothing to review"), make("p", {}, "Curation left no pair, no conflict and no finding."));
    renderChrome();
    return;
  }
  const asked = Number(location.hash.slice(1) || NaN);
  await show(Number.isInteger(asked) && asked in state.agenda.items ? asked : state.agenda.start);
}

document.addEventListener("keydown", pressed);
$("help-button").addEventListener("click", openHelp);
$("open-only").addEventListener("click", () => queue(KEYS.o));
$("about").addEventListener("change", () => queue(() => { state.about = $("about").value; return settle(); }));
$("list").addEventListener("scroll", () => state.agenda && renderList(false));
$("frames").addEventListener("pointermove", (event) => {
  const target = state.zoomed && event.target.closest(".frame");
  if (!target) return;
  const box = target.getBoundingClientRect();
  Object.assign(state, { cx: (event.clientX - box.left) / box.width, cy: (event.clientY - box.top) / box.height });
  applyZoom();
});
addEventListener("resize", () => state.shown && (renderList(true), drawFrames()));
queue(begin);

// Elements and pictograms. Text is set as text, so that no file name can bring markup along.

export const $ = (id) => document.getElementById(id);

/** Make an element. `on` holds listeners; attributes that are false, null or undefined are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, work] of Object.entries(value)) element.addEventListener(event, work);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false && child !== ""),
  );
  return element;
}

/** Put other children into a container; what had the focus, by its id, has it again. */
export function refill(container, ...children) {
  const focused = container.contains(document.activeElement) ? document.activeElement.id : "";
  container.replaceChildren(...children.flat(2).filter(Boolean));
  if (focused) $(focused)?.focus({ preventScroll: true });
}

// Drawn on 24 x 24, stroked; those in SOLID are filled, and are told apart by their outline alone.
const STROKED = {
  add: "M12 5v14M5 12h14",
  save: "M12 4v11M7 10l5 5 5-5M5 20h14",
  help: "M9 9a3 3 0 1 1 4.2 2.8c-.8.4-1.2.9-1.2 1.9M12 17.5v.01",
  pan: "M12 3v18M3 12h18M12 3 9.5 5.5M12 3l2.5 2.5M12 21l-2.5-2.5M12 21l2.5-2.5M3 12l2.5-2.5M3 12l2.5 2.5M21 12l-2.5-2.5M21 12l-2.5 2.5",
  window: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 3v18M12 8h7M12 12h9M12 16h7",
  calipers: "M4 20 20 4M2.5 17l4.5 4.5M17 2.5l4.5 4.5",
  brush: "M20 4 10.5 13.5M8 13c-3 0-3 3-5 6 4 1 8 0 8-3a3 3 0 0 0-3-3",
  bigger: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5M11 8v6M8 11h6",
  smaller: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5M8 11h6",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  undo: "M4 9h10a5 5 0 0 1 0 10H9M4 9l4-4M4 9l4 4",
  redo: "M20 9H10a5 5 0 0 0 0 10h5M20 9l-4-4M20 9l-4 4",
  reset: "M5 12a7 7 0 1 0 2-4.9L5 9M5 4v5h5",
  remove: "M5 7h14M10 4h4M7 7l1 13h8l1-13",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  erase: "M4 16l8-10 7 6-7 8H8zM8.5 10.5l7 6",
  normal: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M8 12l3 3 5-6",
  outlined: "M5 13c0-5 3-8 8-8s7 4 6 8-4 6-8 6-6-2-6-6",
  waiting: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2",
};
const SOLID = {
  malignant: "M12 2.5 23 21.5H1zM11 9v6.5h2V9zM11 17v2.2h2V17z",
  benign: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16",
  refused: "M8 2h8l6 6v8l-6 6H8l-6-6V8zM6.5 10.700v2.6h11v-2.6z",
  failed: "M3 3h18v18H3zM8.8 7 7 8.8l3.2 3.2L7 15.2 8.8 17l3.2-3.2 3.2 3.2 1.8-1.8-3.2-3.2L17 8.8 15.2 7 12 10.2z",
  play: "M7 4v16l13-8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
};

/** Draw a pictogram; it says nothing to a screen reader, whoever shows it gives it words. */
export function icon(name, size = 20) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const set = {
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    "aria-hidden": "true",
    class: `icon ${name}`,
    focusable: "false",
  };
  for (const [key, value] of Object.entries(set)) svg.setAttribute(key, value);
  path.setAttribute("d", SOLID[name] ?? STROKED[name]);
  path.setAttribute("class", SOLID[name] ? "solid" : "stroked");
  if (SOLID[name]) path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/** Hand a file over to the browser's downloads. */
export function download(href, name) {
  const link = make("a", { href, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}

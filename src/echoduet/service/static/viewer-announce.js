// What happens is said twice: on the screen, and to a screen reader.
import { $ } from "./viewer-dom.js";

let silence = 0;

function show(element, sentence, duration) {
  clearTimeout(silence);
  for (const other of [$("told"), $("warned")]) other.className = "";
  // The same sentence said again is only read out if the text changes in between.
  element.textContent = "";
  requestAnimationFrame(() => {
    element.textContent = sentence;
  });
  element.className = "shown";
  silence = setTimeout(() => {
    element.className = "";
  }, duration);
}

/** Say what was done. */
export const announce = (sentence) => show($("told"), sentence, 2600);

/** Say what went wrong; it stays longer, and interrupts. */
export const warn = (sentence) => show($("warned"), sentence, 10000);

// Questions that must be answered first.
import { $, make } from "./viewer-dom.js";

/** Ask, and return the value of the choice; null where the question was left with Escape. */
export function ask(title, text, choices) {
  const dialog = $("confirm");
  return new Promise((done) => {
    const button = ([value, label, strong]) =>
      make(
        "button",
        {
          type: "button",
          class: strong && "strong",
          "data-choice": value,
          on: {
            click: () => {
              dialog.returnValue = value;
              dialog.close(value);
            },
          },
        },
        label,
      );
    dialog.returnValue = "";
    dialog.replaceChildren(
      make("h2", { id: "confirm-title" }, title),
      make("p", {}, text),
      make("div", { class: "buttons" }, choices.map(button)),
    );
    dialog.addEventListener("close", () => done(dialog.returnValue || null), { once: true });
    dialog.showModal();
  });
}

/** Show a text to be read. */
export function show(title, text) {
  const dialog = $("card");
  const close = make(
    "button",
    { type: "button", class: "strong", autofocus: true, on: { click: () => dialog.close() } },
    "Close",
  );
  dialog.replaceChildren(
    make("div", { class: "buttons" }, close),
    make("h2", { id: "card-title" }, title),
    make("pre", { tabindex: "0", role: "region", "aria-label": title }, text),
  );
  dialog.showModal();
}

/** Ask for the server's token. It is kept nowhere but in the page's memory, and is asked for again after a reload. */
export function askToken(wrong) {
  const dialog = $("token");
  return new Promise((done) => {
    const field = make("input", {
      type: "password",
      id: "token-field",
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "token-why",
    });
    const go = () => field.value && dialog.close();
    field.addEventListener("keydown", (event) => event.key === "Enter" && go());
    dialog.replaceChildren(
      make("h2", { id: "token-title" }, "This server asks for a token"),
      make(
        "p",
        { id: "token-why", class: wrong && "wrong" },
        wrong
          ? "The token was not right. Try again."
          : "Whoever started the server knows it. It is forgotten when this page is closed.",
      ),
      make("label", { for: "token-field" }, "Token"),
      field,
      make("div", { class: "buttons" }, make("button", { type: "button", class: "strong", on: { click: go } }, "Continue")),
    );
    // Without a token nothing can be done here, so Escape does not lead anywhere.
    const stay = (event) => event.preventDefault();
    dialog.addEventListener("cancel", stay);
    dialog.addEventListener(
      "close",
      () => {
        dialog.removeEventListener("cancel", stay);
        const { value } = field;
        field.value = "";
        done(value);
      },
      { once: true },
    );
    dialog.showModal();
    field.focus();
  });
}

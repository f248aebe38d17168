// How to read: fields for the parameters that the service lists, and the choice of a model.

import { $, dismissable, el } from "./dom.js";
import { again, asked } from "./sheets.js";

// Parameters that the page sets itself, or that would have to be drawn on the picture.
const OWN = ["min_score", "detail", "format", "ignore", "model"];

export function options(parameters) {
  const dialog = $("options");
  const fields = parameters.filter(({ name }) => !OWN.includes(name)).map(field);
  $("options-fields").replaceChildren(...fields.map(({ element }) => element));
  $("options-open").addEventListener("click", () => dialog.showModal());
  dismissable(dialog, $("options-close"));
  $("options-reset").addEventListener("click", () => $("options-form").reset());
  $("options-form").addEventListener("submit", (event) => {
    event.preventDefault();
    for (const { name, value } of fields) {
      if (value()) asked.set(name, value());
      else asked.delete(name);
    }
    $("options-open").classList.toggle("set", fields.some(({ name }) => asked.has(name)));
    dialog.close();
    again();
  });
}

function field({ name, description, schema }) {
  const id = `option-${name}`;
  const kinds = [schema, ...(schema.anyOf ?? [])];
  const has = (member) => kinds.find((kind) => kind[member] !== undefined)?.[member];
  const values = has("enum");
  const kind = kinds.map(({ type }) => type).find((type) => type && type !== "null");
  const input = values
    ? el("select", { id }, el("option", { value: "", text: "as usual" }), values.map((value) => el("option", { value, text: value })))
    : el("input", {
        id,
        type: kind === "integer" || kind === "number" ? "number" : "text",
        min: has("minimum"),
        max: has("maximum"),
        step: kind === "number" ? "any" : null,
        pattern: has("pattern"),
        maxlength: has("maxLength"),
        placeholder: schema.examples?.[0] ?? "as usual",
        "aria-describedby": `${id}-note`,
        autocomplete: "off",
      });
  const element = el(
    "div",
    { class: "field" },
    el("label", { for: id, text: name }),
    input,
    el("p", { class: "fine", id: `${id}-note`, text: description.replaceAll("`", "") }),
  );
  return { name, element, value: () => input.value.trim() };
}

// Shows a choice if the service has several models. chosen: called with the name of the chosen one.
export function modelChoice(parameters, chosen) {
  const schema = parameters.find(({ name }) => name === "model")?.schema;
  const names = [schema, ...(schema?.anyOf ?? [])].find((kind) => kind?.enum)?.enum ?? [];
  if (names.length < 2) return null;
  const select = el("select", { "aria-label": "Model" }, names.map((name) => el("option", { value: name, text: name })));
  select.addEventListener("change", () => {
    asked.set("model", select.value);
    chosen(select.value);
    again();
  });
  return select;
}

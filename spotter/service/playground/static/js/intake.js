// Input files: chosen, dropped, pasted, or one of the samples.

import { address } from "./api.js";
import { $ } from "./dom.js";
import { bytes } from "./format.js";
import { add } from "./sheets.js";

export function intake() {
  const choose = () => $("files").click();
  $("pick").addEventListener("click", choose);
  $("add").addEventListener("click", choose);
  $("files").addEventListener("change", (event) => {
    add(event.target.files);
    event.target.value = ""; // so that the same file can be chosen again
  });
  const asked = new URLSearchParams(location.hash.slice(1)).get("sample"); // as `spotter demo` opens the page
  for (const button of $("samples").querySelectorAll("button")) {
    const { sample: name } = button.dataset;
    button.addEventListener("click", () => sample(name));
    if (name === asked) sample(name);
  }
  document.addEventListener("paste", (event) => {
    const pasted = event.clipboardData?.files ?? [];
    if (!pasted.length) return;
    event.preventDefault();
    add(pasted);
  });
  dropping();
}

async function sample(name) {
  const response = await fetch(address(`playground/samples/${name}`));
  const blob = await response.blob();
  add([new File([blob], name, { type: blob.type })]);
}

function dropping() {
  const holds = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // number of nested elements that the pointer is in
  const show = (by) => {
    depth = Math.max(0, depth + by);
    $("drop").hidden = depth === 0;
  };
  document.addEventListener("dragenter", (event) => holds(event) && show(1));
  document.addEventListener("dragleave", (event) => holds(event) && show(-1));
  document.addEventListener("dragover", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    show(-depth);
    add(event.dataTransfer.files);
  });
}

// Shows which kinds of file the service reads, and limits the browser's file dialog to them.
export function takes({ reads, limits }) {
  const read = reads.filter((kind) => kind.read);
  $("files").accept = read.flatMap((kind) => [...kind.media_types, ...kind.suffixes]).join();
  $("takes").textContent = `${read.map((kind) => kind.name).join(", ")}; up to ${bytes(limits.max_bytes)} a file`;
}

// The API key, where the service asks for one. It is kept in this tab's session storage, and sent to this service only.

import { ask, key } from "./api.js";
import { $, dismissable } from "./dom.js";

// `proof` is a path that needs a key; `opened` is called when a key was accepted.
export function keys(proof, opened) {
  const dialog = $("key");
  const show = () => {
    $("key-open").hidden = false;
    $("key-forget").hidden = !key.get();
    $("key-open").classList.toggle("set", Boolean(key.get()));
  };
  const demand = () => {
    show();
    $("key-problem").textContent = "";
    if (!dialog.open) dialog.showModal();
  };
  $("key-open").addEventListener("click", demand);
  dismissable(dialog, $("key-close"));
  $("key-forget").addEventListener("click", () => {
    key.forget();
    $("key-value").value = "";
    show();
  });
  $("key-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const before = key.get();
    key.set($("key-value").value.trim());
    try {
      await ask(proof);
    } catch (problem) {
      if (before) key.set(before);
      else key.forget();
      $("key-problem").textContent = problem.status === 401 ? "The service does not know this key." : `${problem.title}. ${problem.detail}`;
      return;
    }
    $("key-value").value = "";
    dialog.close();
    show();
    opened();
  });
  if (key.get()) show();
  return demand;
}

// A problem as the service reports it: what happened, why this time, and what to do.

import { el } from "./dom.js";

let timer = 0;

export function problemCard(problem, retry) {
  clearInterval(timer);
  const card = [
    el("h2", { text: problem.title }),
    problem.detail ? el("p", { text: problem.detail }) : null,
    problem.remedy ? el("p", { class: "remedy", text: problem.remedy }) : null,
  ];
  const facts = [problem.status ? `HTTP ${problem.status}` : null, problem.request_id ? `request ${problem.request_id}` : null];
  if (facts.some(Boolean)) card.push(el("p", { class: "fine mono", text: facts.filter(Boolean).join(" · ") }));
  if (retry) card.push(el("p", { class: "row" }, retryButton(problem, retry)));
  return card.filter(Boolean);
}

// Waits for the time of Retry-After.
function retryButton(problem, retry) {
  const button = el("button", { type: "button", onclick: retry });
  let left = problem.retry_after ?? 0;
  const show = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left <= 0) clearInterval(timer);
    left -= 1;
  };
  show();
  if (problem.retry_after) timer = setInterval(show, 1000);
  return button;
}

// Light, dark, or as the system has it. Not a module: it runs before the page is drawn.
(() => {
  const root = document.documentElement;
  const choices = ["auto", "light", "dark"];
  const glyphs = { auto: "◐", light: "☀", dark: "☾" };
  const names = { auto: "as the system", light: "light", dark: "dark" };
  let choice = "auto";
  try {
    choice = localStorage.getItem("spotter-theme") ?? "auto";
  } catch {
    // storage is off: the choice lasts as long as the page
  }
  if (!choices.includes(choice)) choice = "auto";
  const apply = () => {
    if (choice === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice;
  };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => {
      button.textContent = glyphs[choice];
      button.setAttribute("aria-label", `Colours: ${names[choice]}`);
      button.title = `Colours: ${names[choice]}`;
    };
    button.addEventListener("click", () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      try {
        localStorage.setItem("spotter-theme", choice);
      } catch {
        // as above
      }
      apply();
      show();
    });
    show();
  });
})();

"use strict";
// Theme and tables. Everything here is comfort: without it the page still shows its verdict, tables and figures.
(() => {
  const root = document.documentElement;

  // Theme: the system's until the reader says otherwise; kept for this view only, nothing is stored.
  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; nameTheme(); });
  dark.addEventListener("change", nameTheme);
  nameTheme();
  theme.hidden = false;

  // Long tables: their head first, the rest on request. A phone, where a row is a card, shows fewer; paper shows all.
  const narrow = matchMedia("(max-width: 720px)");
  const long = [...document.querySelectorAll(".table table")].filter((table) => table.tBodies[0].rows.length > 5);
  const fold = (table) => {
    const rows = [...table.tBodies[0].rows], head = narrow.matches ? 4 : 15, rest = rows.length - head;
    const folded = table.dataset.whole === undefined && rest > (narrow.matches ? 1 : 5);
    rows.forEach((row, place) => row.classList.toggle("later", folded && place >= head));
    table.parentNode.querySelector(".all")?.toggleAttribute("hidden", !folded);
  };
  for (const table of long) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet all";
    button.textContent = `Show all ${table.tBodies[0].rows.length} rows`;
    button.addEventListener("click", () => { table.dataset.whole = ""; fold(table); });
    table.after(button);
    fold(table);
  }
  narrow.addEventListener("change", () => long.forEach(fold));

  // On a phone a section is its finding, and the rest on request: of the first few all, or the blocks that decide.
  const KEPT = { overview: Infinity, findings: Infinity, flips: Infinity, models: 2 };
  const unfold = (section) => {
    section?.querySelectorAll(":scope > .tucked").forEach((block) => block.classList.remove("tucked"));
    section?.querySelector(":scope > .more-of")?.remove();
  };
  for (const section of document.querySelectorAll("main > section[id]")) {
    const rest = [...section.children].filter((block) => !block.matches("h2, .lead")).slice(KEPT[section.id] ?? 0);
    if (!rest.length) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet more-of";
    button.textContent = "Show details";
    button.setAttribute("aria-describedby", section.getAttribute("aria-labelledby"));
    button.addEventListener("click", () => {
      unfold(section);
      rest[0].setAttribute("tabindex", "-1");
      rest[0].focus({ preventScroll: true });
    });
    rest.forEach((block) => block.classList.add("tucked"));
    section.append(button);
  }
  const reach = () => unfold(document.querySelector(`main > section[id="${CSS.escape(location.hash.slice(1))}"]`));
  addEventListener("hashchange", reach);
  document.querySelector(".contents").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link) unfold(document.getElementById(link.getAttribute("href").slice(1)));
  });
  reach();

  // Tables: a click on a heading sorts by it, a second one turns the order round.
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b
    : typeof a === "number" ? -1 : typeof b === "number" ? 1 : a.localeCompare(b));
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows].sort((a, b) => order(key(a, column), key(b, column)));
        table.tBodies[0].append(...(down ? rows.reverse() : rows));
        fold(table);
      });
    });
  }
})();

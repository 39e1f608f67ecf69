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

  // Long tables: their head first, the rest on request.
  const HEAD = 15;
  const fold = (table) => {
    const folded = table.dataset.folded !== undefined;
    [...table.tBodies[0].rows].forEach((row, place) => { row.hidden = folded && place >= HEAD; });
  };
  for (const table of document.querySelectorAll(".table table")) {
    const rows = table.tBodies[0].rows.length;
    if (rows <= HEAD + 5) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet all";
    button.textContent = `Show all ${rows} rows`;
    button.addEventListener("click", () => {
      delete table.dataset.folded;
      fold(table);
      button.remove();
    });
    table.dataset.folded = "";
    table.after(button);
    fold(table);
  }

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

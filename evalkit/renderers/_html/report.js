"use strict";
// Everything here is comfort: without it the page still shows its verdict, tables, figures and the first cases.
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

  const cases = [...document.querySelectorAll("details.case")];
  if (!cases.length) return;
  const form = document.querySelector("form.filter");
  const count = form.querySelector("output");
  const none = document.querySelector("p.none");

  // Packed cases: base64 of a gzipped JSON list of HTML, escaped when the file was written like all the rest of it.
  const packs = [...document.querySelectorAll("script.pack")];
  const opened = new Map();
  const unpack = (place) => {
    if (!opened.has(place)) {
      const bytes = Uint8Array.from(atob(packs[place].textContent.trim()), (char) => char.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      opened.set(place, new Response(stream).json());
    }
    return opened.get(place);
  };
  const fill = async (item) => {
    if (item.dataset.pack === undefined) return;
    const bodies = await unpack(Number(item.dataset.pack));
    if (item.dataset.pack === undefined) return;
    const template = document.createElement("template");
    template.innerHTML = bodies[Number(item.dataset.at)];
    item.querySelector(".body").replaceChildren(template.content);
    delete item.dataset.pack;
  };
  for (const item of cases) item.addEventListener("toggle", () => { if (item.open) fill(item); });

  // Filter. What it shows is in the address, so that a link can show the same.
  const texts = new Map();
  const read = async (item) => {
    if (!texts.has(item)) {
      await fill(item);
      texts.set(item, item.textContent.toLowerCase());
    }
    return texts.get(item);
  };
  const facts = cases.map((item) => ({
    item, kind: item.dataset.kind, tools: JSON.parse(item.dataset.tools), tags: JSON.parse(item.dataset.tags),
  }));
  for (const [name, field] of [["tool", "tools"], ["tag", "tags"]]) {
    const select = form.elements[name];
    const values = [...new Set(facts.flatMap((fact) => fact[field]))].sort();
    select.append(...values.map((value) => new Option(value, value)));
    select.closest("label").hidden = values.length < 2;
  }
  let asked = 0;
  const filter = async () => {
    const mine = ++asked;
    const wanted = new FormData(form);
    const kinds = wanted.getAll("kind"), tool = wanted.get("tool"), tag = wanted.get("tag");
    const words = wanted.get("q").toLowerCase().split(/\s+/).filter(Boolean);
    const fits = await Promise.all(facts.map(async ({ item, kind, tools, tags }) => {
      if ((kinds.length && !kinds.includes(kind)) || (tool && !tools.includes(tool)) || (tag && !tags.includes(tag))) return false;
      if (!words.length) return true;
      const text = await read(item);
      return words.every((word) => text.includes(word));
    }));
    if (mine !== asked) return;
    facts.forEach(({ item }, place) => { item.hidden = !fits[place]; });
    const shown = fits.filter(Boolean).length;
    count.textContent = shown === cases.length ? `${shown} cases` : `${shown} of ${cases.length} cases`;
    none.hidden = shown > 0;
    return shown;
  };
  const remember = () => {
    const state = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", state.size ? `#flips?${state}` : "#flips");
  };
  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());

  const follow = async () => {
    let hash = location.hash.slice(1);
    if (hash.startsWith("flips?")) {
      const state = new URLSearchParams(hash.slice(6));
      for (const name of ["q", "tool", "tag"]) form.elements[name].value = state.get(name) ?? "";
      for (const box of form.querySelectorAll("[name=kind]")) box.checked = state.getAll("kind").includes(box.value);
      await filter();
      document.getElementById("flips").scrollIntoView();
      return;
    }
    try { hash = decodeURIComponent(hash); } catch { return; }
    const item = hash.startsWith("case-") && cases.find((other) => `case-${other.dataset.case}` === hash);
    if (!item) return;
    item.hidden = false;
    item.open = true;
    await fill(item);
    item.scrollIntoView();
    item.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);

  // Keys: / finds, j and k go from case to case, Escape leaves the search.
  const step = (by) => {
    const shown = cases.filter((item) => !item.hidden);
    const at = shown.indexOf(document.activeElement.closest("details.case"));
    const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : at + by];
    if (!next) return;
    next.querySelector("summary").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea");
    if (event.key === "Escape" && event.target === form.elements.q) {
      form.elements.q.value = "";
      form.elements.q.blur();
      filter(); remember();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.key === "/") { event.preventDefault(); form.elements.q.focus(); }
      if (event.key === "j") step(1);
      if (event.key === "k") step(-1);
    }
  });

  form.hidden = false;
  // Not before the page is complete: until then the browser itself follows the address, and takes the focus away again.
  const complete = document.readyState === "complete" ? Promise.resolve() : new Promise((done) => addEventListener("load", done, { once: true }));
  Promise.all([filter(), complete]).then(follow);
})();

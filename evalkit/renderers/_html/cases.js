"use strict";
// The table of all cases, of which only what is in sight is drawn, and the one case that is open.
(() => {
  const packed = document.getElementById("ledger");
  if (!packed) return;
  const root = document.documentElement;
  const explorer = document.querySelector(".explorer");
  const form = explorer.querySelector("form");
  const count = form.querySelector("output");
  const none = explorer.querySelector(".none");
  const box = explorer.querySelector(".rows");
  const body = box.querySelector(".lines");
  const panel = explorer.querySelector(".opened");
  const title = panel.querySelector("h3");

  // What is packed: base64 of gzipped JSON, made when the file was written.
  const unpack = (element) => {
    const text = element.textContent.trim();
    const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };
  const once = (make) => { let made; return () => (made ??= make()); };

  const seconds = (ms) => (ms === null ? "–" : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s`);
  const make = (tag, role, name, text) => {
    const element = document.createElement(tag);
    if (role) element.setAttribute("role", role);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const pill = (kind) => make("span", "", `pill ${kind}`, JSON.parse(explorer.dataset.words)[kind] ?? kind);

  const start = (all) => {
    const size = all.case.length;
    const named = (column, place) => column.codes[place].map((code) => column.names[code]);
    const places = once(() => new Map(all.case.map((id, place) => [id, place])));
    const texts = once(() => all.case.map((id, place) => [
      id, all.asked[place], all.why[place], all.found[place] ?? "", ...named(all.flaws, place),
      ...named(all.tools, place), ...named(all.tags, place),
    ].join("\n").toLowerCase()));

    // Which lines: `shown` holds their places in the order in which they stand.
    let shown = Array.from({ length: size }, (_, place) => place);
    const keys = {
      case: (place) => all.case[place],
      baseline: (place) => all.seconds[0][place] ?? Infinity,
      candidate: (place) => all.seconds[1][place] ?? Infinity,
    };
    const sort = { by: "", down: false };
    const sorted = (found) => {
      const key = keys[sort.by];
      if (!key) return found;
      const order = sort.by === "case" ? (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a - b) : (a, b) => key(a) - key(b) || a - b;
      found.sort(order);
      return sort.down ? found.reverse() : found;
    };
    const wish = (name, column) => (form.elements[name].value === "" ? -1 : column.names.indexOf(form.elements[name].value));
    const filter = () => {
      const wanted = new FormData(form);
      const kinds = new Set(wanted.getAll("kind").map((kind) => all.kind.names.indexOf(kind)));
      const tool = wish("tool", all.tools), tag = wish("tag", all.tags), flaw = wish("flaw", all.flaws);
      const unlike = wanted.has("calls");
      const words = wanted.get("q").toLowerCase().split(/\s+/).filter(Boolean);
      const searched = words.length ? texts() : [];
      const found = [];
      for (let place = 0; place < size; place++) {
        if (kinds.size && !kinds.has(all.kind.codes[place])) continue;
        if (unlike && !all.unlike[place]) continue;
        if (flaw >= 0 && !all.flaws.codes[place].includes(flaw)) continue;
        if (tool >= 0 && !all.tools.codes[place].includes(tool)) continue;
        if (tag >= 0 && !all.tags.codes[place].includes(tag)) continue;
        if (words.every((word) => searched[place].includes(word))) found.push(place);
      }
      shown = sorted(found);
      const told = shown.length.toLocaleString("en"), total = size.toLocaleString("en");
      count.textContent = shown.length === size ? `${total} case${size === 1 ? "" : "s"}` : `${told} of ${total} cases`;
      none.hidden = shown.length > 0;
      box.hidden = shown.length === 0;
      box.setAttribute("aria-rowcount", shown.length + 1);
      box.scrollTop = 0;
      redraw();
    };

    // Lines: all have one height, so the place of each follows from its number.
    let height = 0;
    let current = -1;
    const drawn = new Map();
    const line = (place, index) => {
      const row = make("div", "row", `line ${all.kind.names[all.kind.codes[place]]}`);
      row.dataset.place = place;
      row.setAttribute("aria-rowindex", index + 2);
      if (place === current) row.setAttribute("aria-current", "true");
      const link = make("a", "", "", all.case[place]);
      link.href = `#case-${encodeURIComponent(all.case[place])}`;
      const cells = ["outcome", "id", "why", "num", "num"].map((name) => make("span", "cell", name));
      cells[0].append(pill(all.kind.names[all.kind.codes[place]]));
      cells[1].append(link);
      cells[2].textContent = all.why[place] || all.asked[place];
      cells[3].textContent = seconds(all.seconds[0][place]);
      cells[4].textContent = seconds(all.seconds[1][place]);
      row.append(...cells);
      return row;
    };
    const draw = () => {
      if (!height) height = measure();
      const first = Math.max(0, Math.floor(box.scrollTop / height) - 6);
      const last = Math.min(shown.length, first + Math.ceil(box.clientHeight / height) + 14);
      for (const [index, row] of drawn) {
        if ((index < first || index >= last) && !row.contains(document.activeElement)) { row.remove(); drawn.delete(index); }
      }
      for (let index = first; index < last; index++) {
        if (drawn.has(index)) continue;
        const row = line(shown[index], index);
        row.style.transform = `translateY(${index * height}px)`;
        const next = [...drawn.keys()].filter((other) => other > index).sort((a, b) => a - b)[0];
        body.insertBefore(row, next === undefined ? null : drawn.get(next));
        drawn.set(index, row);
      }
    };
    const measure = () => {
      const probe = line(0, 0);
      body.append(probe);
      const found = probe.offsetHeight;
      probe.remove();
      return found || 44;
    };
    const redraw = () => {
      drawn.clear();
      body.replaceChildren();
      if (!height) height = measure();
      body.style.height = `${shown.length * height}px`;
      draw();
    };
    let waiting = false;
    box.addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    }, { passive: true });
    addEventListener("resize", () => { height = 0; redraw(); });

    // The open case.
    const packs = [...document.querySelectorAll("script.pack")].map((element) => once(() => unpack(element)));
    const plain = new Map([...document.querySelectorAll(".plain details")].map((item) => [item.dataset.case, item]));
    const telling = async (place) => {
      const template = document.createElement("template");
      const told = plain.get(all.case[place]);
      if (told) return told.querySelector(".body").cloneNode(true).childNodes;
      if (place < all.full) {
        const after = place - all.plain;
        template.innerHTML = (await packs[Math.floor(after / all.pack)]())[after % all.pack];
      } else {
        template.innerHTML = document.getElementById("brief").innerHTML;
        const slots = template.content.querySelectorAll("[data-slot]");
        const facts = {
          asked: all.asked[place] || "–", link: "Link to this case", run: `evalkit show ${all.run} ${all.case[place]}`,
          was: seconds(all.seconds[0][place]), now: seconds(all.seconds[1][place]),
          spent: all.tokens[0][place] ?? "–", spends: all.tokens[1][place] ?? "–",
        };
        for (const slot of slots) slot.textContent = facts[slot.dataset.slot];
        template.content.querySelector("a").href = `#case-${encodeURIComponent(all.case[place])}`;
      }
      return template.content.childNodes;
    };
    const mark = () => {
      for (const row of body.children) {
        if (Number(row.dataset.place) === current) row.setAttribute("aria-current", "true");
        else row.removeAttribute("aria-current");
      }
    };
    const open = async (place, { follow = false } = {}) => {
      current = place;
      mark();
      const nodes = [...await telling(place)];
      if (current !== place) return;
      title.replaceChildren(pill(all.kind.names[all.kind.codes[place]]), " ", make("span", "", "id", all.case[place]));
      panel.querySelector(".body").replaceChildren(...nodes);
      panel.hidden = false;
      const index = shown.indexOf(place);
      panel.querySelector("[data-step='1']").disabled = index < 0 || index === shown.length - 1;
      panel.querySelector("[data-step='-1']").disabled = index <= 0;
      if (index >= 0 && (index * height < box.scrollTop || (index + 1) * height > box.scrollTop + box.clientHeight - height)) {
        box.scrollTop = index * height - box.clientHeight / 3;
        draw();
      }
      const top = panel.getBoundingClientRect().top;
      if (follow) panel.scrollIntoView();
      else if (top < 0 || top > innerHeight * 0.7) box.scrollIntoView({ block: top < 0 ? "nearest" : "start" });
      title.focus({ preventScroll: true });
      remember();
    };
    const close = () => {
      const place = current;
      current = -1;
      panel.hidden = true;
      mark();
      body.querySelector(`[data-place="${place}"] a`)?.focus({ preventScroll: true });
      remember();
    };
    const step = (by) => {
      const focused = document.activeElement.closest?.(".line");
      const at = shown.indexOf(current >= 0 ? current : focused ? Number(focused.dataset.place) : -1);
      const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : at + by];
      if (next !== undefined) open(next);
    };
    body.addEventListener("click", (event) => {
      const row = event.target.closest(".line");
      if (!row || event.ctrlKey || event.metaKey || event.shiftKey || String(getSelection())) return;
      event.preventDefault();
      open(Number(row.dataset.place));
    });
    panel.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.step) step(Number(button.dataset.step));
      if (button.dataset.close !== undefined) close();
      if (button.dataset.tools !== undefined) command(button);
    });

    // A case as a command: the lists of tools are shared by many cases and stand in the file once.
    const offers = once(() => unpack(document.getElementById("offers")));
    const command = async (button) => {
      const text = button.dataset.head + (await offers())[button.dataset.tools] + button.dataset.tail;
      const shownText = button.parentNode.querySelector("pre.command") ?? make("pre", "", "command");
      shownText.textContent = text;
      shownText.tabIndex = 0;
      button.after(shownText);
      try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "To copy by hand:"; }
    };

    // What is shown is in the address, so that a link can show the same.
    const remember = () => {
      const state = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      if (sort.by) state.set("sort", (sort.down ? "-" : "") + sort.by);
      const alone = !state.size;
      if (current >= 0) state.set("case", all.case[current]);
      const hash = alone && current >= 0 ? `#case-${encodeURIComponent(all.case[current])}` : state.size ? `#flips?${state}` : "#flips";
      history.replaceState(null, "", hash);
    };
    const follow = async () => {
      let hash = location.hash.slice(1);
      if (hash.startsWith("flips?")) {
        const state = new URLSearchParams(hash.slice(6));
        for (const name of ["q", "tool", "tag", "flaw"]) form.elements[name].value = state.get(name) ?? "";
        for (const check of form.querySelectorAll("[name=kind]")) check.checked = state.getAll("kind").includes(check.value);
        form.elements.calls.checked = state.has("calls");
        arrange((state.get("sort") ?? "").replace("-", ""), (state.get("sort") ?? "").startsWith("-"));
        filter();
        const place = places().get(state.get("case"));
        if (place === undefined) document.getElementById("flips").scrollIntoView();
        else await open(place, { follow: true });
        return;
      }
      try { hash = decodeURIComponent(hash); } catch { return; }
      const place = hash.startsWith("case-") ? places().get(hash.slice(5)) : undefined;
      if (place !== undefined) await open(place, { follow: true });
    };
    addEventListener("hashchange", follow);

    const heads = [...box.querySelectorAll("[data-sort]")];
    const arrange = (by, down) => {
      sort.by = by; sort.down = down;
      for (const head of heads) {
        if (head.dataset.sort === by && by) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      }
    };
    for (const head of heads) {
      head.querySelector("button").addEventListener("click", () => {
        const here = sort.by === head.dataset.sort;
        arrange(here && sort.down ? "" : head.dataset.sort, here && !sort.down);
        filter(); remember();
      });
    }

    for (const [name, column] of [["tool", all.tools], ["tag", all.tags], ["flaw", all.flaws]]) {
      const select = form.elements[name];
      const names = column.names.filter(Boolean).sort();
      select.append(...names.map((value) => new Option(value, value)));
      select.closest("label").hidden = names.length < 2;
    }
    form.addEventListener("input", () => { filter(); remember(); });
    form.addEventListener("submit", (event) => event.preventDefault());

    // Keys: / finds, j and k go from case to case, Escape leaves the search or closes the case.
    addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, select, textarea");
      if (event.key === "Escape" && event.target === form.elements.q) {
        form.elements.q.value = "";
        form.elements.q.blur();
        filter(); remember();
      } else if (event.key === "Escape" && !typing && current >= 0) {
        close();
      } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        if (event.key === "/") { event.preventDefault(); form.elements.q.focus(); }
        if (event.key === "j") step(1);
        if (event.key === "k") step(-1);
      }
    });

    root.classList.add("live");
    explorer.hidden = false;
    filter();
    (window.requestIdleCallback ?? setTimeout)(texts);
    // Not before the page is complete: until then the browser itself follows the address, and takes the focus away again.
    const complete = document.readyState === "complete" ? Promise.resolve() : new Promise((done) => addEventListener("load", done, { once: true }));
    complete.then(follow).then(() => { root.dataset.ready = ""; performance.mark("ready"); });
  };
  unpack(packed).then(start);
})();

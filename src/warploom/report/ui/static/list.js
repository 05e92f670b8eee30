// All candidates, however many: only the rows in sight are there, and come from the server a page at a time.

import { get } from "./api.js";
import { button, el } from "./dom.js";
import { between, count, percent, plain, times } from "./words.js";

const PAGE = 100;
const MOST_PAGES = 40;
const TALLEST = 8_000_000; // pixels: browsers lose count of more
const SHOWN = {
  all: "all", passed: "passed", failed: "failed", faster: "faster than their parent",
  records: "the best when they came", again: "measured again",
};
const ORDERS = { newest: "newest first", fastest: "fastest first", oldest: "oldest first" };

export class List {
  constructor(open) {
    this.open = open;
    this.filter = { show: "all", by: "", text: "", order: "newest" };
    this.pages = new Map();
    this.loading = new Set();
    this.total = this.until = this.at = 0;
    this.run = this.wanted = null;
    this.build();
  }

  build() {
    const choose = (name, options) => {
      const node = el("select", { name, onchange: () => this.set({ [name]: node.value }) });
      for (const [value, text] of Object.entries(options)) node.append(el("option", { value }, text));
      return node;
    };
    this.show = choose("show", SHOWN);
    this.by = choose("by", { "": "everybody" });
    this.order = choose("order", ORDERS);
    let typing = 0;
    this.text = el("input", {
      type: "search", name: "text", placeholder: "id, move or note", autocomplete: "off",
      oninput: () => {
        this.busy(true);
        clearTimeout(typing);
        typing = setTimeout(() => this.set({ text: this.text.value.trim() }), 200);
      },
    });
    const label = (words, node) => el("label", {}, el("span", {}, words), node);
    this.said = el("p", { className: "quiet", role: "status" });
    this.fresh = button("", () => this.again(), { className: "fresh", hidden: true });
    this.space = el("div", { className: "space" });
    this.rows = el("div", { className: "rows", role: "presentation" });
    this.box = el("div", {
      id: "list", className: "list", tabIndex: 0, role: "listbox", "aria-label": "Candidates",
      onscroll: () => this.draw(), onkeydown: (event) => this.key(event),
    }, this.space, this.rows);
    this.node = el("section", { className: "candidates" },
      el("h2", {}, "Candidates"),
      el("form", { className: "filters", onsubmit: (event) => event.preventDefault() },
        label("Show", this.show), label("By", this.by), label("Order", this.order), label("Find", this.text)),
      el("p", { className: "status" }, this.said, this.fresh),
      el("div", { className: "heading", "aria-hidden": "true" },
        ["no.", "", "speed", "to parent", "made by", "how", "id"].map((words) => el("span", {}, words))),
      this.box);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.box);
  }

  close() {
    this.resized.disconnect();
  }

  update(run) {
    const other = !this.run || this.run.number !== run.number;
    this.run = run;
    this.options(this.by, ["", ...run.proposers], (name) => name || "everybody", this.filter.by);
    const kinds = Object.keys(run.failures);
    this.options(this.show, [...Object.keys(SHOWN), ...kinds], (name) => SHOWN[name] ?? `failed: ${plain(name)}`, this.filter.show);
    if (other) return this.again();
    const more = run.judged - this.until;
    const following = this.filter.order === "newest" && this.box.scrollTop < 4 && this.at === 0;
    if (more > 0 && (following || this.total * this.height() < this.box.clientHeight)) return this.again();
    this.fresh.hidden = more <= 0;
    this.fresh.textContent = `${count(more)} new: show`;
  }

  options(node, values, words, chosen) {
    if (node.options.length === values.length) return;
    node.replaceChildren(...values.map((value) => el("option", { value }, words(value))));
    node.value = chosen;
  }

  set(change) {
    Object.assign(this.filter, change);
    for (const name of ["show", "by", "order"]) this[name].value = this.filter[name];
    if (this.text.value.trim() !== this.filter.text) this.text.value = this.filter.text;
    this.box.scrollTop = this.at = 0;
    this.again();
  }

  /** The list anew, as of now; what is shown stays until the new rows are there. */
  again() {
    this.busy(true);
    this.until = this.run.judged;
    this.fresh.hidden = true;
    this.version = {};
    this.loading.clear();
    return this.load(Math.floor(this.first() / PAGE), true);
  }

  async load(page, anew = false) {
    if (this.loading.has(page) || page < 0) return;
    this.loading.add(page);
    const { version } = this;
    try {
      const found = await get(`/api/runs/${this.run.number}/candidates`, {
        ...this.filter, until: this.until, offset: page * PAGE, most: PAGE,
      });
      if (version !== this.version) return;
      if (anew) this.pages.clear();
      this.pages.delete(page);
      this.pages.set(page, found.rows);
      while (this.pages.size > MOST_PAGES) this.pages.delete(this.pages.keys().next().value);
      this.total = found.total;
      this.until = found.until;
      this.said.textContent = found.total === found.until
        ? `${count(found.total)} candidates` : `${count(found.total)} of ${count(found.until)} candidates`;
    } catch (error) {
      if (version === this.version) this.said.textContent = error.message;
    } finally {
      if (version === this.version) {
        this.loading.delete(page);
        if (anew) this.busy(false);
      }
    }
    this.draw();
  }

  /** Whether rows that were asked for are on their way. */
  busy(on) {
    this.box.setAttribute("aria-busy", on);
  }

  height() {
    return this.box.clientWidth < 640 ? 64 : 34;
  }

  /** The number of the first row in sight. A list too tall for a browser moves by more than a pixel at a time. */
  first() {
    const tall = Math.min(this.total * this.height(), TALLEST), room = tall - this.box.clientHeight;
    const last = Math.max(0, this.total - this.box.clientHeight / this.height());
    return room <= 0 ? 0 : Math.min(last, (this.box.scrollTop / room) * last);
  }

  draw() {
    if (!this.run) return;
    const row = this.height(), first = Math.floor(this.first());
    const visible = Math.ceil(this.box.clientHeight / row) + 1, found = [];
    this.space.style.height = `${Math.min(this.total * row, TALLEST)}px`;
    this.rows.style.transform = `translateY(${this.box.scrollTop - (this.first() - first) * row}px)`;
    for (let index = first; index < Math.min(this.total, first + visible); index++) {
      const page = Math.floor(index / PAGE), known = this.pages.get(page);
      if (!known) this.load(page);
      found.push(this.row(index, known?.[index % PAGE]));
    }
    this.rows.replaceChildren(...found);
    const chosen = this.rows.querySelector("[aria-selected=true]");
    if (chosen?.id) this.box.setAttribute("aria-activedescendant", chosen.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  row(index, one) {
    const common = {
      className: "row", role: "option", "aria-selected": String(index === this.at), "aria-posinset": index + 1,
      "aria-setsize": this.total,
    };
    if (!one) return el("div", { ...common, className: "row waiting" }, "…");
    const note = one.note === one.operator ? "" : one.note;
    const gain = one.gain === null ? "" : percent(one.gain - 1);
    const sign = one.held === null ? "" : one.held ? "◆" : "◇";
    const meaning = one.held ? "measured again, promoted" : "measured again, not promoted";
    return el("div", { ...common, id: `row-${one.id}`, onclick: () => this.choose(index, true) },
      el("span", { className: "place" }, count(one.place)),
      el("span", { className: "held", title: sign && meaning }, sign),
      one.speed === null
        ? el("span", { className: "speed bad" }, plain(one.outcome))
        : el("span", { className: "speed", title: between([one.speed, ...one.ends]) }, times(one.speed)),
      el("span", { className: one.gain > 1 ? "gain up" : "gain" }, gain),
      el("span", { className: "by" }, one.operator || one.by, note && el("span", { className: "how", "aria-hidden": "true" }, ` ${note}`)),
      el("span", { className: "note" }, note),
      el("span", { className: "code" }, one.id.slice(0, 8)));
  }

  /** Choose a row; bring it into sight. */
  choose(index, open) {
    this.at = Math.max(0, Math.min(this.total - 1, index));
    const row = this.height(), whole = Math.floor(this.box.clientHeight / row), first = this.first();
    const tall = Math.min(this.total * row, TALLEST), room = tall - this.box.clientHeight;
    const last = Math.max(1e-9, this.total - this.box.clientHeight / row);
    const wanted = this.at < first ? this.at : this.at >= first + whole ? this.at - whole + 1 : first;
    if (wanted !== first) this.box.scrollTop = (wanted / last) * room;
    this.draw();
    const one = this.pages.get(Math.floor(this.at / PAGE))?.[this.at % PAGE];
    if (open && one) this.open(one.id);
  }

  key(event) {
    const whole = Math.floor(this.box.clientHeight / this.height());
    const steps = {
      ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: whole, PageUp: -whole, Home: -Infinity, End: Infinity,
    };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in steps) this.choose(this.at + steps[event.key], false);
    else if (event.key === "Enter" || event.key === " ") this.choose(this.at, true);
    else return;
    event.preventDefault();
  }
}

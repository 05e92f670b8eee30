// The report's figures, drawn by the server for the width there is, and drawn anew while the run goes on.

import { get } from "./api.js";
import { drawn, el, facts, table } from "./dom.js";

const LEAST_MS = 1500; // between two drawings, and before a journal that is still being read is drawn in part
const SPARING = 20; // drawing takes at most one part in so many of the time: the machine is being measured

/** A section of figures in a container of its own. */
export class Figures {
  constructor(section, open) {
    this.section = section;
    this.open = open;
    this.node = el("div", { className: "figures", onclick: (event) => this.click(event) });
    this.shown = new Map();
    this.run = null;
    this.seen = "";
    this.timer = 0;
    this.loading = false;
    this.rest = 0;
    this.resized = new ResizeObserver(() => this.due());
    this.resized.observe(this.node);
  }

  update(run) {
    if (this.run && this.run.number !== run.number) this.clear();
    if (run.read === 1 && this.run?.read < 1) this.hurry(); // what was drawn so far shows a part of the journal
    if (run.read < 1 && !this.run) this.rest = Date.now() + LEAST_MS;
    this.run = run;
    this.due();
  }

  hurry() {
    this.rest = 0;
    if (this.timer && !this.loading) clearTimeout(this.timer), (this.timer = 0);
  }

  clear() {
    this.node.replaceChildren();
    this.shown.clear();
    this.seen = "";
    this.rest = 0;
  }

  close() {
    this.resized.disconnect();
    clearTimeout(this.timer);
    this.run = null;
  }

  due() {
    if (!this.run || this.timer || !this.node.clientWidth) return;
    if (this.seen === `${this.run.number}/${this.run.seen}/${this.node.clientWidth}`) return;
    this.timer = setTimeout(() => this.load(), Math.max(0, this.rest - Date.now()));
  }

  async load() {
    const { run } = this, width = this.node.clientWidth;
    if (!run) return;
    this.loading = true;
    try {
      const found = await get(`/api/runs/${run.number}/sections/${this.section}`, { width });
      if (this.run && this.run.number === run.number) this.show(found);
      this.seen = `${run.number}/${run.seen}/${width}`;
      this.node.dataset.seen = found.seen;
      this.rest = run.read < 1 && this.run?.read === 1 ? 0 : Date.now() + Math.max(LEAST_MS, SPARING * 1000 * found.seconds);
    } catch (error) {
      this.node.replaceChildren(el("p", { className: "caution" }, error.message));
      this.shown.clear();
      this.rest = Date.now() + 5000;
    }
    this.timer = 0;
    this.loading = false;
    this.due();
  }

  show(found) {
    const kept = new Set(found.figures.map((one) => one.name));
    for (const [name, parts] of this.shown) {
      if (!kept.has(name)) {
        parts.node.remove();
        this.shown.delete(name);
      }
    }
    if (!this.shown.size) this.node.replaceChildren();
    for (const one of found.figures) this.figure(one);
    if (found.facts.length) {
      this.rows?.remove();
      this.node.append((this.rows = facts(found.facts)));
    }
    if (!found.figures.length) this.node.replaceChildren(el("p", { className: "empty" }, "Nothing to draw yet."));
  }

  figure(one) {
    let parts = this.shown.get(one.name);
    if (!parts) {
      const title = el("h3"), words = el("p"), chart = el("div"), numbers = el("div");
      const details = el("details", { ontoggle: () => details.open && this.numbers(parts) }, el("summary", {}, "The numbers"), numbers);
      const node = el("figure", { id: `figure-${one.name}` }, el("figcaption", {}, title, words), chart, details);
      parts = { title, words, chart, numbers, details, node };
      this.shown.set(one.name, parts);
      this.node.append(node);
    }
    parts.title.textContent = one.title;
    parts.words.textContent = one.words;
    parts.words.hidden = !one.words;
    parts.chart.replaceChildren(drawn(one.drawing));
    parts.table = one.table;
    parts.details.hidden = !one.table || !one.table[1].length;
    if (parts.details.open) this.numbers(parts);
  }

  numbers(parts) {
    if (parts.table) parts.numbers.replaceChildren(table(...parts.table, this.open));
  }

  click(event) {
    const title = event.target.closest("svg *")?.querySelector(":scope > title")?.textContent;
    const id = title?.match(/\b[0-9a-f]{16}\b/)?.[0];
    if (id) this.open(id);
  }
}

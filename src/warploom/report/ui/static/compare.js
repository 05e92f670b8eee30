// Several runs beside one another.

import { get } from "./api.js";
import { button, drawn, el, renew } from "./dom.js";
import { clock, count, times } from "./words.js";

export class Compare {
  constructor(go) {
    this.go = go;
    this.rows = el("tbody");
    this.chart = el("div", { className: "chart-of-runs" });
    const head = ["run", "best over eager", "over compile", "judged", "passed", "time", "state", "problem"];
    this.node = el("section", {}, el("h2", {}, "Runs"),
      el("div", { className: "scroll", tabIndex: 0 }, el("table", { className: "tight" },
        el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))), this.rows)),
      el("figure", {}, el("figcaption", {}, el("h3", {}, "How the best of each run grew"),
        el("p", {}, "Lines: the best so far, as screened. Diamonds: the promoted best. Runs of different problems are on one scale, that of their own PyTorch eager.")), this.chart));
    this.seen = "";
    this.rest = 0;
    this.timer = 0;
  }

  close() {
    clearTimeout(this.timer);
    this.closed = true;
  }

  update(_, runs) {
    renew(this.rows, ...runs.map((run) => this.row(run)));
    this.runs = runs;
    this.due();
  }

  row(run) {
    const speed = (name) => (run.best?.speedup[name] ? times(run.best.speedup[name][0]) : "–");
    return el("tr", {}, [
      button(run.name, () => this.go(run.number), { className: "id" }), speed("eager"), speed("compile"),
      `${count(run.judged)} of ${count(run.limit)}`, count(run.passed), clock(run.seconds), run.state, run.problem,
    ].map((value) => el("td", {}, value)));
  }

  due() {
    const seen = `${this.runs.map((run) => run.seen)}/${this.chart.clientWidth}`;
    if (this.closed || this.timer || seen === this.seen || !this.chart.clientWidth) return;
    this.timer = setTimeout(async () => {
      try {
        const { drawing } = await get("/api/compare", { width: this.chart.clientWidth });
        this.chart.replaceChildren(drawing ? drawn(drawing) : el("p", { className: "empty" }, "Nothing to draw yet."));
        this.seen = seen;
      } catch (error) {
        this.chart.replaceChildren(el("p", { className: "caution" }, error.message));
      }
      this.rest = Date.now() + 2000;
      this.timer = 0;
      this.due();
    }, Math.max(0, this.rest - Date.now()));
  }
}

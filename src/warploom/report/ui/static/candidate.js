// The panel of one candidate: verdict, source, changes, samples, prompt.

import { control, get } from "./api.js";
import { button, drawn, el, facts, link, table } from "./dom.js";
import { count, milliseconds, percent, plain, ratio, times } from "./words.js";

const TABS = ["Verdict", "Source", "Changes", "Samples", "Prompt"];
const BASELINES = { eager: "PyTorch eager", compile: "torch.compile", incumbent: "the best before" };

export class Panel {
  constructor(node, open, close) {
    this.node = node;
    this.open = open;
    this.leave = close;
    this.tab = "Verdict";
    this.id = "";
    node.addEventListener("keydown", (event) => event.key === "Escape" && this.leave());
  }

  /** Show a candidate of a run; "" shows none. */
  async show(run, id) {
    if (this.id === id && this.run?.number === run?.number) return this.update(run);
    this.run = run;
    this.id = id;
    this.node.hidden = !id;
    document.body.classList.toggle("with-panel", Boolean(id));
    if (!id) return this.node.replaceChildren();
    this.node.replaceChildren(this.head(id, ""), el("p", { className: "empty" }, "Reading…"));
    this.node.querySelector("h2").focus();
    try {
      const found = await get(`/api/runs/${run.number}/candidates/${encodeURIComponent(id)}`, { width: this.room() });
      if (this.id !== id) return;
      this.found = found;
      this.build();
    } catch (error) {
      if (this.id === id) this.node.replaceChildren(this.head(id, ""), el("p", { className: "caution" }, error.message));
    }
  }

  /** The run went on: it may have pinned this candidate. */
  update(run) {
    this.run = run;
    if (this.pin && run) {
      const pinned = run.pinned === this.found?.candidate;
      this.pin.textContent = pinned ? "Unpin" : "Pin as parent";
      this.pin.setAttribute("aria-pressed", pinned);
      this.pin.hidden = run.state === "ended";
    }
  }

  room() {
    return Math.max(300, Math.min(this.node.clientWidth - 32, 900));
  }

  head(id, said) {
    return el("header", {},
      el("h2", { tabIndex: -1 }, "Candidate ", el("code", {}, id), said),
      button("Close", () => this.leave(), { className: "close", title: "Esc" }));
  }

  build() {
    const { found } = this, row = found.row;
    const held = found.trials.findLast((trial) => trial.held);
    const speed = held ? `${times(held.speed)} promoted` : row?.speed ? `${times(row.speed)} as screened` : "";
    const said = speed || (row ? plain(row.outcome) : "not told yet");
    const chip = el("span", { className: `chip ${row && row.speed === null ? "bad" : ""}` }, said);
    this.pin = button("", () => this.toggle(), { className: "pin" });
    if (!row || row.speed === null) this.pin = null;
    const tabs = el("div", { className: "tabs", role: "tablist", onkeydown: (event) => this.key(event) },
      TABS.map((name) => button(name, () => this.choose(name), { role: "tab", id: `panel-${name}`, "aria-controls": "panel-body" })));
    this.problem = el("p", { className: "caution", hidden: true, role: "alert" });
    this.body = el("div", { id: "panel-body", role: "tabpanel", tabIndex: 0 });
    this.node.replaceChildren(this.head(found.candidate, chip), this.origin(), this.problem, this.pin ?? "", tabs, this.body);
    this.update(this.run);
    this.choose(this.tab);
    this.node.querySelector("h2").focus();
  }

  origin() {
    const { lineage, row, children } = this.found, rows = [];
    rows.push(["made by", [lineage.proposer, lineage.operator].filter(Boolean).join(" ")]);
    if (lineage.note && lineage.note !== lineage.operator) rows.push(["note", lineage.note]);
    if (lineage.parents.length) {
      const gain = row?.gain ? ` ${percent(row.gain - 1)} against the first` : "";
      rows.push(["parents", el("span", {}, lineage.parents.map((id) => link(id, this.open)), gain)]);
    }
    if (children.length) rows.push([children.length === 1 ? "1 child" : `${children.length} children`, el("span", {}, children.slice(0, 12).map((id) => link(id, this.open, id.slice(0, 8))))]);
    return facts(rows);
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    this.choose(TABS[(TABS.indexOf(this.tab) + step + TABS.length) % TABS.length]);
    this.node.querySelector(`#panel-${this.tab}`).focus();
  }

  async choose(name) {
    this.tab = name;
    for (const tab of this.node.querySelectorAll("[role=tab]")) {
      const on = tab.textContent === name;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
    }
    this.body.setAttribute("aria-labelledby", `panel-${name}`);
    const { id } = this;
    let parts;
    try {
      parts = await this[name]();
    } catch (error) {
      parts = el("p", { className: "caution" }, error.message);
    }
    if (this.id === id && this.tab === name) this.body.replaceChildren(...[parts].flat().filter(Boolean));
  }

  async toggle() {
    this.problem.hidden = true;
    try {
      const unpin = this.run.pinned === this.found.candidate;
      await control(this.run.number, unpin ? "unpin" : "pin", unpin ? {} : { candidate: this.found.candidate });
      this.pin.textContent = "Sent…";
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
  }

  // ------------------------------------------------------------ tabs

  Verdict() {
    const { found } = this, parts = [];
    for (const said of found.cautions) parts.push(el("p", { className: "caution" }, `Caution: ${said}.`));
    for (const trial of found.trials) {
      const speed = trial.speed === null ? "" : ` at ${times(trial.speed)}`;
      parts.push(el("p", {}, trial.held ? `Measured again${speed} and promoted.` : `Measured again${speed}, not promoted: ${trial.reason}.`));
    }
    for (const [title, one] of [["Measured again", found.promoted], ["Screened", found.screened]]) {
      if (one) parts.push(el("h3", {}, title), ...this.evaluation(one));
    }
    if (!found.promoted && !found.screened) parts.push(el("p", { className: "empty" }, "Not judged yet."));
    const { parameters, build_flags: flags, lineage } = found, rows = [];
    if (lineage.steps.length) rows.push(["rewrites", el("ol", {}, lineage.steps.map((step) => el("li", {}, el("code", {}, step))))]);
    if (Object.keys(parameters).length) rows.push(["parameters", Object.entries(parameters).map(([name, value]) => `${name}=${value}`).join(" ")]);
    if (flags.length) rows.push(["flags", flags.join(" ")]);
    return rows.length ? [...parts, el("h3", {}, "Made of"), facts(rows)] : parts;
  }

  evaluation(one) {
    const rows = Object.entries(one.elapsed_ns).map(([stage, took]) => `${stage} ${milliseconds(took)}`).join(", ");
    if (one.status === "failed") {
      return [
        el("p", {}, el("b", { className: "bad" }, `Failed at ${one.stage}: ${plain(one.kind)}. `), one.message),
        one.log_tail.trim() ? el("pre", { className: "scroll whole", tabIndex: 0 }, one.log_tail.trim()) : null,
        el("p", { className: "quiet" }, rows),
      ];
    }
    const held = one.checks.filter((check) => check.held_out).length;
    const worst = Math.max(0, ...one.checks.map((check) => check.max_rel_error ?? Infinity));
    const times_ = one.workloads.flatMap((load) =>
      Object.entries(load.baselines).map(([name, against], index) => [
        index ? "" : load.workload.replaceAll(",", ", "), BASELINES[name] ?? name, this.interval(against.speedup),
        index ? "" : milliseconds(load.call_ns), milliseconds(against.baseline_ns), String(against.pairs),
      ]));
    return [
      el("p", {}, `Passed: ${one.checks.length} calls compared with the reference, ${held} of them on shapes that the search never saw; largest error ${worst.toPrecision(2)} of what is allowed.`),
      table(["shape", "against", "speedup (95 %)", "kernel", "baseline", "pairs"], times_, this.open),
      el("p", { className: "quiet" }, rows),
    ];
  }

  interval({ median, low, high }) {
    return high === null ? `${times(median)}, one pair` : `${ratio(median)}× (${ratio(low)} to ${ratio(high)})`;
  }

  Source() {
    const { found } = this;
    const whole = el("pre", { className: "scroll whole", tabIndex: 0 }, drawn(found.lines));
    const cut = found.cut ? el("p", { className: "quiet" }, `${count(found.cut)} more lines are not shown.`) : null;
    return [el("p", { className: "quiet" }, "As it was built, with every parameter written in."), whole, cut];
  }

  Changes() {
    const { diff, came, went, lineage } = this.found;
    if (!lineage.parents.length) return el("p", { className: "empty" }, "It has no parent.");
    if (!diff.length) return el("p", { className: "empty" }, "Its source is its parent's: flags or parameters changed.");
    const class_ = { "+": "added", "-": "removed", "@": "place" };
    return [
      el("p", { className: "quiet" }, `${count(came)} lines came, ${count(went)} went, against the first parent.`),
      el("pre", { className: "scroll diff", tabIndex: 0 }, diff.map((line) => el("span", { className: class_[line[0]] ?? "" }, `${line}\n`))),
    ];
  }

  Samples() {
    if (!this.found.samples.length) return el("p", { className: "empty" }, "It was not timed.");
    return [
      el("p", { className: "quiet" }, "Each dot is a pair: kernel and baseline, called right after one another in random order. The line is the median, the band its 95 % interval."),
      ...this.found.samples.map((one) => el("figure", {}, drawn(one))),
    ];
  }

  async Prompt() {
    const { turns } = await get(`/api/runs/${this.run.number}/candidates/${this.found.candidate}/conversation`);
    if (!turns.length) return el("p", { className: "empty" }, "No model and no agent was asked for it.");
    const seen = new Set(), parts = [];
    for (const turn of turns) {
      for (const { role, text } of turn.messages) {
        if (!seen.has(`${role}/${text}`)) parts.push(this.message(role, text, role === "system"));
        seen.add(`${role}/${text}`);
      }
      const price = turn.cost_usd === null ? "" : `, $${turn.cost_usd.toFixed(4)}`;
      parts.push(this.message(`answer of ${turn.model}`, turn.answer || turn.error, false));
      parts.push(el("p", { className: "quiet" }, `${plain(turn.finish)}; ${count(turn.tokens)} tokens${price}, ${turn.seconds.toFixed(1)} s`));
      seen.add(`assistant/${turn.answer}`);
    }
    return parts;
  }

  message(who, text, folded) {
    return el("details", { open: !folded }, el("summary", {}, who), el("pre", { className: "scroll wrap", tabIndex: 0 }, text));
  }
}

// How a run stands, what it can be told, and how its speed grew.

import { control } from "./api.js";
import { button, el, facts, link, renew } from "./dom.js";
import { Figures } from "./figures.js";
import { STATES, between, clock, count, plain, times } from "./words.js";

export class Overview {
  constructor(open, filter) {
    this.open = open;
    this.filter = filter;
    this.heading = el("h2", {});
    this.state = el("p", { className: "state", role: "status" });
    this.claims = el("ul", { className: "claims" });
    this.bar = el("progress", { max: 1, value: 0, "aria-label": "How far the run is" });
    this.figures = new Figures("climb", open);
    this.facts = el("div");
    this.cautions = el("div");
    this.steering = new Steering(open);
    this.happened = el("h2", {}, "What happened");
    this.news = el("ol", { className: "news", reversed: true });
    this.node = el("section", { className: "overview" },
      el("div", { className: "head" }, this.heading, this.state), this.cautions, this.claims, this.bar, this.facts,
      this.steering.node, this.figures.node, this.happened, this.news);
  }

  close() {
    this.figures.close();
  }

  update(run) {
    this.heading.textContent = run.title[0].toUpperCase() + run.title.slice(1);
    const reading = run.read < 1 ? `reading the journal: ${Math.floor(100 * run.read)} %` : "";
    this.state.textContent = run.fault || reading || (run.state === "ended" ? `ended: ${run.ended}` : STATES[run.state]);
    this.state.dataset.state = run.fault ? "left" : run.state;
    this.cautions.replaceChildren(...(run.best?.cautions ?? []).map((said) => el("p", { className: "caution" }, `Caution: ${said}.`)));
    renew(this.claims, ...this.claimed(run));
    this.bar.hidden = run.state === "ended";
    this.bar.value = Math.min(1, Math.max(run.limit ? run.judged / run.limit : 0, run.minutes ? run.seconds / (60 * run.minutes) : 0));
    renew(this.facts, facts(this.rows(run)));
    this.steering.update(run);
    this.figures.update(run);
    this.happened.hidden = !run.news.length;
    renew(this.news, ...run.news.map(([place, words, id]) => el("li", {},
      el("span", { className: "place" }, `after ${count(place)}`), el("span", {}, words, " ", link(id, this.open, id.slice(0, 8))))));
  }

  claimed(run) {
    const claim = (value, words, small, id) => el("li", {},
      el("b", {}, value), el("span", {}, words), el("small", {}, small, " ", link(id, this.open, id?.slice(0, 8))));
    const { best, record } = run, found = [];
    for (const [name, title] of [["eager", "PyTorch eager"], ["compile", "torch.compile"]]) {
      const ends = best?.speedup[name];
      if (ends) found.push(claim(times(ends[0]), `the speed of ${title}`, between(ends), name === "eager" ? best.candidate : ""));
    }
    if (record && (!best || record.speedup[1] > best.speedup.eager[2])) {
      found.push(claim(times(record.speedup[0]), "as screened, not yet confirmed", between(record.speedup), record.candidate));
    }
    return found.length ? found : [claim("–", `no candidate has passed${run.state === "ended" ? "" : " yet"}`, "", "")];
  }

  rows(run) {
    const failed = Object.entries(run.failures), pace = run.seconds > 0 ? (run.judged / run.seconds) * 60 : 0;
    const rows = [["judged", `${count(run.judged)} of ${count(run.limit)}; ${count(run.passed)} passed, ${count(run.promotions)} promoted`]];
    if (failed.length) {
      rows.push(["failed", el("span", {}, failed.map(([kind, many]) =>
        button(`${plain(kind)} ${count(many)}`, () => this.filter({ show: kind }), { className: "id" })))]);
    }
    rows.push(["at work for", `${clock(run.seconds)}, ${pace.toFixed(0)} candidates a minute${this.left(run, pace)}`]);
    if (run.models) rows.push(["models", run.models]);
    rows.push(["search", `${run.strategy}, ${run.islands} island${run.islands === 1 ? "" : "s"}; by ${run.proposers.join(", ") || "nobody yet"}`]);
    return rows;
  }

  left(run, pace) {
    const times_ = [];
    if (run.minutes) times_.push(run.minutes * 60 - run.seconds);
    if (pace) times_.push(((run.limit - run.judged) / pace) * 60);
    return run.state === "at work" && times_.length ? `; about ${clock(Math.max(0, Math.min(...times_)))} left` : "";
  }
}

/** Pause, stop, hints and the pinned parent. */
class Steering {
  constructor(open) {
    this.open = open;
    this.pause = button("Pause", () => this.send(this.run.state === "paused" ? "resume" : "pause"), { id: "pause" });
    this.stop = button("Stop…", () => this.ask(), { id: "stop" });
    this.said = el("p", { className: "quiet", role: "status" });
    this.pinned = el("p", { hidden: true });
    this.text = el("textarea", {
      id: "hint", rows: 2, maxLength: 2000, placeholder: "Such as: keep the running sum in a register",
      onkeydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.hint(event),
    });
    this.add = button("Add hint", (event) => this.hint(event));
    this.hints = el("ul", { className: "hints" });
    this.form = el("details", {}, el("summary", {}, "Hints for the next prompts"), this.hints,
      el("label", { for: "hint" }, "What should whoever writes the next kernels know?"), this.text, this.add);
    this.nobody = el("p", { className: "quiet", hidden: true }, "No model or agent is asked in this run: there are no prompts for hints.");
    this.node = el("div", { className: "steering" }, el("div", { className: "buttons" }, this.pause, this.stop, this.said), this.pinned, this.form, this.nobody);
  }

  update(run) {
    this.run = run;
    const over = run.state === "ended", here = !over && run.state !== "left" && run.state !== "interrupted";
    this.node.hidden = over;
    this.pause.textContent = run.state === "paused" ? "Go on" : "Pause";
    this.pause.disabled = this.stop.disabled = !here;
    if (run.waiting) this.said.textContent = `${run.waiting} sent, taken after the step at work`;
    else if (!this.fault) this.said.textContent = "";
    this.pinned.hidden = !run.pinned;
    renew(this.pinned, "Every request starts from ", link(run.pinned, this.open), " ", button("Unpin", () => this.send("unpin")));
    this.form.hidden = !run.asks;
    this.nobody.hidden = run.asks;
    renew(this.hints, ...run.hints.map((text) => el("li", {}, el("span", {}, text), button("Take back", () => this.send("forget", { text })))));
  }

  async send(name, more = {}) {
    try {
      await control(this.run.number, name, more);
      this.fault = false;
      this.said.textContent = "sent";
    } catch (error) {
      this.fault = true;
      this.said.textContent = error.message;
    }
    return !this.fault;
  }

  async hint(event) {
    event.preventDefault();
    if (await this.send("hint", { text: this.text.value })) this.text.value = "";
  }

  ask() {
    const dialog = document.getElementById("dialog");
    const leave = (sure) => {
      dialog.close();
      if (sure) this.send("stop");
    };
    dialog.replaceChildren(
      el("h2", {}, "Stop this run?"),
      el("p", {}, "What is at work is judged, the best few are measured again, and the run ends for good. To go on later, pause it instead, or interrupt it with Ctrl-C where it runs."),
      el("p", { className: "buttons" }, button("Stop the run", () => leave(true), { className: "danger", id: "sure" }), button("Let it go on", () => leave(false), { autofocus: true })));
    dialog.showModal();
  }
}

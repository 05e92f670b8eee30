// The dashboard: finds its way by the address, follows the runs, and shows one view at a time.

import { enter, follow } from "./api.js";
import { Panel } from "./candidate.js";
import { Compare } from "./compare.js";
import { button, el, say } from "./dom.js";
import { Figures } from "./figures.js";
import { List } from "./list.js";
import { Overview } from "./overview.js";
import { ratio } from "./words.js";

const VIEWS = { overview: "Overview", candidates: "Candidates", search: "Search", cost: ["Cost", el("span", { className: "rest" }, " and failures")], runs: "Compare" };
const KEYS = [
  ["1 to 5", "the views"], ["/", "find a candidate"], ["↑ ↓ or j k", "up and down the list; Enter opens"],
  ["[ ]", "the run before, the next run"], ["b", "the best kernel"], ["Esc", "close the candidate"], ["?", "these keys"],
];
const by = (id) => document.getElementById(id);

const runs = new Map();
let view = null;
let place = { run: 0, view: "overview", candidate: "" };
const list = new List((id) => go({ candidate: id }));
const panel = new Panel(by("panel"), (id) => go({ candidate: id }), () => leave());

// ------------------------------------------------------------ where we are

function go(change) {
  const next = { ...place, ...change };
  const address = `#/${next.run}/${next.view}${next.candidate ? `/${next.candidate}` : ""}`;
  if (location.hash !== address) location.hash = address;
}

function leave() {
  panel.show(runs.get(place.run), ""); // at once: what is still being read must not take the focus back
  go({ candidate: "" });
  if (place.view === "candidates") by("list").focus();
  else by("main").focus();
}

function arrive() {
  const [, run, name, candidate] = location.hash.split("/");
  const before = place;
  place = { run: runs.has(Number(run)) ? Number(run) : 0, view: VIEWS[name] ? name : "overview", candidate: candidate ?? "" };
  if (!view || before.view !== place.view) turn();
  show();
}

function turn() {
  if (view && view !== list) view.close();
  const open = (id) => go({ candidate: id });
  view = {
    overview: () => new Overview(open, (filter) => {
      list.wanted = filter;
      go({ view: "candidates" });
    }),
    candidates: () => list,
    search: () => section("search", "What the search found", open),
    cost: () => section("cost", "What paid, where the time went, what failed", open),
    runs: () => new Compare((run) => go({ run, view: "overview", candidate: "" })),
  }[place.view]();
  by("main").replaceChildren(view.node);
}

function section(name, title, open) {
  const figures = new Figures(name, open);
  return {
    node: el("section", {}, el("h2", {}, title), figures.node),
    update: (run) => figures.update(run),
    close: () => figures.close(),
  };
}

function show() {
  const run = runs.get(place.run);
  if (!run) return;
  document.title = `${run.best?.speedup.eager ? `${ratio(run.best.speedup.eager[0])}× ` : ""}${run.problem} · Warploom`;
  for (const tab of by("tabs").children) tab.setAttribute("aria-current", tab.dataset.view === place.view ? "page" : "false");
  if (by("run").options.length !== runs.size) {
    by("run").replaceChildren(...[...runs.values()].map((one) => el("option", { value: one.number }, `${one.name} (${one.problem})`)));
    by("picker").hidden = runs.size < 2;
  }
  by("run").value = place.run;
  view.update(run, [...runs.values()]);
  if (view === list && list.wanted) {
    list.set(list.wanted);
    list.wanted = null;
  }
  panel.show(run, place.candidate);
}

// ------------------------------------------------------------ what happens

function told(changed) {
  const first = runs.size === 0;
  for (const run of changed) runs.set(run.number, run);
  if (first) arrive();
  else if (changed.some((run) => run.number === place.run) || place.view === "runs") show();
}

function linked(state, fault) {
  if (state === "fault") by("main").replaceChildren(el("p", { className: "caution" }, fault));
  say(by("link"), { live: "live", away: "the dashboard is gone; trying again", refused: "", fault: "stopped" }[state]);
  by("link").dataset.state = state;
  if (state === "refused") needsToken("The token is not, or no longer, the right one.");
}

function needsToken(words) {
  by("top").hidden = true;
  by("main").replaceChildren(el("p", { className: "empty", id: "message" }, words, " Open the address that ",
    el("code", {}, "warploom ui"), " printed, with everything behind the #."));
}

function help() {
  const dialog = by("dialog");
  dialog.replaceChildren(el("h2", {}, "Keys"),
    el("dl", { className: "facts" }, KEYS.map(([keys, words]) => el("div", {}, el("dt", {}, el("kbd", {}, keys)), el("dd", {}, words)))),
    button("Close", () => dialog.close(), { autofocus: true }));
  dialog.showModal();
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || by("dialog").open) return;
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const names = Object.keys(VIEWS), run = runs.get(place.run);
  if (event.key >= "1" && event.key <= String(names.length)) go({ view: names[event.key - 1] });
  else if (event.key === "/") {
    go({ view: "candidates" });
    setTimeout(() => list.text.focus());
  } else if (event.key === "[" || event.key === "]") {
    go({ run: (place.run + (event.key === "]" ? 1 : runs.size - 1)) % runs.size, candidate: "" });
  } else if (event.key === "b" && run?.best) go({ candidate: run.best.candidate });
  else if (event.key === "?") help();
  else if (event.key === "Escape" && place.candidate) leave();
  else return;
  event.preventDefault();
}

function begin() {
  if (!enter()) return needsToken("This page shows nothing without its token.");
  by("tabs").append(
    ...Object.entries(VIEWS).map(([name, words]) => {
      const tab = button(words, () => go({ view: name }));
      tab.dataset.view = name;
      return tab;
    }),
    button("?", help, { title: "Keys", "aria-label": "Keys" }));
  by("run").addEventListener("change", () => go({ run: Number(by("run").value), candidate: "" }));
  by("skip").addEventListener("click", (event) => {
    event.preventDefault();
    by("main").focus();
  });
  addEventListener("hashchange", arrive);
  addEventListener("keydown", key);
  follow(told, linked);
}

begin();

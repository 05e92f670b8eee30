// Elements without markup: whatever is written becomes text.

const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("drawings", { createHTML: (markup) => markup })
  : { createHTML: (markup) => markup };

/** An element with properties ("on…" are listeners, names with "-" attributes) and children (nodes or text). */
export function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role" || key === "for") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

/** What the server drew (charts, coloured source), in which it has escaped every word. The page's policy runs no script in it. */
export function drawn(markup) {
  const parsed = new DOMParser().parseFromString(policy.createHTML(markup), "text/html");
  const found = document.createDocumentFragment();
  found.append(...parsed.body.childNodes);
  return found;
}

/** Text in the place of what a node holds, if it is another one. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** What a node holds anew; the button that had the focus has it again. */
export function renew(node, ...children) {
  const buttons = () => [...node.querySelectorAll("button")];
  const focused = node.contains(document.activeElement) ? buttons().indexOf(document.activeElement) : -1;
  node.replaceChildren(...children);
  if (focused >= 0) buttons()[focused]?.focus({ preventScroll: true });
}

/** A button. */
export function button(text, act, properties = {}) {
  return el("button", { type: "button", onclick: act, ...properties }, text);
}

/** The id of a candidate, to be clicked. */
export function link(id, open, text = id) {
  return id ? button(text, () => open(id), { className: "id", title: `candidate ${id}` }) : "";
}

/** Rows of names and values. */
export function facts(rows) {
  return el("dl", { className: "facts" }, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** A table; cells that are ids of candidates can be clicked. */
export function table(head, rows, open) {
  const cell = (value) => el("td", {}, /^[0-9a-f]{16}$/.test(value) ? link(value, open) : value);
  return el("div", { className: "scroll", tabIndex: 0 }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
}

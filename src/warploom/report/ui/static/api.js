// Talks to the server. The token comes with the address, behind the #, which a browser sends to nobody; it stays in this tab.

const KEY = "warploom-token";
let token = "";

/** Take the token out of the address; false when there is none. */
export function enter() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    sessionStorage.setItem(KEY, found);
    history.replaceState(null, "", location.pathname);
  }
  token = sessionStorage.getItem(KEY) || "";
  return token !== "";
}

async function ask(path, options = {}) {
  const headers = { ...options.headers, Authorization: `Bearer ${token}` };
  const answer = await fetch(path, { ...options, headers, credentials: "omit", redirect: "error" });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

/** What is known; parameters that are "" or 0 are left out. */
export function get(path, parameters = {}) {
  const words = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value !== 0));
  return ask(`${path}${words.size ? `?${words}` : ""}`);
}

/** Something is wanted of a run. */
export function control(run, name, more = {}) {
  const body = JSON.stringify({ name, ...more });
  return ask(`/api/runs/${run}/controls`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
}

const visible = () =>
  new Promise((go) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      go();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });

/** Follow the runs for ever: `tell` gets lists of those that changed, `state` hears "live", "away", "refused", or "fault" and what. A page that nobody sees asks for nothing. */
export async function follow(tell, state) {
  for (let wait = 300; ; wait = Math.min(wait * 2, 5000)) {
    await visible();
    const leaving = new AbortController();
    const hide = () => document.hidden && leaving.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      const answer = await fetch("/api/stream", {
        headers: { Authorization: `Bearer ${token}` }, credentials: "omit", signal: leaving.signal,
      });
      if (answer.status === 401) return state("refused");
      if (!answer.ok) throw new Error(answer.statusText);
      state("live");
      wait = 300;
      await each(answer.body, tell, (words) => state("fault", words));
    } catch {
      // the server is gone, or nobody looks
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
    if (!document.hidden) state("away");
    await new Promise((go) => setTimeout(go, wait));
  }
}

async function each(body, tell, fault) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let buffer = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    const parts = buffer.split("\n\n");
    buffer = parts.pop();
    for (const part of parts) {
      const { event, data } = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s)));
      if (event === "fault") fault(JSON.parse(data));
      else if (data) tell(JSON.parse(data));
    }
  }
}

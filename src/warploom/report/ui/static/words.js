// Numbers as people read them.

export const count = (value) => value.toLocaleString("en");
export const ratio = (value) => (value > 0 && value < 0.095 ? String(Number(value.toPrecision(2))) : value.toFixed(2));
export const times = (value) => (value >= 20 ? value.toFixed(0) : ratio(value)) + "×";
export const percent = (share) => `${share > 0 ? "+" : "−"}${Math.abs(share * 100).toFixed(Math.abs(share) < 0.1 ? 1 : 0)} %`;
export const between = ([, low, high]) => `95 % interval ${ratio(low)} to ${ratio(high)}`;
export const plain = (name) => name.replaceAll("_", " ");

export function clock(seconds) {
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)} h` : `${minutes}:${two(whole % 60)} min`;
}

export function milliseconds(nanoseconds) {
  const value = nanoseconds / 1e6;
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ms`;
}

export const STATES = {
  "at work": "at work",
  paused: "paused",
  interrupted: "interrupted; warploom resume goes on with it",
  ended: "ended",
  left: "nobody is at work on it; warploom resume goes on with it",
  unknown: "perhaps at work",
};

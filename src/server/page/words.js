// Numbers, times and sizes as text.

const whole = new Intl.NumberFormat('en');
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 12345 as `12,345`. */
export const count = (n) => whole.format(n);

/** A count with its noun: `1 template`, `2 templates`, `2 people`. */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** A score with three decimals and a true minus sign. */
export const score = (value) => value.toFixed(3).replace('-', '\u2212');

/** A share of 1 as a percentage with two significant digits: 0.0042 is `0.42 %`. */
export function percent(share) {
  if (share > 0 && share < 1e-6) return `${share.toExponential(0)}`;
  const digits = Number((100 * share).toPrecision(share > 0.1 ? 3 : 2));
  return `${new Intl.NumberFormat('en', { maximumFractionDigits: 6 }).format(digits)}\u202f%`;
}

/** An interval of two shares: `0.6 to 1.5 %`. */
export const interval = ([low, high]) => `${percent(low).replace('\u202f%', '')} to ${percent(high)}`;

/** A number of bytes: `16.4 KiB`. */
export function bytes(n) {
  let unit = 0;
  for (; n >= 1024 && unit < UNITS.length - 1; unit += 1) n /= 1024;
  return `${unit === 0 ? count(n) : n.toFixed(1)} ${UNITS[unit]}`;
}

/** Milliseconds: `0.31 ms`, `55 ms`, `1.2 s`. */
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return '\u2013';
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Number(ms.toPrecision(ms >= 100 ? 3 : 2))} ms`;
}

/** Seconds: `42 s`, `12 min`, `3 h 5 min`, `2 days 4 h`. */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${plural(Math.floor(s / 86400), 'day')} ${Math.floor((s % 86400) / 3600)} h`;
}

/** A time, given in seconds since 1970 or as RFC 3339, in the zone of the reader. */
export function when(at) {
  const date = typeof at === 'number' ? new Date(at * 1000) : new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : moment.format(date);
}

/** The initials of a name, at most two characters: `Ada Lovelace` is `AL`, `London 001` is `L1`. */
export function initials(name) {
  const parts = name
    .trim()
    .split(/[\s_.-]+/u)
    .filter(Boolean)
    .map((part) => part.replace(/^0+(?=\d)/u, ''));
  const first = (part) => [...(part ?? '')][0] ?? '';
  return (first(parts[0]) + (parts.length > 1 ? first(parts.at(-1)) : '')).toUpperCase();
}

// Slack's timestamps in the words people read, in the reader's own time zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY_MS = 86_400_000;

export const toDate = (ts) => new Date(Number(ts) * 1000);
export const timeOf = (ts) => clock.format(toDate(ts));
export const fullTime = (ts) => full.format(toDate(ts));
export const dayKey = (ts) => toDate(ts).toDateString();

/** "10:42" without AM or PM: what stands in the gutter of a grouped message. */
export const gutterTime = (ts) => timeOf(ts).replace(/\s?[AP]M$/i, "");

function daysAgo(date) {
  const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(date)) / DAY_MS);
}

function nearDay(date) {
  return { "-1": "Tomorrow", 0: "Today", 1: "Yesterday" }[daysAgo(date)] ?? null;
}

function ordinal(day) {
  if (day % 100 >= 11 && day % 100 <= 13) return `${day}th`;
  return `${day}${{ 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th"}`;
}

function longDate(
  date,
  { weekday = false, month = "long", year = date.getFullYear() !== new Date().getFullYear() } = {},
) {
  const monthName = new Intl.DateTimeFormat("en", { month }).format(date);
  const day = `${monthName} ${ordinal(date.getDate())}${year ? `, ${date.getFullYear()}` : ""}`;
  return weekday ? `${new Intl.DateTimeFormat("en", { weekday: "long" }).format(date)}, ${day}` : day;
}

export function dayLabel(ts) {
  const date = toDate(ts);
  return nearDay(date) ?? longDate(date, { weekday: true });
}

/** "today at 10:42", "2 days ago": how a thread's last reply is told. */
export function lastReplyLabel(ts) {
  const date = toDate(ts);
  const days = daysAgo(date);
  if (days <= 0) return `today at ${timeOf(ts)}`;
  if (days === 1) return `yesterday at ${timeOf(ts)}`;
  return days < 30 ? `${days} days ago` : `on ${longDate(date, { month: "short" })}`;
}

export function ago(ts) {
  const seconds = Math.round(Date.now() / 1000 - Number(ts));
  const size = Math.abs(seconds);
  const units = [
    [60, 1, "second"],
    [3600, 60, "minute"],
    [86400, 3600, "hour"],
    [Infinity, 86400, "day"],
  ];
  const [, per, name] = units.find(([limit]) => size < limit);
  const count = Math.floor(size / per);
  if (name === "second" && count < 10) return "just now";
  const words = `${count} ${name}${count === 1 ? "" : "s"}`;
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

const pad = (n) => String(n).padStart(2, "0");

const TOKENS = {
  date_num: (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`,
  date: (date) => longDate(date, { year: true }),
  date_short: (date) => new Intl.DateTimeFormat("en", { dateStyle: "medium" }).format(date),
  date_long: (date) => longDate(date, { weekday: true, year: true }),
  date_pretty: (date) => nearDay(date)?.toLowerCase() ?? TOKENS.date(date),
  date_short_pretty: (date) => nearDay(date)?.toLowerCase() ?? TOKENS.date_short(date),
  date_long_pretty: (date) => nearDay(date)?.toLowerCase() ?? TOKENS.date_long(date),
  day_divider_pretty: (date) => nearDay(date) ?? longDate(date, { weekday: true }),
  date_slash: (date) => `${pad(date.getMonth() + 1)}/${pad(date.getDate())}/${date.getFullYear()}`,
  date_shorter: (date) => new Intl.DateTimeFormat("en", { month: "short", day: "numeric" }).format(date),
  time: (date) => clock.format(date),
  time_secs: (date) => clockSeconds.format(date),
  ago: (date) => ago(date.getTime() / 1000),
};

/** `{date_short_pretty} at {time}` for a Unix time; the fallback when a word in braces is not known. */
export function formatDate(unix, format, fallback) {
  const date = toDate(unix);
  if (Number.isNaN(date.getTime())) return fallback ?? format;
  let known = true;
  const text = format.replace(/\{(\w+)\}/g, (_, token) => {
    known &&= token in TOKENS;
    return TOKENS[token]?.(date) ?? "";
  });
  if (!known) return fallback ?? format;
  return /^\{/.test(format) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

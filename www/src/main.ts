/** Puts the page together: a key, a view, its numbers. */
import * as api from "./api";
import { makeCards } from "./cards";
import { userCombobox } from "./combobox";
import { acknowledge, copy, element, say } from "./dom";
import { showEmpty } from "./empty";
import { bindFilters } from "./filters";
import { forgetKey, keepKey, storedKey, takeKeyFromFragment } from "./key";
import { load, rangeOf } from "./load";
import { csv } from "./measures";
import { hideProblem, showProblem } from "./problem";
import { showTable } from "./table";
import { validate } from "./validate";
import { queryString, readView, type View } from "./view";

/** Long enough to type the next digit of a date. */
const TYPING_PAUSE = 400;

takeKeyFromFragment();
const today = await api.today();

let view = readView(location.search, today);
/** What the running request belongs to: a new view, or a new key, ends it. */
let asking = new AbortController();
let session = new AbortController();
let pause: ReturnType<typeof setTimeout> | undefined;
let table = "";

const status = (text: string) => (element("status").textContent = text);
const shown = (id: string, visible: boolean) => (element(id).hidden = !visible);

const users = userCombobox(
  () => api.users(storedKey() ?? "", session.signal),
  (id) => change({ apex_user_id: id }),
);
const filters = bindFilters(today, users, change);
const cards = makeCards();

/** Takes new values into the view, and asks for its numbers once no more keystrokes follow. */
function change(values: Partial<View>, typing = false): void {
  view = { ...view, ...values };
  filters.show(view);
  clearTimeout(pause);
  pause = setTimeout(() => void ask("push"), typing ? TYPING_PAUSE : 0);
}

/** Validates the view, then asks for its numbers; whatever was being asked before is given up. */
async function ask(history: "push" | "keep"): Promise<void> {
  clearTimeout(pause);
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  hideProblem();

  const query = queryString(view);
  const errors = await validate(query, today);
  if (signal.aborted) return;
  filters.showErrors(errors);
  const invalid = Object.keys(errors).length > 0;
  element("results").classList.toggle("stale", invalid);
  element("dashboard").setAttribute("aria-busy", String(!invalid));
  // What was asked before is not what the fields say now.
  if (invalid) shown("request", false);
  if (invalid) return void status("Not sent: see the message beside the field.");

  remember(query, history);
  status("Loading…");
  try {
    await show(signal);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
  if (!signal.aborted) element("dashboard").setAttribute("aria-busy", "false");
}

async function show(signal: AbortSignal): Promise<void> {
  const range = rangeOf(view, today);
  const numbers = await load(view, today, storedKey() ?? "", signal);
  if (signal.aborted) return;
  shown("empty", !numbers);
  shown("results", !!numbers);
  if (!numbers) {
    const team = element<HTMLSelectElement>("team_id").selectedOptions[0]?.text.trim() ?? "";
    showEmpty(view, { team, user: users.label(view.apex_user_id) }, range, today, change);
    return void status("No commits in this range.");
  }
  cards.show(numbers);
  showTable(numbers.rows, numbers.weeks, range);
  table = csv(numbers.rows);
  const count = numbers.weeks
    ? `${numbers.rows.length} ${numbers.rows.length === 1 ? "week" : "weeks"} with commits, `
    : "";
  status(`${count}${range.start} to ${range.end}.`);
}

function fail(error: unknown): void {
  const problem = error instanceof api.Problem ? error : new api.Problem("unexpected", String(error));
  status("");
  if (problem.kind === "key") return leave(`${problem.message} Enter another key.`);
  shown("empty", false);
  shown("results", false);
  if (problem.kind === "parameters") filters.showErrors(problem.errors);
  showProblem(problem, () => void enter());
}

/** Puts the view into the address bar, for sharing, and the request below the table. */
function remember(query: string, mode: "push" | "keep"): void {
  const address = `${location.pathname}?${query}`;
  if (mode === "push" && address !== location.pathname + location.search) history.pushState(null, "", address);
  document.title = `${view.start_date} to ${view.end_date || today} · streamgage`;
  element("request-url").textContent = `${location.origin}${api.METRICS}?${query}`;
  shown("request", true);
}

/** With a key at hand: everything that needs one. */
async function enter(): Promise<void> {
  session.abort();
  session = new AbortController();
  const { signal } = session;
  const key = storedKey() ?? "";
  users.reset();
  hideProblem();
  for (const id of ["dashboard", "forget-key"]) shown(id, true);
  shown("key-form", false);
  filters.show(view);
  status("Loading…");

  // Alone and first, so that a bad key fails once, not five times: the server counts.
  const about = await api.dataset(key, signal).catch((error: unknown) => {
    if (!signal.aborted) fail(error);
  });
  if (!about) return;
  element("dataset").textContent = about.name;
  shown("demo", about.demo);
  void ask("keep");

  try {
    filters.setTeams(await api.teams(key, signal));
    say(element("lists-problem"), "");
  } catch (error) {
    if (!signal.aborted) say(element("lists-problem"), `Teams can't be listed: ${(error as Error).message}`);
  }
}

/** Without one: back to the form that asks for it. */
function leave(error: string): void {
  forgetKey();
  session.abort();
  asking.abort();
  hideProblem();
  for (const id of ["dashboard", "forget-key", "demo", "results", "empty", "request"]) shown(id, false);
  element("dataset").textContent = "";
  shown("key-form", true);
  showKeyError(error);
  element("key").focus();
}

function showKeyError(text: string): void {
  say(element("key-error"), text);
  const input = element("key");
  input.setAttribute("aria-invalid", String(text !== ""));
  input.setAttribute("aria-describedby", text === "" ? "key-hint" : "key-error key-hint");
}

element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = element<HTMLInputElement>("key");
  if (!keepKey(input.value.trim())) return showKeyError("A key is one word without spaces.");
  input.value = "";
  showKeyError("");
  void enter();
  element("start_date").focus();
});
element("forget-key").addEventListener("click", () => leave(""));
element("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  void ask("push");
});
element("retry").addEventListener("click", () => void enter());
element("copy-csv").addEventListener("click", (event) => void copy(table, event.currentTarget as HTMLButtonElement));
element("download-csv").addEventListener("click", (event) => {
  const { start, end } = rangeOf(view, today);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table], { type: "text/csv" }));
  link.download = `streamgage_${start}_${end}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
  acknowledge(event.currentTarget as HTMLButtonElement, "Downloaded");
});
element("copy-curl").addEventListener("click", (event) => {
  const url = element("request-url").textContent ?? "";
  // A query string as URLSearchParams writes it holds no single quote.
  void copy(`curl -H "Authorization: Bearer $STREAMGAGE_KEY" '${url}'`, event.currentTarget as HTMLButtonElement);
});
addEventListener("popstate", () => {
  view = readView(location.search, today);
  filters.show(view);
  if (storedKey()) void ask("keep");
});
addEventListener("hashchange", () => {
  if (takeKeyFromFragment()) void enter();
});
addEventListener("online", () => {
  if (!element("problem").hidden) void enter();
});

if (storedKey()) void enter();
else leave("");

/** The dashboard: asks for a key, then shows the metrics of a view. */
import * as api from "./api";
import { createMetricCards } from "./metric-cards";
import { createUserCombobox } from "./user-combobox";
import { flashLabel, copy, element, setText } from "./dom";
import { showEmptyResult } from "./empty-result";
import { createFilterForm } from "./filter-form";
import { removeKey, storeKey, storedKey, readKeyFromFragment } from "./api-key";
import { loadMetrics, rangeOf } from "./load-metrics";
import { toCsv } from "./metrics";
import { hideError, showError } from "./error-panel";
import { showMetricsTable } from "./metrics-table";
import { validate } from "./validate";
import { queryString, readView, type View } from "./view";

/** Milliseconds without a keystroke after which a request is sent. */
const TYPING_DELAY = 400;

readKeyFromFragment();
const today = await api.today();

let view = readView(location.search, today);
/** Aborts the current request when the view changes. */
let request = new AbortController();
/** Aborts all requests of a key. */
let session = new AbortController();
let typingTimer: ReturnType<typeof setTimeout> | undefined;
let csv = "";

const setStatus = (text: string) => (element("status").textContent = text);
const setVisible = (id: string, visible: boolean) => (element(id).hidden = !visible);

const users = createUserCombobox(
  () => api.users(storedKey() ?? "", session.signal),
  (id) => changeView({ apex_user_id: id }),
);
const filters = createFilterForm(today, users, changeView);
const cards = createMetricCards();

/** Changes the view and requests its metrics, after a delay while the user is typing. */
function changeView(values: Partial<View>, isTyping = false): void {
  view = { ...view, ...values };
  filters.show(view);
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => void update("push"), isTyping ? TYPING_DELAY : 0);
}

/** Validates the view and requests its metrics. Aborts the previous request. */
async function update(mode: "push" | "keep"): Promise<void> {
  clearTimeout(typingTimer);
  request.abort();
  request = new AbortController();
  const { signal } = request;
  hideError();

  const query = queryString(view);
  const errors = await validate(query, today);
  if (signal.aborted) return;
  filters.showErrors(errors);
  const isInvalid = Object.keys(errors).length > 0;
  element("results").classList.toggle("stale", isInvalid);
  element("dashboard").setAttribute("aria-busy", String(!isInvalid));
  // The previous request no longer matches the form.
  if (isInvalid) setVisible("request", false);
  if (isInvalid) return void setStatus("Not sent: see the error next to the field.");

  showRequest(query, mode);
  setStatus("Loading…");
  try {
    await showMetrics(signal);
  } catch (error) {
    if (!signal.aborted) handleError(error);
  }
  if (!signal.aborted) element("dashboard").setAttribute("aria-busy", "false");
}

async function showMetrics(signal: AbortSignal): Promise<void> {
  const range = rangeOf(view, today);
  const data = await loadMetrics(view, today, storedKey() ?? "", signal);
  if (signal.aborted) return;
  setVisible("empty", !data);
  setVisible("results", !!data);
  if (!data) {
    const team = element<HTMLSelectElement>("team_id").selectedOptions[0]?.text.trim() ?? "";
    showEmptyResult(view, { team, user: users.label(view.apex_user_id) }, range, today, changeView);
    return void setStatus("No commits in this range.");
  }
  cards.show(data);
  showMetricsTable(data.rows, data.weeks, range);
  csv = toCsv(data.rows);
  const count = data.weeks ? `${data.rows.length} ${data.rows.length === 1 ? "week" : "weeks"} with commits, ` : "";
  setStatus(`${count}${range.start} to ${range.end}.`);
}

function handleError(error: unknown): void {
  const apiError = error instanceof api.ApiError ? error : new api.ApiError("unexpected", String(error));
  setStatus("");
  if (apiError.kind === "unauthorized") return closeDashboard(`${apiError.message} Enter another key.`);
  setVisible("empty", false);
  setVisible("results", false);
  if (apiError.kind === "invalid-request") filters.showErrors(apiError.errors);
  showError(apiError, () => void openDashboard());
}

/** Shows the view in the address bar, so that it can be shared, and the request below the table. */
function showRequest(query: string, mode: "push" | "keep"): void {
  const address = `${location.pathname}?${query}`;
  if (mode === "push" && address !== location.pathname + location.search) history.pushState(null, "", address);
  document.title = `${view.start_date} to ${view.end_date || today} · streamgage`;
  element("request-url").textContent = `${location.origin}${api.METRICS_PATH}?${query}`;
  setVisible("request", true);
}

/** Opens the dashboard with the stored key. */
async function openDashboard(): Promise<void> {
  session.abort();
  session = new AbortController();
  const { signal } = session;
  const key = storedKey() ?? "";
  users.reset();
  hideError();
  for (const id of ["dashboard", "forget-key"]) setVisible(id, true);
  setVisible("key-form", false);
  filters.show(view);
  setStatus("Loading…");

  // Sent alone first, so that an invalid key fails once: the server limits failed attempts.
  const dataset = await api.dataset(key, signal).catch((error: unknown) => {
    if (!signal.aborted) handleError(error);
  });
  if (!dataset) return;
  element("dataset").textContent = dataset.name;
  setVisible("demo", dataset.demo);
  void update("keep");

  try {
    filters.setTeams(await api.teams(key, signal));
    setText(element("lists-error"), "");
  } catch (error) {
    if (!signal.aborted) setText(element("lists-error"), `Teams cannot be listed: ${(error as Error).message}`);
  }
}

/** Removes the key and returns to the key form. */
function closeDashboard(error: string): void {
  removeKey();
  session.abort();
  request.abort();
  hideError();
  for (const id of ["dashboard", "forget-key", "demo", "results", "empty", "request"]) setVisible(id, false);
  element("dataset").textContent = "";
  setVisible("key-form", true);
  showKeyError(error);
  element("key").focus();
}

function showKeyError(text: string): void {
  setText(element("key-error"), text);
  const input = element("key");
  input.setAttribute("aria-invalid", String(text !== ""));
  input.setAttribute("aria-describedby", text === "" ? "key-hint" : "key-error key-hint");
}

element("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = element<HTMLInputElement>("key");
  if (!storeKey(input.value.trim()))
    return showKeyError("A key contains only printable ASCII characters without spaces.");
  input.value = "";
  showKeyError("");
  void openDashboard();
  element("start_date").focus();
});
element("forget-key").addEventListener("click", () => closeDashboard(""));
element("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  void update("push");
});
element("retry").addEventListener("click", () => void openDashboard());
element("copy-csv").addEventListener("click", (event) => void copy(csv, event.currentTarget as HTMLButtonElement));
element("download-csv").addEventListener("click", (event) => {
  const { start, end } = rangeOf(view, today);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  link.download = `streamgage_${start}_${end}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
  flashLabel(event.currentTarget as HTMLButtonElement, "Downloaded");
});
element("copy-curl").addEventListener("click", (event) => {
  const url = element("request-url").textContent ?? "";
  // URLSearchParams encodes single quotes, so the URL can be quoted with them.
  void copy(`curl -H "Authorization: Bearer $STREAMGAGE_KEY" '${url}'`, event.currentTarget as HTMLButtonElement);
});
addEventListener("popstate", () => {
  view = readView(location.search, today);
  filters.show(view);
  if (storedKey()) void update("keep");
});
addEventListener("hashchange", () => {
  if (readKeyFromFragment()) void openDashboard();
});
addEventListener("online", () => {
  if (!element("error-panel").hidden) void openDashboard();
});

if (storedKey()) void openDashboard();
else closeDashboard("");

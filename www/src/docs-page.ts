/** Scripts of the API documentation page: adapts the examples to this server and the calendar, and sends requests. */
import { element, create } from "./dom";
import { today } from "./api";
import { storeKey, storedKey, readKeyFromFragment } from "./api-key";

const DAY = 86_400_000;

readKeyFromFragment();
const key = element<HTMLInputElement>("key");
key.value = storedKey() ?? "";
key.addEventListener("change", () => {
  key.setAttribute("aria-invalid", String(key.value !== "" && !storeKey(key.value)));
});
element("key-form").addEventListener("submit", (event) => event.preventDefault());

for (const element of document.querySelectorAll(".origin")) element.textContent = location.origin;

for (const form of document.querySelectorAll<HTMLFormElement>("form.try"))
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
const visible = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries)
    if (isIntersecting && key.value) {
      visible.unobserve(target);
      void updateExampleIds(target);
    }
});
for (const section of document.querySelectorAll(".endpoint")) visible.observe(section);
await updateExampleDates();

/**
 * Adapts the examples to the calendar, because the API rejects dates older than 3 years. Commands move with the date of the
 * examples. Forms request the last four weeks of everybody, so that they show results.
 */
async function updateExampleDates(): Promise<void> {
  const main = document.querySelector<HTMLElement>("main[data-today]");
  const last = await today();
  const shifted = (day: string) => dayAfter(day, (Date.parse(last) - Date.parse(main?.dataset.today ?? last)) / DAY);
  for (const code of document.querySelectorAll(".curl code")) {
    const path = code.lastChild;
    if (path?.nodeValue)
      path.nodeValue = path.nodeValue.replace(
        /\b(start_date|end_date)=(\d{4}-\d{2}-\d{2})/g,
        (_, name: string, day: string) => `${name}=${shifted(day)}`,
      );
  }
  for (const input of document.querySelectorAll<HTMLInputElement>(".try [name=path]"))
    input.value = input.value
      .replace(/start_date=[^&]*/, `start_date=${dayAfter(last, -27)}`)
      .replace(/end_date=[^&]*/, `end_date=${last}`)
      .replace(/&(team_id|apex_user_id|include_nested_teams)=[^&]*/g, (part) =>
        input.value.includes("start_date=") ? "" : part,
      );
}

function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY).toISOString().slice(0, 10);
}

/** Replaces the ids in the examples of an endpoint for single objects with an id that this server has. */
async function updateExampleIds(section: Element): Promise<void> {
  const input = section.querySelector<HTMLInputElement>(".try [name=path]");
  const [, list, id] = /^(\/v3\/customer\/core\/\w+\/)(\d+)\//.exec(input?.value ?? "") ?? [];
  if (!input || !list || !key.value) return;
  const response = await fetch(`${list}?fields=id&limit=1`, {
    headers: { Authorization: `Bearer ${key.value}` },
    credentials: "omit",
  }).catch(() => undefined);
  const page = response?.ok ? ((await response.json()) as { results?: { id: number }[] }) : undefined;
  const existing = page?.results?.[0]?.id;
  if (existing === undefined) return;
  const replace = (path: string) => path.replace(`${list}${id}/`, `${list}${existing}/`);
  input.value = replace(input.value);
  for (const { lastChild } of section.querySelectorAll(".curl code"))
    if (lastChild?.nodeValue) lastChild.nodeValue = replace(lastChild.nodeValue);
}

async function send(form: HTMLFormElement): Promise<void> {
  const output = form.querySelector("output");
  const field = (name: string) => form.elements.namedItem(name) as HTMLInputElement | null;
  if (!output) return;
  const url = new URL(field("path")?.value ?? "", location.origin);
  if (url.origin !== location.origin) return output.replaceChildren("Requests can be sent only to this server.");
  const method = form.dataset.method ?? "GET";
  if (method !== "GET" && !confirm(`Send ${method} ${url.pathname}? The request changes the data on this server.`))
    return output.replaceChildren("The request was not sent.");
  output.replaceChildren("…");
  const started = performance.now();
  try {
    const response = await fetch(url, {
      method,
      headers: key.value ? { Authorization: `Bearer ${key.value}` } : {},
      credentials: "omit",
      body: field("body")?.value ?? null,
    });
    const text = await response.text();
    const duration = `${Math.round(performance.now() - started)} ms`;
    const status = create("span", `status s${Math.floor(response.status / 100)}`, String(response.status));
    output.replaceChildren(status, ` ${duration}`, create("pre", "", create("code", "", formatJson(text))));
  } catch {
    output.replaceChildren("The server did not respond. It may be down, or this device may be offline.");
  }
}

function formatJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Scripts of the API documentation page: sends the example requests and fills in this server's origin. */
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
await updateExampleDates();

/** Replaces the dates of metrics examples with the last four weeks, because the API rejects dates older than 3 years. */
async function updateExampleDates(): Promise<void> {
  const paths = [...document.querySelectorAll<HTMLInputElement>(".try [name=path]")];
  const dated = paths.filter(({ value }) => value.includes("start_date="));
  if (dated.length === 0) return;
  const last = await today();
  const first = new Date(Date.parse(last) - 27 * DAY).toISOString().slice(0, 10);
  for (const input of dated)
    input.value = input.value
      .replace(/start_date=[^&]*/, `start_date=${first}`)
      .replace(/end_date=[^&]*/, `end_date=${last}`)
      .replace(/&(team_id|apex_user_id|include_nested_teams)=[^&]*/g, "");
}

async function send(form: HTMLFormElement): Promise<void> {
  const output = form.querySelector("output");
  const field = (name: string) => form.elements.namedItem(name) as HTMLInputElement | null;
  if (!output) return;
  const url = new URL(field("path")?.value ?? "", location.origin);
  if (url.origin !== location.origin) return output.replaceChildren("Requests can be sent only to this server.");
  output.replaceChildren("…");
  const started = performance.now();
  try {
    const response = await fetch(url, {
      method: form.dataset.method ?? "GET",
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

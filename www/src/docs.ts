/** What the page of the API does beyond being read: requests are sent from it, and addresses are this server's. */
import { element, make } from "./dom";
import { today } from "./api";
import { keepKey, storedKey, takeKeyFromFragment } from "./key";

const DAY = 86_400_000;

takeKeyFromFragment();
const key = element<HTMLInputElement>("key");
key.value = storedKey() ?? "";
key.addEventListener("change", () => {
  key.setAttribute("aria-invalid", String(key.value !== "" && !keepKey(key.value)));
});
element("key-form").addEventListener("submit", (event) => event.preventDefault());

for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;

for (const form of document.querySelectorAll<HTMLFormElement>("form.try"))
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
await moveDates();

/** The examples are of 2021, which is too long ago for metrics: what is sent is of the last four weeks. */
async function moveDates(): Promise<void> {
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
  if (url.origin !== location.origin) return output.replaceChildren("The key is sent to this server only.");
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
    const took = `${Math.round(performance.now() - started)} ms`;
    const status = make("span", `status s${Math.floor(response.status / 100)}`, String(response.status));
    output.replaceChildren(status, ` ${took}`, make("pre", "", make("code", "", indented(text))));
  } catch {
    output.replaceChildren("The server did not answer. It may be down, or this device offline.");
  }
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// node core.mjs CORPUS: prints the responses of the module without lists, except for lists, one line each.
import { readFileSync } from "node:fs";
import init, { Table } from "streamgage";

await init();
const { rows, requests, today } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const table = new Table();
for (const [resource, text] of Object.entries(rows)) table.add(resource, text);
for (const request of requests) {
  const answered = table.answer(request, { today });
  if (!answered.ok) throw new Error(answered.error.message);
  const { status, body } = answered.value;
  const isList = request.includes("/core/");
  if (isList !== (status === 501)) throw new Error(`${status}: ${request}`);
  if (!isList) console.log(`{"status":${status},"body":${body}}`);
}

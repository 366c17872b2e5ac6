// node objects.mjs CORPUS: prints the results and errors of the methods that return objects as JSON, one line each.
import { readFileSync } from "node:fs";
import init, { Table } from "streamgage/lists";

await init();
const { rows, requests, today, origin } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const table = new Table({ lists: true });
for (const [resource, text] of Object.entries(rows)) table.add(resource, text);

/** Calls the method for a request. The address of a next page is relative there. */
function call(request) {
  const [path, query = ""] = request.split("?");
  const [, resource, id] = /\/core\/([^/]+)\/(?:(\d+)\/)?$/.exec(path) ?? [];
  if (resource === undefined) return table.metrics(query, { today });
  if (resource === "commits.agg") return table.aggregate(query);
  return id === undefined ? table.list(resource, query) : table.object(resource, Number(id), query);
}

for (const request of requests) {
  const result = call(request);
  if (result.ok) {
    const withOrigin = (link) => (typeof link === "string" && link.startsWith("/v3/") ? origin + link : link);
    const { next, previous } = result.value;
    if (next !== undefined) Object.assign(result.value, { next: withOrigin(next), previous: withOrigin(previous) });
    console.log(JSON.stringify(result.value));
  } else if (result.error.kind === "request") console.log(JSON.stringify(result.error.errors));
  else if (result.error.kind !== "not-found") throw new Error(result.error.message);
}

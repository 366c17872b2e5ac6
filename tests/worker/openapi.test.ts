// The OpenAPI document: that it is one, and that what it says is what the Worker does.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { parseExactly, root } from "../conformance.ts";
import { loadDump, start, type Worker } from "./harness.ts";

type Example = {
  value: unknown;
  "x-request"?: { method: string; path: string; authorization?: string; body?: string };
};
type Media = { schema: object; examples?: Record<string, Example> };
type Answer = { $ref?: string; content?: Record<string, Media>; headers?: Record<string, { example: string }> };
type Operation = { requestBody?: { content: Record<string, Media> }; responses: Record<string, Answer> };
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Answer>; schemas: Record<string, { properties?: object }> };
};

/** The day on which the examples are asked, and what their links begin with. */
const TODAY = "2024-05-31";
const ORIGIN = "https://streamgage.example.com";

let worker: Worker;
let text: string;
let document: Document;
/** The same, with the numbers of its examples as they are written. */
let exactly: Document;
const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
let operations: ReturnType<typeof operationsOf>;
before(async () => {
  worker = await start({ vars: { TODAY } });
  text = await (await fetch(new URL("/openapi.json", worker.url))).text();
  document = JSON.parse(text) as Document;
  exactly = parseExactly(text) as Document;
  operations = operationsOf(document);
});
after(() => worker.close());

/** Whether a value is of a schema of the document. */
function validator() {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  formats.default(ajv);
  ajv.addSchema(document, "openapi");
  return (schema: object, value: unknown, what: string) => {
    const references = JSON.stringify(schema).replaceAll('"#/', '"openapi#/');
    const valid = ajv.validate(JSON.parse(references), value);
    assert.ok(valid, `${what}: ${JSON.stringify(ajv.errors)}`);
  };
}

/** An answer of the exact document, where it is but referred to. */
const answerOf = (answer: Answer): Answer =>
  answer.$ref ? (exactly.components.responses[answer.$ref.split("/").pop() ?? ""] as Answer) : answer;
const examplesOf = (answer: Answer | undefined): Example[] =>
  Object.values(answer?.content ?? {}).flatMap(({ examples }) => Object.values(examples ?? {}));

test("it is OpenAPI 3.1", async () => {
  const validated = await new Validator().validate(JSON.parse(text));
  assert.deepEqual(validated.errors, undefined);
  assert.equal(validated.valid, true);
  const operationIds = operations.map(({ operation }) => (operation as { operationId?: string }).operationId);
  assert.equal(new Set(operationIds).size, operations.length);
});

test("it is served without a key, to be kept and asked again", async () => {
  const response = await fetch(new URL("/openapi.json", worker.url), { headers: { origin: "https://a.example" } });
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  const etag = response.headers.get("etag") ?? "";
  const again = await fetch(new URL("/openapi.json", worker.url), { headers: { "if-none-match": etag } });
  assert.equal(`${again.status} ${await again.text()}`, "304 ");
  const posted = await fetch(new URL("/openapi.json", worker.url), { method: "POST" });
  assert.equal(`${posted.status} ${posted.headers.get("allow")}`, "405 GET, HEAD");
});

test("each example is what the Worker answers", async () => {
  const ask = async ({ method, path, authorization, body }: NonNullable<Example["x-request"]>) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await worker.ask(path, { method, headers, ...(body === undefined ? {} : { body }) });
    const answered = (await response.text()).replaceAll(worker.url.origin, ORIGIN);
    return { response, answered };
  };
  const asked = new Set<string>();
  const compare = async (status: string, answer: Answer, example: Example) => {
    const request = example["x-request"];
    if (request === undefined || asked.has(JSON.stringify(request))) return;
    asked.add(JSON.stringify(request));
    const { response, answered } = await ask(request);
    const what = JSON.stringify(request);
    assert.equal(response.status, Number(status), what);
    assert.equal(answered, JSON.stringify(example.value), what);
    for (const [name, header] of Object.entries(answer.headers ?? {}))
      assert.equal(response.headers.get(name), header.example, what);
  };
  // What loads the rows of the others comes first.
  const all = operationsOf(exactly);
  const imports = all.filter(({ method }) => method === "post");
  for (const { operation } of [...imports, ...all])
    for (const [status, reference] of Object.entries(operation.responses)) {
      const answer = answerOf(reference);
      for (const example of examplesOf(answer)) await compare(status, answer, example);
    }
  assert.ok(asked.size > 70, `${asked.size}`);
});

test("what no single request leads to is answered as it says", async (context) => {
  const limited = await start({ vars: { TODAY }, limits: { READS: 1 } });
  context.after(() => limited.close());
  const shown = (answer: Answer | undefined) => JSON.stringify(examplesOf(answer)[0]?.value);
  const { Forbidden, TooMany, Failure, Moved } = document.components.responses;
  const tags = "/v3/customer/core/tags/";
  const forbidden = await limited.ask(tags, { headers: { authorization: `Bearer ${await limited.key("metrics")}` } });
  assert.equal(`${forbidden.status} ${await forbidden.text()}`, `403 ${shown(Forbidden)}`);
  const key = await limited.key("core");
  const often = () =>
    limited.server.fetch(`http://flow.example${tags}`, { headers: { authorization: `Bearer ${key}` } });
  await often();
  const throttled = await often();
  assert.equal(`${throttled.status} ${await throttled.text()}`, `429 ${shown(TooMany)}`);
  await limited.sql("ALTER TABLE tags RENAME TO elsewhere");
  const failed = await limited.ask(tags);
  assert.equal(`${failed.status} ${await failed.text()}`, `500 ${shown(Failure)}`);
  const large = await limited.ask("/import/tags", { method: "POST", body: " ".repeat(1_000_001) });
  const tooLarge = document.paths["/import/tags"]?.post?.responses["413"];
  assert.equal(`${large.status} ${await large.text()}`, `413 ${shown(tooLarge)}`);
  const moved = await limited.ask("/v3/customer/core/commits?limit=5");
  const location = Moved?.headers?.Location?.example;
  assert.equal(`${moved.status} ${moved.headers.get("location")}`, `301 ${location}`);
});

test("all rows of a made-up dump are as it says, and no more", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "openapi-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const dump = join(folder, "dump");
  const flags = ["--out", dump, "--until", TODAY, "--users", "6", "--months", "1"];
  const made = spawnSync(join(root, "target/release/streamgage"), ["demo", ...flags], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  const served = await start({ vars: { TODAY } });
  context.after(() => served.close());
  await loadDump(served, dump);

  const check = validator();
  for (const { path, method, operation } of operations) {
    const [, resource] = /^\/v3\/customer\/core\/(\w+)\/$/.exec(path) ?? [];
    const schema = operation.responses["200"]?.content?.["application/json"]?.schema as
      { properties: { results: { items: { $ref: string } } } } | undefined;
    if (resource === undefined || method !== "get" || schema === undefined) continue;
    const title = schema.properties.results.items.$ref.split("/").pop() ?? "";
    // The dump has no rows of generic resources.
    if (title === "GenericRow") continue;
    const documented = Object.keys(document.components.schemas[title]?.properties ?? {});
    const lines = readdirSync(dump).includes(`${resource}.ndjson`)
      ? readFileSync(join(dump, `${resource}.ndjson`), "utf8")
          .split("\n")
          .filter(Boolean)
      : [];
    for (const line of lines)
      check({ $ref: `#/components/schemas/${title}Row` }, JSON.parse(line), `${resource}: ${line}`);
    let seen = 0;
    for (let next: string | null = `${path}?limit=1000`; next !== null;) {
      const page = (await (await served.ask(next)).json()) as { next: string | null; results: object[] };
      check(schema, page, path);
      for (const row of page.results) assert.deepEqual(Object.keys(row), documented, resource);
      seen += page.results.length;
      next = page.next;
    }
    assert.equal(seen, lines.length, resource);
    assert.ok(seen > 0, resource);
  }
  const aggregate = operations.find(({ path }) => path.endsWith("commits.agg/"))?.operation;
  const { properties } = document.components.schemas.CommitAggregate as { properties: object };
  const columns = Object.keys(properties);
  const named = (suffix: string) =>
    columns.filter((column) => column.endsWith(suffix)).map((column) => column.slice(0, -suffix.length));
  const groups = columns.filter((column) => !/_(count|sum)$/.test(column) || column === "alias_count");
  const group_by = groups.map((column) => column.replace(/date_date$/, "date__date"));
  const query = `aggregate[count]=${named("_count")}&aggregate[sum]=${named("_sum")}&group_by[${group_by}]&limit=1000`;
  const page = (await (await served.ask(`/v3/customer/core/commits.agg/?${query}`)).json()) as { results: object[] };
  check(aggregate?.responses["200"]?.content?.["application/json"]?.schema ?? {}, page, query);
  assert.deepEqual(Object.keys(page.results[0] ?? {}), columns);
});

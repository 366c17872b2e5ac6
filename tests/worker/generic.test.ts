// Resources whose rows are stored and shown as they came.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start, type Worker } from "./harness.ts";

let worker: Worker;
before(async () => {
  worker = await start();
});
after(() => worker.close());

const CORE = "/v3/customer/core";
const rows = [
  '{"z":1.50,"id":3,"title":"Ünder load","state":"open","project":{"id":8,"name":"b"},"created_at":"2026-01-03T10:00:00"}',
  '{"id":1, "title":"Fix login","state":"closed","project_id":7,"assignees":[{"id":4},{"id":5}],"closed_at":"2026-02-01"}',
  '{"id":2,"title":null,"body":"login is slow","project_id":9,"assignees":[],"integration":{"name":"jira"}}',
];

async function ids(path: string): Promise<number[]> {
  const response = await worker.ask(`${CORE}/${path}`);
  assert.equal(response.status, 200, path);
  return ((await response.json()) as { results: { id: number }[] }).results.map(({ id }) => id);
}

test("rows are shown as they came", async () => {
  assert.deepEqual(await worker.load("tickets", rows.join("\n")), { status: 200, body: { rows: 3, changed: 3 } });
  assert.deepEqual(await worker.load("tickets", rows.join("\n")), { status: 200, body: { rows: 3, changed: 0 } });
  const list = await worker.ask(`${CORE}/tickets/`);
  const results = [rows[1], rows[2], rows[0]].join(",");
  assert.equal(await list.text(), `{"count":3,"next":null,"previous":null,"results":[${results}]}`);
  assert.equal(await (await worker.ask(`${CORE}/tickets/1/`)).text(), rows[1]);
  const some = await worker.ask(`${CORE}/tickets/3/?fields=title,z,nope`);
  assert.equal(await some.text(), '{"z":1.50,"title":"Ünder load"}');
  const others = await worker.ask(`${CORE}/tickets/1/?omit=assignees,closed_at,title`);
  assert.equal(await others.text(), '{"id":1,"state":"closed","project_id":7}');
  assert.equal((await worker.ask(`${CORE}/tickets/4/`)).status, 404);
  assert.deepEqual(await ids("ticket_projects/"), []);
});

test("filters, orderings and searches read the fields that rows have", async () => {
  for (const [query, expected] of [
    ["state=open", [3]],
    ["state!=open", [1, 2]],
    ["state__in=open,closed", [1, 3]],
    ["project_id=8", [3]],
    ["project_id__in=7,8&ordering=-project_id", [3, 1]],
    ["assignees=5", [1]],
    ["assignees!=5", [2, 3]],
    ["assignees__isnull=false", [1]],
    ["title__icontains=ünder", [3]],
    ["created_at__gte=2026-01-03T10:00:00Z", [3]],
    ["closed_at__lt=2026-02-02", [1]],
    ["search=login", [1, 2]],
    ["search=LOGIN+slow", [2]],
    ["ordering=-title", [2, 3, 1]],
    ["ordering=integration__name", [2, 1, 3]],
    ["filters=(state%253Dopen)|(project_id%253D9)", [2, 3]],
    ["limit=1&offset=1", [2]],
  ] as const)
    assert.deepEqual(await ids(`tickets/?${query}`), expected, query);
  assert.equal((await worker.ask(`${CORE}/tickets/?project_id=x`)).status, 400);
});

test("rows are counted and deleted", async () => {
  const grants = Array.from({ length: 1_000 }, (_, id) => ({ id: id * 2 }));
  await worker.load("grants", grants);
  assert.deepEqual(await ids("grants/?limit=2&offset=998"), [1_996, 1_998]);
  assert.equal((await worker.load("grants", [{ id: 0, _deleted: true }])).body.changed, 1);
  const response = await worker.ask(`${CORE}/grants/?limit=1`);
  assert.equal(((await response.json()) as { count: number }).count, 999);
});

test("roles have numbered pages", async () => {
  await worker.load("roles", [
    { id: 1, name: "a" },
    { id: 2, name: "b" },
    { id: 3, name: "c" },
  ]);
  const page = await (await worker.ask(`${CORE}/roles/?page=2&page_size=1&ordering=-name`)).json();
  const link = (number: string) => new URL(`${CORE}/roles/?ordering=-name${number}&page_size=1`, worker.url).href;
  assert.deepEqual(page, {
    count: 3,
    next: link("&page=3"),
    previous: link(""),
    results: [{ id: 2, name: "b" }],
  });
  for (const number of ["4", "0", "x"]) {
    const response = await worker.ask(`${CORE}/roles/?page=${number}&page_size=1`);
    assert.equal(`${response.status} ${await response.text()}`, '404 {"detail":"Invalid page."}');
  }
  assert.deepEqual(await ids("roles/?limit=1&offset=2"), [1, 2, 3]);
});

test("rows need an id", async () => {
  for (const [row, error] of [
    ["{}", "is required"],
    ['{"id":"x"}', "must be a whole number of at most 2^53 - 1"],
  ] as const) {
    const { status, body } = await worker.load("integrations", row);
    assert.deepEqual({ status, body }, { status: 400, body: { line: 1, field: "id", error } });
  }
});

test("a client that adds page sizes to an offset reads every resource", async () => {
  const document = (await (await worker.ask("/openapi.json")).json()) as { paths: Record<string, unknown> };
  const names = Object.keys(document.paths).flatMap((path) => /^\/import\/(\w+)$/.exec(path)?.[1] ?? []);
  const resources = names.filter((name) => name !== "dump");
  assert.equal(resources.length, 24);
  const date = "2026-01-02T00:00:00";
  const members = { apex_user_id: 1, repo_id: 1, author_date: date, created_at: date, updated_at: date };
  for (const resource of resources) {
    const ids = [101, 102, 103, 104, 105];
    await worker.load(
      resource,
      ids.map((id) => ({ id, ...members })),
    );
    const read: number[] = [];
    for (let count = 1, offset = 0; offset < count; offset = read.length) {
      const query = `created_at__gte=2026-01-01&updated_at__gte=2026-01-01&id__gt=100&limit=2&offset=${offset}`;
      const page = await (await worker.ask(`${CORE}/${resource}/?${query}`)).json();
      ({ count } = page as { count: number });
      read.push(...(page as { results: { id: number }[] }).results.map(({ id }) => id));
    }
    assert.deepEqual(read, ids, resource);
  }
});

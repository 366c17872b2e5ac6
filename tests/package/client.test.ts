// The client of the package, against a local server that records its requests.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, mock, test } from "node:test";
import { startV3Server, type Options } from "../v3-server.ts";
import init, {
  createClient,
  Table,
  validateMetrics,
  type Client,
  type Progress,
} from "../../browser/dist/lists-inline.js";

const KEY = "sg_test";
const WEEKS = { start_date: "2026-06-01", resolution: "week" } as const;
const today = "2026-09-01";
const BODY = {
  count: 1,
  results: [{ active_days: 1, commit_count: 2, total_impact: 3, total_efficiency: 100 }],
};

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let url: string;
let client: Client;
/** The path and query of each request of the current test, and its `Authorization` header. */
let requests: string[];
let keys: (string | undefined)[];
/** The responses in order. The last one repeats. */
let responses: Respond[];

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Respond =>
  (_, response) =>
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));

const rows = (from: number, count: number) => Array.from({ length: count }, (_, index) => ({ id: from + index }));

/** A page of users. */
const page = (next: string | null, results: object[], count = 5): Respond =>
  json(200, { count, next, previous: null, results });

before(async () => {
  await init();
  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    keys.push(request.headers.authorization);
    (responses.length > 1 ? responses.shift() : responses[0])?.(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  requests = [];
  keys = [];
  responses = [json(200, BODY)];
  client = createClient({ url, key: KEY });
});

after(() => {
  server.closeAllConnections();
  server.close();
});

test("an invalid request is not sent and fails with the messages of the API", async () => {
  const outcome = await client.metrics("start_date=soon&resolution=month&repo_id=x", { today });
  assert.deepEqual(outcome, {
    ok: false,
    error: {
      kind: "request",
      message:
        "start_date: Provide a valid date. Date cannot be more than 3 years prior to now. " +
        "resolution: Provide a valid choice. 'month' is not one of the available choices: ['period', 'week'] " +
        "repo_id: Enter a number.",
      errors: {
        start_date: ["Provide a valid date. Date cannot be more than 3 years prior to now."],
        resolution: ["Provide a valid choice. 'month' is not one of the available choices: ['period', 'week']"],
        repo_id: ["Enter a number."],
      },
    },
  });
  assert.deepEqual(validateMetrics("start_date=soon&resolution=month&repo_id=x", { today }), outcome);
  using table = new Table();
  const lists = [
    await client.list("commits", "haloc=x", { today }),
    await client.aggregate("haloc=x", { today }),
    await client.load(table, "commits", "haloc=x", { today }),
  ];
  for (const list of lists)
    assert.deepEqual(list.error, {
      kind: "request",
      message: "haloc: Enter a number.",
      errors: { haloc: ["Enter a number."] },
    });
  assert.deepEqual(requests, []);
});

test("a valid request is sent once with the key, and returns the body of the API", async () => {
  assert.deepEqual(await client.metrics({ ...WEEKS, team_id__in: [1, 2] }, { today }), { ok: true, value: BODY });
  await client.list("users", { limit: 2, "id__in!": [] });
  await client.object("users", 7);
  await createClient({ url: `${url}/v3/customer/`, key: KEY }).aggregate("group_by[repo_id]");
  assert.deepEqual(requests, [
    "/v3/customer/metrics/code_fundamentals/period_metrics/?start_date=2026-06-01&resolution=week&team_id__in=1%2C2",
    "/v3/customer/core/users/?limit=2&id__in%21=%2C",
    "/v3/customer/core/users/7/",
    "/v3/customer/core/commits.agg/?group_by[repo_id]",
  ]);
  assert.deepEqual(keys, Array(4).fill(`Bearer ${KEY}`));
});

test("load follows pages on the same server, even if next names another server", async () => {
  const elsewhere: string[] = [];
  const other = createServer((request, response) => {
    elsewhere.push(request.url ?? "");
    response.end();
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const path = "/v3/customer/core/users/";
  responses = [
    page(`http://127.0.0.1:${port}${path}?limit=2&offset=2`, rows(1, 2)),
    // The server ignores the filter by id.
    page(`${url}${path}?limit=2&offset=2`, rows(1, 2)),
    page(`${url}${path}?limit=2&offset=3`, rows(2, 2)),
    page(`//elsewhere.example${path}?limit=2&offset=4`, rows(3, 2)),
    page(null, rows(4, 2)),
  ];
  using table = new Table({ lists: true });
  const reported: Progress[] = [];
  const loaded = await client.load(table, "users", { limit: 2 }, { onProgress: (progress) => reported.push(progress) });
  other.close();
  assert.deepEqual(loaded, { ok: true, value: { rows: 5, next: null, count: 5 } });
  assert.deepEqual(requests, [
    `${path}?limit=2&ordering=id`,
    `${path}?limit=2&ordering=id&id__gt=2`,
    `${path}?limit=2&offset=1`,
    `${path}?limit=2&offset=2`,
    `${path}?limit=2&offset=3`,
  ]);
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(
    reported,
    [2, 3, 4, 5].map((rows, index) => ({ resource: "users", rows, count: 5, pages: index + 1 })),
  );
  const list = table.list("users", "fields=id");
  assert.deepEqual(list.value?.results, rows(1, 5));
});

test("load refuses a link to anything else", async () => {
  for (const next of [`${url}/login/?a=1`, `${url}/v3/customer/core/teams/?offset=2`, "soon"]) {
    responses = [page(next, rows(1, 2))];
    using table = new Table();
    const { error } = await client.load(table, "users");
    assert.deepEqual([error?.kind, error?.message.endsWith(next)], ["unexpected", true]);
  }
});

/** Loads the users of a server whose rows change while they are read, and compares the table with the server. */
async function loadChanging(
  options: Partial<Options>,
  change: (users: { id: number }[]) => void,
  query = "limit=1000",
) {
  const users = rows(1, 2000);
  const changing = await startV3Server({
    rows: { users },
    ...options,
    afterRequest: (_, number) => number === 1 && change(users),
  });
  using table = new Table({ lists: true });
  const loaded = await createClient({ url: changing.url, key: KEY }).load(table, "users", query);
  await changing.close();
  const value = { rows: users.length, next: null, count: users.length };
  assert.deepEqual(loaded, { ok: true, value });
  const ids = users.map(({ id }) => id).sort((one, other) => one - other);
  for (let offset = 0; offset < ids.length; offset += 1000) {
    const results = table.list("users", { limit: 1000, offset, fields: "id" }).value?.results;
    assert.deepEqual(
      results?.map(({ id }) => id),
      ids.slice(offset, offset + 1000),
    );
  }
  assert.equal(table.list("users").value?.count, ids.length);
  return changing.requests;
}

test("load notices a list that changes between two pages, and reads it again", async () => {
  const authority = "https://internal.example:8443";
  for (const ignoresIdFilter of [false, true])
    for (const query of ["limit=1000", "limit=1000&ordering=id", "limit=1000&offset=0"]) {
      const options = { ignoresIdFilter, authority };
      const unchanged = await loadChanging(options, () => {}, query);
      // A row disappears; a row disappears and another one appears.
      for (const change of [
        (users: { id: number }[]) => users.splice(4, 1),
        (users: { id: number }[]) => users.splice(4, 1, { id: 2001 }),
      ]) {
        const requests = await loadChanging(options, change, query);
        assert.ok(requests.length > unchanged.length, `${query}: ${requests}`);
      }
    }
  // Rows that are added at the end need no second read.
  const requests = await loadChanging({}, (users) => users.push({ id: 2001 }, { id: 2002 }));
  assert.equal(requests.filter((request) => !request.includes("id__gt")).length, 2);
});

test("load fails if the list never stays the same", async () => {
  const users = rows(1, 2000);
  const changing = await startV3Server({ rows: { users }, afterRequest: () => users.shift() });
  using table = new Table();
  const { error } = await createClient({ url: changing.url, key: KEY }).load(table, "users");
  await changing.close();
  assert.equal(error?.kind, "unexpected");
  assert.match(error.message, /^The list changes while it is read: .* \(3 attempts\)\.$/);
});

test("every resource can be loaded as the API returns it, with nested objects", async () => {
  const shown: { [Name in ResourceName]: Row<Name>[] } = {
    tags: [
      { id: 1, name: "backend" },
      { id: 2, name: "frontend" },
    ],
    repos: [
      { id: 1, name: "one", tags: [1, 2] },
      { id: 2, name: "two", tags: [{ id: 2, name: "frontend" }] },
    ],
    teams: [
      { id: 1, name: "all" },
      { id: 2, name: "some", parent: 1 },
    ],
    users: [{ id: 1, name: "Ann" }],
    team_membership: [{ id: 1, apex_user_id: 1, team_id: 2, membership_type: "contributor" }],
    user_alias: [{ id: 1, apex_user_id: 1, name: "ann" }],
    commits: [1, 2].map((id) => ({ id, apex_user_id: 1, repo_id: id, author_date: "2026-06-02T10:00:00", impact: 3 })),
  };
  using first = new Table({ lists: true });
  using second = new Table({ lists: true });
  for (const name of Object.keys(shown) as ResourceName[])
    assert.deepEqual(first.add(name, shown[name]), { ok: true, value: { rows: shown[name].length, next: null } });
  for (const name of Object.keys(shown) as ResourceName[]) {
    responses = [page(null, first.list(name).value?.results ?? [], shown[name].length)];
    const loaded = await client.load(second, name, "");
    assert.deepEqual(loaded, { ok: true, value: { rows: shown[name].length, next: null, count: shown[name].length } });
  }
  for (const name of Object.keys(shown) as ResourceName[]) assert.deepEqual(second.list(name), first.list(name));
  const tags = second.list("repos").value?.results.map((repo) => repo.tags.map((tag) => tag.name));
  assert.deepEqual(tags, [["backend", "frontend"], ["frontend"]]);
  const parameters = { ...WEEKS, repo_tag_id: 1, team_id: 1, include_nested_teams: true };
  const weeks = second.metrics(parameters, { today });
  assert.deepEqual(weeks, first.metrics(parameters, { today }));
  assert.equal(weeks.value?.results[0]?.total_impact, 3);
});

test("a redirect is not followed, because it could send the key to another server", async () => {
  responses = [json(302, "", { Location: `${url}/elsewhere` })];
  const outcome = await client.metrics(WEEKS, { today });
  assert.deepEqual(outcome.error, {
    kind: "unexpected",
    message: "The response has the unexpected status 302.",
    status: 302,
  });
  assert.equal(requests.length, 1);
});

test("the key is trimmed, and no error contains the key", async () => {
  const spaced = await createClient({ url, key: `\n${KEY}\n` }).metrics(WEEKS, { today });
  assert.deepEqual([spaced.ok, keys], [true, [`Bearer ${KEY}`]]);
  for (const key of ["secret\n\nsecret", "s\u00e9cret", "sec ret"])
    assert.throws(() => createClient({ url, key }), {
      name: "TypeError",
      message: 'The option "key" must be ASCII text.',
    });
  const fetch = (_: string, { headers }: { headers: Record<string, string> }) =>
    Promise.reject(new Error(`bad header: ${headers.Authorization}`));
  const { error } = await createClient({ url, key: "secret", retries: 0, fetch }).metrics(WEEKS, { today });
  assert.equal(error?.kind, "network");
  assert.match(error?.message ?? "", /…/);
  assert.doesNotMatch(JSON.stringify(error), /secr/);
  assert.equal(requests.length, 1);
});

test("load stops when pages repeat", async () => {
  const link = `${url}/v3/customer/core/users/`;
  responses = [page(`${link}?offset=2`, rows(1, 2)), page(`${link}?ordering=name`, rows(2, 2))];
  using table = new Table();
  const { error } = await client.load(table, "users", "ordering=name");
  assert.deepEqual([error?.kind, requests.length], ["unexpected", 2]);
});

test("an abort stops a request before it is sent, during the response, and between pages", async () => {
  const reason = new Error("enough");
  const aborted = { ok: false, error: { kind: "aborted", message: "Error: enough" } };
  assert.deepEqual(await client.metrics(WEEKS, { today, signal: AbortSignal.abort(reason) }), aborted);
  assert.deepEqual(requests, []);

  let controller = new AbortController();
  responses = [() => controller.abort(reason)];
  assert.deepEqual(await client.metrics(WEEKS, { today, signal: controller.signal }), aborted);
  assert.equal(requests.length, 1);

  controller = new AbortController();
  const unavailable = json(503, "", { "Retry-After": "60" });
  responses = [
    (request, response) => {
      unavailable(request, response);
      setTimeout(() => controller.abort(reason), 50);
    },
  ];
  const started = performance.now();
  assert.deepEqual(await client.metrics(WEEKS, { today, signal: controller.signal }), aborted);
  assert.equal(requests.length, 2);
  assert.ok(performance.now() - started < 30_000, "the client waited for the retry");

  // An abort within a page: no row of that page is stored.
  using table = new Table({ lists: true });
  const { signal } = (controller = new AbortController());
  responses = [
    page("/v3/customer/core/users/?offset=1", rows(1, 1)),
    (_, response) => {
      response.write(`{"count":5,"next":null,"results":[{"id":2},`);
      setTimeout(() => controller.abort(reason), 50);
    },
  ];
  assert.deepEqual(await client.load(table, "users", "", { signal }), aborted);
  assert.deepEqual(table.list("users", "fields=id").value?.results, rows(1, 1));

  const between = (controller = new AbortController());
  responses = [page("/v3/customer/core/users/?offset=1", rows(1, 1))];
  requests = [];
  const stopped = await client.load(table, "users", "", {
    signal: between.signal,
    onProgress: () => between.abort(reason),
  });
  assert.deepEqual([stopped, requests.length], [aborted, 1]);
});

test("throttled, failed and unanswered requests are retried, others are not", async () => {
  const now = { "Retry-After": "0" };
  for (const status of [429, 500, 502, 503, 504]) {
    requests = [];
    responses = [json(status, "", now), json(status, "", now), json(200, BODY)];
    assert.deepEqual(await client.metrics(WEEKS, { today }), { ok: true, value: BODY });
    assert.equal(requests.length, 3, `${status}`);
  }
  responses = [(_, response) => response.destroy(), json(200, BODY)];
  assert.equal((await client.metrics(WEEKS, { today })).ok, true);

  for (const [retries, times] of [
    [0, 1],
    [undefined, 5],
  ] as const) {
    requests = [];
    responses = [json(503, "", now)];
    const stubborn = createClient({ url, key: KEY, ...(retries === undefined ? {} : { retries }) });
    const error = { kind: "server", message: "The server failed (503).", status: 503 };
    assert.deepEqual((await stubborn.metrics(WEEKS, { today })).error, error);
    assert.equal(requests.length, times);
  }

  for (const status of [400, 401, 403, 404, 405, 418]) {
    requests = [];
    responses = [json(status, {}, now)];
    assert.equal((await client.metrics(WEEKS, { today })).ok, false);
    assert.equal(requests.length, 1, `${status}`);
  }
});

test("Retry-After is obeyed, unless it exceeds the longest wait", async () => {
  const detail = "Request was throttled. Expected available in 121 seconds.";
  responses = [json(429, { detail }, { "Retry-After": "121" })];
  const throttled = { kind: "throttled", message: detail, status: 429, retryAfter: 121 };
  assert.deepEqual((await client.metrics(WEEKS, { today })).error, throttled);
  assert.equal(requests.length, 1);

  responses = [json(503, "", { "Retry-After": "1" }), json(200, BODY)];
  let started = performance.now();
  assert.equal((await client.metrics(WEEKS, { today })).ok, true);
  assert.ok(performance.now() - started >= 990);

  // A date has whole seconds.
  const date = new Date(Date.now() + 2_000).toUTCString();
  responses = [json(429, "", { "Retry-After": date }), json(200, BODY)];
  started = performance.now();
  assert.equal((await client.metrics(WEEKS, { today })).ok, true);
  assert.ok(performance.now() - started >= 900);
});

test("without Retry-After each wait is twice the previous one", async () => {
  const waits: number[] = [];
  const random = mock.method(Math, "random", () => 1);
  const timers = mock.method(globalThis, "setTimeout", (end: (whole: boolean) => void, wait: number) => {
    waits.push(wait);
    queueMicrotask(() => end(true));
  });
  const failing = createClient({ url, key: KEY, fetch: () => Promise.resolve(new Response("", { status: 500 })) });
  await failing.metrics(WEEKS, { today });
  random.mock.mockImplementation(() => 0);
  await failing.metrics(WEEKS, { today });
  random.mock.restore();
  timers.mock.restore();
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 250, 500, 1000, 2000]);
});

test("a page that fails is requested again, and its rows are stored once", async () => {
  using table = new Table({ lists: true });
  responses = [
    (_, response) => {
      response.writeHead(200, { "Content-Length": "999" });
      response.write(`{"count":2,"next":null,"results":[{"id":1},`, () => response.destroy());
    },
    page(null, rows(1, 2), 2),
  ];
  const loaded = await client.load(table, "users");
  assert.deepEqual(loaded, { ok: true, value: { rows: 2, next: null, count: 2 } });
  assert.equal(table.list("users").value?.count, 2);
  assert.equal(requests.length, 2);
});

test("rows of a server do not delete rows of the table", async () => {
  using table = new Table({ lists: true });
  assert.equal(table.add("users", rows(7, 1)).ok, true);
  responses = [page(null, [{ id: 1 }, { id: 7, _deleted: true }], 2)];
  const { error } = await client.load(table, "users");
  assert.equal(error?.message, 'users: row 7 has the reserved name "_deleted".');
  assert.equal(table.list("users").value?.count, 1);
});

test("every error response becomes a failure", async () => {
  client = createClient({ url, key: KEY, retries: 0 });
  const detail = "You do not have permission to perform this action.";
  for (const [answer, error] of [
    [json(400, { haloc: ["Bad."] }), { kind: "request", message: "haloc: Bad.", errors: { haloc: ["Bad."] } }],
    [json(401, { detail: "Invalid token." }), { kind: "key", message: "Invalid token.", status: 401 }],
    [json(401, "<html>"), { kind: "key", message: "The server rejected the API key.", status: 401 }],
    [json(403, { detail }), { kind: "permission", message: detail, status: 403 }],
    [json(404, { detail: "Not found." }), { kind: "not-found", message: "Not found." }],
    [json(429, "[]"), { kind: "throttled", message: "Too many requests.", status: 429, retryAfter: null }],
    [
      json(500, { error: ["Unknown error occurred"] }),
      { kind: "server", message: "The server failed (500).", status: 500 },
    ],
    [
      json(200, { results: null }),
      { kind: "unexpected", message: 'The body of the response has no "results".', status: 200 },
    ],
    [json(200, "<html>"), { kind: "unexpected", message: 'The body of the response has no "results".', status: 200 }],
    [json(204, ""), { kind: "unexpected", message: "The response has the unexpected status 204.", status: 204 }],
  ] as const) {
    responses = [answer];
    const outcome = await client.metrics(WEEKS, { today });
    assert.deepEqual(outcome, { ok: false, error });
  }
  responses = [(_, response) => response.destroy()];
  const { error } = await client.metrics(WEEKS, { today });
  assert.equal(error?.kind, "network");
  assert.match(error.message, /^The server did not respond: /);
});

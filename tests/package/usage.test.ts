// Mistakes of the caller: unknown names, dates that are not local, invalid options, and responses that are no pages.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import init, {
  createClient,
  metricsOf,
  queryString,
  Table,
  validateList,
  validateMetrics,
  type Failure,
} from "../../browser/dist/lists-inline.js";

const WEEKS = { start_date: "2026-06-01", resolution: "week" } as const;
const COMMIT = { id: 1, apex_user_id: 7, repo_id: 3 };
const options = { today: "2026-09-01" };
const usage = (message: string): Failure => ({ kind: "usage", message });

before(() => init());

test("an unknown name in an object fails with a suggestion, and in a query string it is listed", () => {
  using table = new Table({ lists: true });
  const user = usage('There is no parameter "apexUserId". Did you mean "apex_user_id"?');
  assert.deepEqual(table.metrics({ ...WEEKS, apexUserId: 7 } as never, options).error, user);
  const lines = usage('There is no parameter "haloc_gte". Did you mean "haloc__gte"?');
  assert.deepEqual(table.list("commits", { haloc_gte: 3 }).error, lines);
  assert.deepEqual(validateList("commits", { haloc_gte: 3 }).error, lines);
  assert.deepEqual(table.list("commits", "haloc_gte=3&limit=2&x").ignored, ["haloc_gte", "x"]);
  assert.deepEqual(table.metrics("start_date=2026-06-01&resolution=week&x=1", options).ignored, ["x"]);
  assert.equal(table.aggregate({ "group_by[repo_id]": "", "aggregate[sum]": "haloc" }).ok, true);
  const option = usage('There is no option "todya". Did you mean "today"?');
  assert.deepEqual(table.metrics(WEEKS, { todya: "2026-09-01" } as never).error, option);
  for (const query of [null, 42, [], undefined] as never[])
    assert.deepEqual(table.metrics(query, options).error, usage("The query must be text or an object of parameters."));
  assert.throws(() => new Table({ list: true } as never), /There is no option "list". Did you mean "lists"\?/);
  assert.throws(() => new Table({ lists: "yes" } as never), /The option "lists" must be true or false/);
});

test("columns have no filters", () => {
  const columns = { users: [0], days: [20605], haloc: [1], churn: [0], impact: [1] };
  const message = 'Columns have no teams, repositories or ids: the parameter "team_id" requires a Table.';
  assert.deepEqual(metricsOf(columns, { ...WEEKS, team_id: 3 } as never, options).error, usage(message));
  assert.equal(metricsOf(columns, "start_date=2026-06-01&resolution=week", options).ok, true);
  const long = { length: 2 ** 40 };
  const endless = { users: long, days: long, haloc: long, churn: long, impact: long };
  assert.equal(metricsOf(endless as never, WEEKS, options).error?.kind, "memory");
});

test("a local date is no Date and has no Z", () => {
  using table = new Table();
  for (const date of [new Date(0), "2026-06-01T09:30:00Z"]) {
    const { error } = table.add("commits", [{ ...COMMIT, author_local_date: date as string }]);
    assert.equal(
      error?.message,
      "commits[0].author_local_date: must be local time without an offset, such as 2021-06-01T09:30:00",
    );
  }
});

test("load rejects what is no stream, and a callback that throws", async () => {
  using table = new Table({ lists: true });
  const used = new Response("[]");
  await used.text();
  for (const source of ["[]", used, 7, undefined, {}] as never[])
    assert.equal((await table.load("users", source)).error?.kind, "usage");
  const onProgress = () => {
    throw new Error("a mistake");
  };
  const { error } = await table.load("users", new Blob(['{"id":1}']), { onProgress });
  assert.equal(error?.kind === "usage" && (error.cause as Error).message, "a mistake");
  assert.equal(table.list("users").value?.count, 0);
});

test("a value that has no meaning as text fails, because its text could match everything", () => {
  using table = new Table();
  for (const value of [[""], [1, null], [undefined], [[1, [2]]], {}, new Set([1]), () => 7, new Date(0)]) {
    const invalid = usage('The parameter "team_id__in" must be text, a number or an array.');
    assert.deepEqual(table.metrics({ ...WEEKS, team_id__in: value } as never, options).error, invalid, String(value));
    assert.throws(() => queryString({ team_id__in: value } as never), TypeError);
  }
  for (const query of [null, 42, [], undefined] as never[]) assert.throws(() => queryString(query), TypeError);
  assert.equal(queryString({ a: [1, "b"], b: [], c: null, d: undefined, e: true, f: "" }), "a=1%2Cb&b=%2C&e=true&f=");
});

test("options that are no object, and signals that are none, fail everywhere", async () => {
  using table = new Table({ lists: true });
  const client = createClient({ url: "https://example.com", key: "k", fetch: () => Promise.reject(new Error()) });
  const noObject = usage("The options must be an object.");
  const columns = { users: [0], days: [20605], haloc: [1], churn: [0], impact: [1] };
  for (const invalid of [null, 7] as never[])
    for (const { error } of [
      table.metrics(WEEKS, invalid),
      table.metricsColumns(WEEKS, invalid),
      table.answer("/v3/", invalid),
      validateMetrics(WEEKS, invalid),
      metricsOf(columns, WEEKS, invalid),
      await table.load("users", new Blob([]), invalid),
      await client.metrics(WEEKS, invalid),
      await client.list("users", "", invalid),
      await client.object("users", 1, "", invalid),
      await client.aggregate("", invalid),
    ])
      assert.deepEqual(error, noObject);
  assert.deepEqual(validateMetrics(WEEKS, { todya: "" } as never).error?.kind, "usage");
  const signal = 3 as never;
  for (const { error } of [
    await table.load("users", new Blob([]), { signal }),
    await client.load(table, "users", "", { signal }),
    await client.object("users", 1, "", { signal }),
  ])
    assert.deepEqual(error, usage('The option "signal" must be an AbortSignal.'));
});

test("arguments that have no text name nothing, and nothing is thrown", async () => {
  using table = new Table({ lists: true });
  const client = createClient({ url: "https://example.com", key: "k", fetch: () => Promise.reject(new Error()) });
  for (const odd of [Symbol("users"), Object.create(null)] as never[]) {
    for (const { error } of [
      table.add(odd, []),
      table.list(odd),
      table.object("users", odd),
      validateList(odd, ""),
      await table.load(odd, new Blob([])),
      await client.list(odd),
      await client.object("users", odd),
    ])
      assert.equal(error?.kind, "not-found");
    assert.equal(table.metrics(WEEKS, { today: odd }).error?.kind, "request");
    assert.equal(table.answer(odd).value?.status, 404);
  }
});

test("an abort ends the loading of a silent stream", async () => {
  using table = new Table();
  const keepAlive = setTimeout(() => {}, 5_000);
  const outcome = await table.load("users", new ReadableStream({}), { signal: AbortSignal.timeout(20) });
  clearTimeout(keepAlive);
  assert.equal(outcome.error?.kind, "aborted");
});

test("createClient validates its options", () => {
  for (const [more, message] of [
    [{ url: undefined }, /"url"/],
    [{ url: "example.com" }, /"url"/],
    [{ url: "http://localhost:" }, /"url"/],
    [{ url: "http://localhost:/v3/" }, /"url"/],
    [{ key: " " }, /"key"/],
    [{ retries: "x" }, /"retries"/],
    [{ retries: -1 }, /"retries"/],
    [{ longestWait: NaN }, /"longestWait"/],
    [{ timeout: 0 }, /"timeout"/],
    [{ fetch: true }, /"fetch"/],
    [{ timeout: 0.5 }, /"timeout"/],
    [{ timeout: Infinity }, /"timeout"/],
    [{ timeout: "5" }, /"timeout"/],
    [{ key: "two words" }, /"key"/],
    [{ url: "https://user@example.com" }, /"url"/],
    [{ url: "https://example.com/?page=1" }, /"url"/],
    [{ url: "https://exam ple.com" }, /"url"/],
    [{ retrys: 1 }, /There is no option "retrys"/],
  ] as const)
    assert.throws(() => createClient({ url: "https://example.com", key: "k", ...more } as never), message);
  assert.throws(() => createClient({} as never), TypeError);
});

test("a client rejects responses that are no pages, a silent server, and mistakes of the caller", async () => {
  using table = new Table({ lists: true });
  let body = "";
  const settings = { url: "https://example.com", key: "secret", retries: 0 };
  const client = createClient({ ...settings, fetch: () => Promise.resolve(new Response(body)) });
  for (body of ["", "{}", '{"count":0,"results":{}}', '{"count":0,"results":[],"next":3}', '{"count":3,"results":[]}'])
    assert.equal((await client.load(table, "users")).error?.kind, "unexpected", body);
  body = '{"count":1,"results":[{"id":1}],"next":null}';
  const onProgress = () => {
    throw new Error("a mistake");
  };
  for (const outcome of [
    await client.load(table, "users", "", { onProgress }),
    await client.load(table, "users", { limt: 3 }),
    await client.load(null as never, "users"),
    await client.list("users", "", { signal: 3 as never }),
  ])
    assert.equal(outcome.error?.kind, "usage");

  const late = createClient({ ...settings, timeout: 20, fetch: () => new Promise(() => {}) });
  const keepAlive = setTimeout(() => {}, 5_000);
  const { error } = await late.list("users");
  clearTimeout(keepAlive);
  assert.equal(error?.message, "The server did not respond: no response within 0.02 s");
  const refused = await createClient({
    ...settings,
    fetch: () => Promise.reject(new Error("no connection")),
  }).list("users");
  assert.equal(refused.error?.kind === "network" && (refused.error.cause as Error).message, "no connection");
});

test("a fetch that returns no response is a mistake of the caller", async () => {
  for (const response of [undefined, null, "{}", {}] as never[]) {
    const fetch = () => Promise.resolve(response);
    const { error } = await createClient({ url: "https://example.com", key: "k", fetch }).list("users");
    assert.deepEqual(error, usage("fetch returned no response."));
  }
});

test("a wait longer than timers support is not cut to nothing", async () => {
  let requests = 0;
  const fetch = () => {
    requests += 1;
    return Promise.resolve(new Response("", { status: 429, headers: { "Retry-After": "3000000" } }));
  };
  const client = createClient({ url: "https://example.com", key: "k", longestWait: Infinity, fetch });
  const controller = new AbortController();
  const waiting = client.list("users", "", { signal: controller.signal });
  await new Promise((resolve) => setTimeout(resolve, 50));
  controller.abort();
  assert.deepEqual([(await waiting).error?.kind, requests], ["aborted", 1]);
});

test("an object with selected fields may lack its id", async () => {
  const fetch = () => Promise.resolve(new Response('{"name":"Ada"}'));
  const client = createClient({ url: "https://example.com", key: "k", fetch });
  assert.equal((await client.object("users", 1, { fields: ["name"] })).value?.name, "Ada");
  assert.equal((await client.object("users", 1)).error?.kind, "unexpected");
});

test("Retry-After is whole seconds or an HTTP date", async () => {
  for (const [text, wait] of [
    ["121", 121],
    ["-5", null],
    ["0.493", null],
    ["junk", null],
    ["2030", 2030],
    ["Wed, 21 Oct 2015 07:28:00 GMT", 0],
    ["Wednesday, 21-Oct-15 07:28:00 GMT", 0],
    ["Wed Oct 21 07:28:00 2015", 0],
    ["2099-10-21", null],
  ] as const) {
    const response = () => new Response("", { status: 429, headers: { "Retry-After": text } });
    const client = createClient({
      url: "https://example.com",
      key: "k",
      retries: 0,
      fetch: () => Promise.resolve(response()),
    });
    const { error } = await client.list("users");
    assert.equal(error?.kind === "throttled" && error.retryAfter, wait, text);
  }
});

test("a table works through a proxy, as frameworks create them", () => {
  const deep = <Value extends object>(value: Value): Value =>
    new Proxy(value, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        return typeof member === "object" && member !== null ? deep(member) : member;
      },
    });
  const table = deep(new Table());
  assert.equal(table.add("commits", [{ ...COMMIT, author_local_date: "2026-06-01T09:30:00" }]).ok, true);
  assert.equal(table.metrics(WEEKS, options).value?.count, 1);
  table.free();
  assert.equal(table.metrics(WEEKS, options).error?.kind, "freed");
});

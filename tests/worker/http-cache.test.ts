// Rules of HTTP caching, as far as callers and the upstream see them. npm run cache-tests checks many more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { proxy, SECRET, TEAMS } from "./proxy.ts";

const MODIFIED = "Sun, 22 Nov 2026 12:00:00 GMT";

test("cache headers of the upstream are respected", async (context) => {
  const { upstream, ask } = await proxy(context, { ...SECRET, LIST_TTL: "0" });
  /** Returns the number of requests that reach the upstream for two requests of a caller. */
  const sent = async (limit: number, headers: Record<string, string>) => {
    upstream.headers = headers;
    const before = upstream.requests.length;
    for (let count = 0; count < 2; count += 1) assert.equal((await ask(`${TEAMS}?limit=${limit}`)).status, 200);
    return upstream.requests.length - before;
  };
  assert.equal(await sent(1, {}), 2);
  assert.equal(await sent(2, { "Cache-Control": "max-age=60" }), 1);
  assert.equal(await sent(3, { "Cache-Control": "max-age=60", "CDN-Cache-Control": "no-store" }), 2);
  assert.equal(await sent(4, { "Cache-Control": "max-age=60", "CDN-Cache-Control": "private" }), 2);
  assert.equal(await sent(5, { "Cache-Control": "no-store", "CDN-Cache-Control": "max-age=60" }), 1);
  assert.equal(await sent(6, { "Cache-Control": "max-age=60", Vary: "*" }), 2);
  assert.equal(await sent(7, { "Cache-Control": "no-store,\tmax-age=60" }), 2);
});

test("an answer that must not be stored replaces a stale one everywhere", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  upstream.headers = { "Cache-Control": "max-age=0, stale-while-revalidate=600" };
  await ask(TEAMS);
  upstream.headers = { "Cache-Control": "no-store" };
  let last = "";
  for (let count = 0; count < 40; count += 1) {
    last = (await ask(TEAMS)).cache ?? "";
    if (!last.includes("hit")) break;
    await new Promise((next) => setTimeout(next, 250));
  }
  assert.equal(last, "streamgage; fwd=uri-miss; fwd-status=200");
});

test("a 304 of the upstream leaves the cache headers in force that it omits", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  upstream.etag = true;
  upstream.headers = { "Cache-Control": "no-cache" };
  const first = await ask(TEAMS);
  upstream.headers = {};
  const revalidated = /fwd=stale; fwd-status=304; ttl=-?\d+; stored/;
  for (let count = 0; count < 2; count += 1) {
    const next = await ask(TEAMS);
    assert.match(next.cache ?? "", revalidated);
    assert.equal(next.body, first.body);
  }
});

test("conditional requests of callers get a 304", async (context) => {
  const { upstream, ask } = await proxy(context, SECRET);
  upstream.headers = {
    "Last-Modified": MODIFIED,
    Date: "Mon, 23 Nov 2026 12:00:00 GMT",
    "Cache-Control": "max-age=2147483648",
  };
  const first = await ask(TEAMS);
  const tag = first.headers.get("etag") ?? "";
  const earlier = "Sun, 22 Nov 2026 11:59:59 GMT";
  for (const [headers, status] of [
    [{ "if-modified-since": MODIFIED }, 304],
    [{ "if-modified-since": earlier }, 200],
    [{ "if-none-match": `"x", W/${tag}` }, 304],
    [{ "if-none-match": tag, "if-modified-since": earlier }, 304],
    [{ "if-none-match": '"x"', "if-modified-since": MODIFIED }, 200],
  ] as const) {
    const { status: received, headers: all, body } = await ask(TEAMS, "one", { headers });
    assert.equal(received, status, JSON.stringify(headers));
    assert.equal(body, status === 304 ? "" : first.body);
    assert.equal(all.get("etag"), tag);
    assert.equal(all.get("date"), "Mon, 23 Nov 2026 12:00:00 GMT");
  }
  assert.equal(upstream.requests.length, 1);
});

// Every list case through the Worker, compared with the framework's responses and with `streamgage query`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareList, listCases, queryDump } from "../list-cases.ts";
import { loadDump, start } from "./harness.ts";

const found = listCases();
if (found !== undefined) {
  const { dump, cases } = found;
  test(`lists.json: ${cases.length} cases`, async (context) => {
    const worker = await start();
    context.after(() => worker.close());
    await loadDump(worker, dump);
    const base = String(worker.url).replace(/\/$/, "");
    const aggregates = AGGREGATES.map((query) => `/v3/customer/core/commits.agg/?${query}`);
    const requests = [...cases.map(({ request }) => request), ...aggregates];
    const lines = queryDump(dump, base, requests);
    for (const [at, request] of requests.entries())
      await context.test(request, async () => {
        const response = await worker.ask(request);
        const body = await response.json();
        const expected = cases[at];
        if (expected !== undefined) compareList(response.status, body, base, expected);
        assert.deepEqual({ status: response.status, body }, JSON.parse(lines[at] ?? ""));
      });
  });
}

/** Typical and extreme requests for commits.agg. */
const AGGREGATES = [
  "aggregate[count]=id&aggregate[sum]=haloc,churn,impact&group_by[apex_user_id,author_local_date__date]&limit=5000",
  "aggregate%5Bcount%5D=id&aggregate%5Bsum%5D=haloc&group_by%5Brepo_id%5D=&apply_default_filters=true&offset=1",
  "aggregate[sum]=impact,author_tzoffset&group_by[is_merge,outlier_reason]&filters=~(haloc__gt%3D5)",
  "aggregate[count]=outlier_reason,message",
  "group_by[user_alias_id]&normalize_authors=true&limit=3",
  "id=0&aggregate[count]=id",
  "haloc=x",
];

test("typical and extreme requests get a response", async (context) => {
  const worker = await start();
  context.after(() => worker.close());
  await worker.load("commits", [
    { id: 1, apex_user_id: 1, repo_id: 1, author_date: "2026-01-02", message: "Été 100%" },
  ]);
  const ids = [...Array(10_000).keys()];
  const of = (term: string, times: number) => Array(times).fill(term).join("");
  for (const [query, status, count] of [
    // workerd and Cloudflare limit URLs to 16 KB, which is less than 10,000 ids of five digits.
    [`id__in=${ids.slice(0, 3_000).join(",")}`, 200, 1],
    [`id__in!=${ids.slice(0, 3_000).join(",")}`, 200, 0],
    [`hexsha__in=${of("a,", 7_000)}`, 200, 0],
    [`search=${ids.slice(0, 3_000).join("+")}`, 200, 0],
    [`search=${of("%C3%A9t%C3%89+100%25+", 500)}`, 200, 1],
    [`message=${of("%C3%A9", 2_500)}`, 200, 0],
    [`message=%25`, 200, 1],
    [`message=%00`, 400, undefined],
    [`hexsha=%ED%A0%80`, 200, 0],
    [`filters=${of("~(hexsha%3Da)%7C~(author_date__lt%3D2021-01-01)%26", 240)}(id%3D1)`, 200, 1],
    [`filters=${of("(message%3Da)%7C", 20)}(message%3Da)`, 400, undefined],
    [`filters=${of("(id%3D1)%7C", 499)}(id%3D1)`, 200, 1],
    [`filters=${of("(id%3D1)%7C", 500)}(id%3D1)`, 400, undefined],
    [`filters=${of("(", 16_000)}`, 400, undefined],
    [`limit=99999999999999999999&offset=99999999999999999999`, 200, 1],
  ] as const) {
    const response = await worker.ask(`/v3/customer/core/commits/?${query}`);
    const text = await response.text();
    assert.equal(response.status, status, `${query.slice(0, 80)}: ${text}`);
    assert.equal(JSON.parse(text).count, count, query.slice(0, 80));
  }
});

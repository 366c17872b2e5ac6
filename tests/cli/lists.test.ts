// The list cases with `streamgage query`.
import { test } from "node:test";
import { compareList, listCases, queryDump } from "../list-cases.ts";

const BASE = "http://lists.test";

const found = listCases();
if (found !== undefined) {
  const { dump, cases } = found;
  test(`lists.json: ${cases.length} cases`, async (context) => {
    const requests = cases.map(({ request }) => request);
    const answers = queryDump(dump, BASE, requests).map((line) => JSON.parse(line));
    for (const [at, expected] of cases.entries())
      await context.test(expected.request, () => compareList(answers[at].status, answers[at].body, BASE, expected));
  });
}

// `streamgage query`, asked what nobody should ask.
import assert from "node:assert/strict";
import { test } from "node:test";
import { malformedRequests, isExpectedStatus, writeDump } from "../malformed-requests.ts";
import { queryDump } from "../list-cases.ts";

test("bad input is answered", (context) => {
  const dump = writeDump();
  context.after(dump.remove);
  // Beside what fits into an address, what is longer.
  const ids = [...Array(10_000).keys()].join(",");
  const requests = [...malformedRequests, ...malformedRequests.map((request) => `${request}&id__in=${ids}`)];
  for (const [at, line] of queryDump(dump.path, "http://lists.test", requests).entries()) {
    const request = requests[at] ?? "";
    assert.ok(isExpectedStatus(request, JSON.parse(line).status), `${request.slice(0, 200)}: ${line.slice(0, 200)}`);
  }
});

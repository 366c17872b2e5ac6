// Malformed requests with `streamgage query`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { malformedRequests, isExpectedStatus, writeDump } from "../malformed-requests.ts";
import { queryDump } from "../list-cases.ts";

test("malformed requests are answered", (context) => {
  const dump = writeDump();
  context.after(dump.remove);
  // The same requests, and longer ones than a URL may be.
  const ids = [...Array(10_000).keys()].join(",");
  const requests = [...malformedRequests, ...malformedRequests.map((request) => `${request}&id__in=${ids}`)];
  for (const [at, line] of queryDump(dump.path, "http://lists.test", requests).entries()) {
    const request = requests[at] ?? "";
    assert.ok(isExpectedStatus(request, JSON.parse(line).status), `${request.slice(0, 200)}: ${line.slice(0, 200)}`);
  }
});

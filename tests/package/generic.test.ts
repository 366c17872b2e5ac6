// Resources whose rows are kept as they came, in the package.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import init, { Table, type GenericRow } from "../../browser/dist/lists-inline.js";

before(() => init());

const ticket: GenericRow = { id: 7, title: "Fix login", assignees: [{ id: 4 }], project: { id: 3, name: "a" } };

test("generic rows are added, filtered and shown as they came", () => {
  using table = new Table({ lists: true });
  assert.ok(table.add("tickets", [ticket, { id: 8, title: "Slow", points: 1.5 }]).ok);
  const list = (query: string) => table.list("tickets", query);
  assert.deepEqual(list("assignees=4&project_id=3&search=login"), {
    ok: true,
    value: { count: 1, next: null, previous: null, results: [ticket] },
  });
  const some = list("ordering=-title&fields=points,id");
  assert.deepEqual(some.ok && some.value.results, [{ id: 8, points: 1.5 }, { id: 7 }]);
  assert.deepEqual(table.object("tickets", 7), { ok: true, value: ticket });
});

test("a page that a list does not have is not found", () => {
  using table = new Table({ lists: true });
  assert.ok(table.add("roles", '{"id":1}\n{"id":2}').ok);
  const second = table.list("roles", { page: 2, page_size: 1 });
  assert.deepEqual(second.ok && second.value.results, [{ id: 2 }]);
  assert.deepEqual(table.list("roles", { page: 3, page_size: 1 }), {
    ok: false,
    error: { kind: "not-found", message: "Invalid page." },
  });
  assert.deepEqual(table.answer("/v3/customer/core/roles/?page=3&page_size=1").ok, true);
});

test("a generic row needs an id", () => {
  using table = new Table({ lists: true });
  const added = table.add("grants", '{"id":1}\n{"name":"a"}');
  assert.ok(!added.ok && added.error.kind === "row");
  assert.deepEqual(added.error.row, { resource: "grants", index: 1, field: "id", error: "is required" });
});

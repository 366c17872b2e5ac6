// Runs the examples of the README with a fixed date and fake servers.

const NOW = Date.parse("2026-09-01T12:00:00Z");
globalThis.Date = class extends Date {
  constructor(...args) {
    super(...(args.length > 0 ? args : [NOW]));
  }
  static now = () => NOW;
};

/** Responds with commits 1 to 1,500 in v3 pages, and with users. */
globalThis.fetch = async (address) => {
  const { origin, pathname, searchParams } = new URL(address);
  if (pathname === "/users.ndjson") return new Response('{"id":7,"name":"Ada"}\n');
  const [limit, offset] = ["limit", "offset"].map((name) => Number(searchParams.get(name)));
  const ids = Array.from({ length: 1_500 }, (_, index) => index + 1).slice(offset, offset + limit);
  const results = ids.map((id) => ({ id, apex_user_id: 7, repo_id: 3, author_date: "2026-06-02", haloc: id }));
  const next = offset + limit < 1_500 ? `${origin}${pathname}?limit=${limit}&offset=${offset + limit}` : null;
  return Response.json({ count: 1_500, next, previous: null, results });
};

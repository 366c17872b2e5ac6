// A v3 server with the lists of all 24 resources, for tests of clients. It shares no code with the project.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const CORE = "/v3/customer/core/";

/** The resources that paginate by `page` and `page_size`. */
export const NUMBERED = ["roles", "available_repos", "available_ticket_projects"];

export type Row = Record<string, unknown> & { id: number };

export type Options = {
  /** The rows of each resource. Other resources do not exist. */
  rows: Record<string, Row[]>;
  /** The start of links. Default: the origin of the server. */
  authority?: string;
  /** The server ignores the filter `id__gt`. */
  ignoresIdFilter?: boolean;
  /** Changes the rows after a request for a list. */
  afterRequest?: (resource: string, number: number) => void;
};

/** Starts a server. `requests` contains all paths with their queries. */
export async function startV3Server(options: Options) {
  const requests: string[] = [];
  const counts = new Map<string, number>();
  let url = "";
  const server: Server = createServer((request, response) => {
    const target = new URL(request.url ?? "/", url);
    requests.push(`${target.pathname}${target.search}`);
    const resource = target.pathname.startsWith(CORE) ? target.pathname.slice(CORE.length, -1) : "";
    const rows = options.rows[resource];
    const body = rows === undefined ? { detail: "Not found." } : page(resource, rows, target, options, url);
    response.writeHead(rows === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(body));
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
    options.afterRequest?.(resource, counts.get(resource) ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, requests, close };
}

function page(resource: string, rows: Row[], { pathname, searchParams }: URL, options: Options, url: string): object {
  const number = (name: string, fallback: number) => Number(searchParams.get(name)) || fallback;
  const after = options.ignoresIdFilter ? -Infinity : number("id__gt", -Infinity);
  const found = rows.filter(({ id }) => id > after).sort((one, other) => one.id - other.id);
  const isNumbered = NUMBERED.includes(resource);
  const limit = Math.min(1_000, number(isNumbered ? "page_size" : "limit", 100));
  const offset = isNumbered ? (number("page", 1) - 1) * limit : number("offset", 0);
  const link = (at: number) => {
    const parameters = new URLSearchParams(searchParams);
    if (isNumbered) parameters.set("page", String(at / limit + 1));
    else parameters.set("offset", String(at));
    return `${options.authority ?? url}${pathname}?${parameters}`;
  };
  return {
    count: found.length,
    next: offset + limit < found.length ? link(offset + limit) : null,
    previous: offset > 0 ? link(Math.max(0, offset - limit)) : null,
    results: found.slice(offset, offset + limit),
  };
}

const day = (number: number) => new Date(Date.UTC(2025, 0, 1 + (number % 500))).toJSON().slice(0, 10);

/** Returns rows of all 24 resources, as a server shows them. Some lists have several pages. */
export function sampleRows(): Record<string, Row[]> {
  const list = (count: number, row: (id: number) => object) =>
    // Not in the order of the ids.
    Array.from({ length: count }, (_, index) => ({ ...row(count - index), id: count - index }));
  const team = (id: number) => ({ id, name: `Team ${id}`, parent: id === 1 ? null : 1 });
  const times = (id: number) => ({ created_at: `${day(id)}T08:00:00`, updated_at: `${day(id + 9)}T09:30:00.250000` });
  const generic = (id: number) => ({
    zeta: [1.5, { b: null, a: "é\n\u2028" }],
    name: `Row ${id}`,
    user_alias: { id: 40 + id, name: "Ünder" },
    reviewers: [{ id: 1 }, { id: 2 }],
    state: id % 2 === 0 ? "open" : null,
    big: 9007199254740991,
    ...times(id),
  });
  const rows: Record<string, Row[]> = {
    tags: list(2, (id) => ({ name: `tag ${id}`, org_id: 1, color: "red" })),
    repos: list(3, (id) => ({
      name: `repo ${id}`,
      blocked: false,
      oldest_commit_date: "2020-01-01T00:00:00",
      tags: [{ id: 1, name: "tag 1" }],
      ...times(id),
    })),
    teams: list(4, (id) => ({ ...team(id), created_at: `${day(id)}T00:00:00`, ancestors: ["Team 1"] })),
    users: list(30, (id) => ({
      name: `User ${id}`,
      created_at: `${day(id)}T07:00:00`,
      teams: [team(1)],
      login: { id },
    })),
    team_membership: list(30, (id) => ({
      membership_type: "contributor",
      apex_user: { id, name: `User ${id}` },
      team: team(1 + (id % 4)),
    })),
    user_alias: list(31, (id) => ({ name: `Alias ${id}`, apex_user_id: 1 + (id % 30), ...times(id) })),
    commits: list(2_345, (id) => ({
      hexsha: id.toString(16).padStart(40, "0"),
      apex_user_id: 1 + (id % 30),
      repo_id: 1 + (id % 3),
      author_date: `${day(id)}T22:30:00`,
      author_tzoffset: 7200,
      author_local_date: `${day(id + 1)}T00:30:00`,
      haloc: id % 50,
      impact: (id % 90) / 4,
      risk: id / 3,
      message: `Fix ${id}: "quotes"\tand\u001b`,
      ["brand_new"]: { b: [id], a: 1.25 },
    })),
  };
  for (const name of [
    "pull_request_comments",
    "pull_request_events",
    "pull_request_projects",
    "ticket_comments",
    "ticket_events",
    "ticket_projects",
    "integrations",
    "org_membership",
    "grants",
    "group_settings",
    "targets",
    "user_groups",
    "available_repos",
  ])
    rows[name] = list(7, generic);
  rows.pull_requests = list(1_203, (id) => ({ ...generic(id), title: `Change ${id}`, number: id }));
  rows.tickets = list(1_000, (id) => ({ ...generic(id), title: `Issue ${id}`, number: `T-${id}` }));
  rows.roles = list(12, generic);
  rows.available_ticket_projects = list(1_101, generic);
  return rows;
}

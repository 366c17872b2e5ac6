// A server that serves www/dist, with the headers that Cloudflare would add, and canned answers of the API.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const dist = join(import.meta.dirname, "../../www/dist");

export const KEY = "test-key";
export const TODAY = "2026-09-01";

const types: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Milliseconds to wait before answering. */
  after?: number;
}

export interface CannedServer {
  url: string;
  /** Every request to the metrics endpoint so far: its query string. */
  asked: string[];
  /** Paths for which another answer than the usual one is given, by prefix. */
  answers: Map<string, Answer>;
  close(): Promise<void>;
}

export async function serve(): Promise<CannedServer> {
  const asked: string[] = [];
  const answers = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname.startsWith("/v3/customer/metrics/")) asked.push(url.search.slice(1));
    const answer = [...answers].find(([path]) => url.pathname.startsWith(path))?.[1] ?? usual(request, url);
    if (!answer) return file(url.pathname, response);
    setTimeout(() => {
      response.writeHead(answer.status, { "Content-Type": "application/json", ...answer.headers });
      response.end(JSON.stringify(answer.body));
    }, answer.after ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answers,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function usual(request: IncomingMessage, url: URL): Answer | undefined {
  if (url.pathname === "/healthz") return { status: 200, body: { status: "ok", today: TODAY } };
  if (!url.pathname.startsWith("/v3/") && url.pathname !== "/dataset") return undefined;
  if (request.headers.authorization !== `Bearer ${KEY}`) return { status: 401, body: { detail: "Invalid token." } };
  switch (url.pathname) {
    case "/dataset":
      return { status: 200, body: { name: "Made-up organisation", demo: true } };
    case "/v3/customer/core/teams/":
      return page(url, teams);
    case "/v3/customer/core/users/":
      return page(url, users);
    case "/v3/customer/metrics/code_fundamentals/period_metrics/":
      return { status: 200, body: metrics(url.searchParams) };
    default:
      return { status: 404, body: { detail: "Not found." } };
  }
}

const teams = [
  { id: 100, name: "Platform", parent: null },
  { id: 101, name: "Product", parent: null },
  { id: 102, name: "Storage", parent: 100 },
  { id: 103, name: "Indexes", parent: 102 },
  { id: 104, name: "<b>Bold</b>", parent: 101 },
];

const users = Array.from({ length: 1171 }, (_, index) => ({
  id: index + 1,
  name: `user${String(index + 1).padStart(4, "0")}`,
  email: `user${index + 1}@example.com`,
  hidden_from_reports: index === 6,
}));

function page(url: URL, rows: unknown[]): Answer {
  const limit = Number(url.searchParams.get("limit") ?? 100);
  const offset = Number(url.searchParams.get("offset") ?? 0);
  const next = new URL(url);
  next.searchParams.set("offset", String(offset + limit));
  const results = rows.slice(offset, offset + limit);
  return { status: 200, body: { count: rows.length, next: offset + limit < rows.length ? next.href : null, results } };
}

/** Rows that look like metrics: the same for the same week, none in every ninth week, none for team 101 alone. */
function metrics(query: URLSearchParams): { count: number; results: object[] } {
  if (query.get("team_id") === "101" && !query.has("include_nested_teams")) return { count: 0, results: [] };
  const week = 7 * 86_400_000;
  const at = (date: string | null) => Date.parse(date ?? TODAY);
  const row = (n: number) => ({
    active_days: 2 + (n % 5) / 5,
    commit_count: 3 + (n % 7) / 10,
    total_impact: 90 + ((n * 37) % 50) / 2,
    total_efficiency: 70 + ((n * 13) % 25),
  });
  const results = [];
  // Day 4 after the epoch was a Monday.
  const first = Math.floor((at(query.get("start_date")) / 86_400_000 - 4) / 7);
  const last = Math.floor((at(query.get("end_date")) / 86_400_000 - 4) / 7);
  for (let n = first; n <= last; n += 1) {
    if (n % 9 === 0) continue;
    const monday = new Date(n * week + 4 * 86_400_000).toISOString().slice(0, 10);
    results.push({ period_start_date: monday, ...row(n) });
  }
  if (query.get("resolution") === "period") return { count: 1, results: [row(last)] };
  return { count: results.length, results };
}

function file(path: string, response: ServerResponse): void {
  const name = join(dist, normalize(path === "/" ? "/index.html" : path));
  if (!existsSync(name) || !statSync(name).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": types[extname(name)] ?? "text/plain", ...headers(path) });
  createReadStream(name).pipe(response);
}

/** What www/dist/_headers says of a path: a pattern, then indented lines of header and value. */
function headers(path: string): Record<string, string> {
  const found: Record<string, string> = {};
  let applies = false;
  for (const line of readFileSync(join(dist, "_headers"), "utf8").split("\n")) {
    const [, name, value] = /^\s+([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) {
      if (applies) found[name] = value;
    } else if (line.trim() !== "") applies = path.startsWith(line.trim().replace("*", ""));
  }
  return found;
}

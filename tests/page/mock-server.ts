// Serves www/dist with the headers that Cloudflare adds, and mock responses of the API.
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

export interface MockResponse {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Delay of the response, in milliseconds. */
  delay?: number;
}

export interface MockServer {
  url: string;
  /** The query strings of all requests to the metrics endpoint. */
  metricsQueries: string[];
  /** Responses that replace the default one, by path prefix. */
  overrides: Map<string, MockResponse>;
  close(): Promise<void>;
}

export async function serve(): Promise<MockServer> {
  const metricsQueries: string[] = [];
  const overrides = new Map<string, MockResponse>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname.startsWith("/v3/customer/metrics/")) metricsQueries.push(url.search.slice(1));
    const mock = [...overrides].find(([path]) => url.pathname.startsWith(path))?.[1] ?? defaultResponse(request, url);
    if (!mock) return sendFile(url.pathname, response);
    setTimeout(() => {
      response.writeHead(mock.status, { "Content-Type": "application/json", ...mock.headers });
      response.end(JSON.stringify(mock.body));
    }, mock.delay ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    metricsQueries,
    overrides,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function defaultResponse(request: IncomingMessage, url: URL): MockResponse | undefined {
  if (url.pathname === "/healthz") return { status: 200, body: { status: "ok", today: TODAY } };
  if (!url.pathname.startsWith("/v3/") && url.pathname !== "/dataset") return undefined;
  if (request.headers.authorization !== `Bearer ${KEY}`) return { status: 401, body: { detail: "Invalid token." } };
  switch (url.pathname) {
    case "/dataset":
      return { status: 200, body: { name: "Sample organization", demo: true } };
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

function page(url: URL, rows: unknown[]): MockResponse {
  const limit = Number(url.searchParams.get("limit") ?? 100);
  const offset = Number(url.searchParams.get("offset") ?? 0);
  const next = new URL(url);
  next.searchParams.set("offset", String(offset + limit));
  const results = rows.slice(offset, offset + limit);
  return { status: 200, body: { count: rows.length, next: offset + limit < rows.length ? next.href : null, results } };
}

/** Returns rows that depend only on the week. Every ninth week, and team 101 without its nested teams, have none. */
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
  // Day 4 after the epoch is a Monday.
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

function sendFile(path: string, response: ServerResponse): void {
  const name = join(dist, normalize(path === "/" ? "/index.html" : path));
  if (!existsSync(name) || !statSync(name).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": types[extname(name)] ?? "text/plain", ...headers(path) });
  createReadStream(name).pipe(response);
}

/** Returns the headers that www/dist/_headers sets for a path. A pattern is followed by indented `name: value` lines. */
function headers(path: string): Record<string, string> {
  const result: Record<string, string> = {};
  let applies = false;
  for (const line of readFileSync(join(dist, "_headers"), "utf8").split("\n")) {
    const [, name, value] = /^\s+([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) {
      if (applies) result[name] = value;
    } else if (line.trim() !== "") applies = path.startsWith(line.trim().replace("*", ""));
  }
  return result;
}

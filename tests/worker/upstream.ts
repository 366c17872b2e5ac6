// A test upstream: a Node server that serves the v3 API from a dump with the reference implementation, and misbehaves on
// demand. It shares no code with the Worker.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bodyText, loadDump } from "../reference/metrics.mjs";
import { METRICS } from "../conformance.ts";

const CORE = "/v3/customer/core/";

/** A received request. */
export type Seen = { method: string; path: string; query: string; headers: IncomingMessage["headers"] };

/** A response. */
export type Answer = { status: number; body: string; headers?: Record<string, string> };

/**
 * A kind of misbehavior:
 * - `reset`: closes the connection before the response; `hang`: never responds; `trickle`: sends a byte every 50 ms;
 * - `cut`: closes the connection within the body; `long` and `short`: Content-Length is a byte too large or too small;
 * - `gigabyte`: a body of that length; `gzip`: a list with 64 MB of spaces, compressed; `broken`: half of a JSON text; `html`: a page with status 200; `cookie`: Set-Cookie;
 * - parts of another response, or a delay in milliseconds before the correct one.
 */
export type Fault =
  | "reset"
  | "hang"
  | "trickle"
  | "cut"
  | "long"
  | "short"
  | "gigabyte"
  | "gzip"
  | "broken"
  | "html"
  | "cookie"
  | Partial<Answer>
  | { delay: number };

export type Options = {
  /** The folder of a dump. Without it there are no rows. */
  dump?: string;
  /** The current date of the upstream. */
  today?: string;
  /** The accepted keys (default: all). */
  keys?: string[];
};

/** Starts an upstream. Its members may be changed at any time. */
export async function startUpstream({ dump, today = new Date().toISOString().slice(0, 10), keys }: Options = {}) {
  const rows = new Lists(dump);
  const records = loadDump(dump ?? "/nonexistent");

  const upstream = {
    url: "",
    today,
    /** All received requests, in order. */
    requests: [] as Seen[],
    /** The current misbehavior. */
    fault: undefined as Fault | undefined | ((seen: Seen) => Fault | undefined),
    /** Headers of every response, such as Cache-Control. */
    headers: {} as Record<string, string>,
    /** Enables ETag and If-None-Match. */
    etag: false,
    /** The status of a removed metrics endpoint: 404 or 410. */
    gone: undefined as number | undefined,
    /** Fixed responses by path. */
    canned: new Map<string, Answer>(),
    keys: keys === undefined ? undefined : new Set(keys),
    /** The rows of the lists, by resource and id. */
    lists: rows.tables,
    /** Stops accepting connections, until `accept`. */
    refuse: () => close(),
    accept: () => listen(port),
    close: () => close(),
  };

  const answer = (seen: Seen): Answer => {
    const key = /^bearer (.*)$/i.exec(seen.headers.authorization ?? "")?.[1];
    if (upstream.keys && !(key !== undefined && upstream.keys.has(key)))
      return { status: 401, body: '{"detail":"Invalid token."}', headers: { "WWW-Authenticate": "Bearer" } };
    const canned = upstream.canned.get(seen.path);
    if (canned) return canned;
    if (seen.path === METRICS && upstream.gone === undefined) return bodyText(seen.query, upstream.today, records);
    const body = seen.path.startsWith(CORE)
      ? rows.answer(seen.path.slice(CORE.length), seen.query, upstream.url)
      : null;
    if (body !== null) return { status: 200, body };
    return { status: seen.path === METRICS ? (upstream.gone ?? 404) : 404, body: '{"detail":"Not found."}' };
  };

  const server = createServer((request, response) => {
    const { pathname: path } = new URL(request.url ?? "/", "http://upstream");
    const query = (request.url ?? "").split("?").slice(1).join("?");
    const seen = { method: request.method ?? "", path, query, headers: request.headers };
    upstream.requests.push(seen);
    const fault = typeof upstream.fault === "function" ? upstream.fault(seen) : upstream.fault;
    const own = typeof fault === "object" && !("delay" in fault) ? fault : {};
    const { status, body, headers } = { ...answer(seen), ...own };
    const all: Record<string, string> = { "Content-Type": "application/json", ...upstream.headers, ...headers };
    if (upstream.etag) all["ETag"] = `"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"`;
    if (all["ETag"] !== undefined && request.headers["if-none-match"] === all["ETag"]) {
      response.writeHead(304, all).end();
      return;
    }
    misbehave(fault, response, { status, body, headers: all });
  });

  const listen = (at: number) =>
    new Promise<void>((resolve, reject) => server.once("error", reject).listen(at, "127.0.0.1", () => resolve()));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  upstream.url = `http://127.0.0.1:${port}`;
  return upstream;
}

export type Upstream = Awaited<ReturnType<typeof startUpstream>>;

let compressed: Buffer | undefined;

/** Returns an empty list and 64 MB of spaces, compressed to a thousandth. */
function compressedList(): Buffer {
  const list = '{"count":0,"next":null,"previous":null,"results":[]}';
  return (compressed ??= gzipSync(list.padEnd(64 << 20), { level: 1 }));
}

/** Sends a response, changed by a fault. */
function misbehave(fault: Fault | undefined, response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const length = Buffer.byteLength(body);
  switch (fault) {
    case "reset":
      response.destroy();
      return;
    case "hang":
      return;
    case "trickle": {
      response.writeHead(status, headers);
      const timer = setInterval(() => response.write(" "), 50);
      response.on("close", () => clearInterval(timer));
      return;
    }
    case "cut":
      response.writeHead(status, { ...headers, "Content-Length": length });
      response.write(body.slice(0, length / 2), () => response.destroy());
      return;
    case "long":
      response.writeHead(status, { ...headers, "Content-Length": length + 1 });
      response.write(body, () => response.destroy());
      return;
    case "short":
      // Node checks Content-Length, so the bytes are written to the socket.
      response.socket?.end(
        `HTTP/1.1 ${status} OK\r\n${Object.entries({ ...headers, "Content-Length": length - 1 })
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join("")}\r\n${body}`,
      );
      return;
    case "gigabyte": {
      const chunk = Buffer.alloc(1 << 20, " ");
      let left = 1024;
      const write = () => {
        while (left-- > 0) if (!response.write(chunk)) return void response.once("drain", write);
        response.end();
      };
      response.writeHead(status, headers);
      write();
      return;
    }
    case "gzip":
      response.writeHead(status, { ...headers, "Content-Encoding": "gzip" }).end(compressedList());
      return;
    case "broken":
      response.writeHead(status, headers).end(body.slice(0, length / 2));
      return;
    case "html":
      response.writeHead(200, { ...headers, "Content-Type": "text/html" }).end("<h1>It works!</h1>");
      return;
    case "cookie":
      response.writeHead(status, { ...headers, "Set-Cookie": "session=upstream; Path=/" }).end(body);
      return;
    default: {
      const delay = typeof fault === "object" && "delay" in fault ? fault.delay : 0;
      setTimeout(() => response.writeHead(status, headers).end(body), delay);
    }
  }
}

type Row = Record<string, unknown> & { id: number };

/** The lists of `core/`. Filters that the tests do not need are ignored. */
class Lists {
  tables = new Map<string, Row[]>();
  private isDuplicate: (commit: Row) => boolean = () => false;

  constructor(dump: string | undefined) {
    for (const resource of ["commits", "users", "teams", "team_membership", "repos", "tags", "user_alias"]) {
      const file = join(dump ?? "", `${resource}.ndjson`);
      const lines = dump !== undefined && existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
      const byId = new Map<number, Row>();
      for (const line of lines.filter((line) => line.trim() !== "")) {
        const row = JSON.parse(line) as Row;
        if (row["_deleted"] === true) byId.delete(row.id);
        else byId.set(row.id, row);
      }
      this.tables.set(
        resource,
        [...byId.values()].sort((a, b) => a.id - b.id),
      );
    }
    const first = new Map<unknown, number>();
    for (const { id, ignore_hash: hash } of this.rows("commits"))
      if (hash != null && !first.has(hash)) first.set(hash, id);
    this.isDuplicate = ({ id, ignore_hash: hash }) => hash != null && first.get(hash) !== id;
  }

  private rows(resource: string): Row[] {
    return this.tables.get(resource) ?? [];
  }

  /** Returns the body of a list, or null for an unknown path. */
  answer(path: string, query: string, origin: string): string | null {
    const resource = path.replace(/\/$/, "");
    if (!this.tables.has(resource)) return null;
    const given = new URLSearchParams(query);
    let found = this.rows(resource);
    for (const [name, value] of given) if (value !== "") found = found.filter(this.filter(resource, name, value));
    const limit = Math.min(Number(given.get("limit") ?? 100) || 100, 1000);
    const offset = Number(given.get("offset") ?? 0) || 0;
    const fields = given.get("fields")?.split(",");
    const page = found.slice(offset, offset + limit).map((row) => {
      const shown = Object.entries(row).filter(([name]) => fields === undefined || fields.includes(name));
      return Object.fromEntries(shown);
    });
    const link = (at: number) => {
      const parameters = new URLSearchParams(given);
      parameters.set("limit", String(limit));
      parameters.set("offset", String(at));
      parameters.sort();
      return `${origin}${CORE}${resource}/?${parameters}`;
    };
    return JSON.stringify({
      count: found.length,
      next: offset + limit < found.length ? link(offset + limit) : null,
      previous: offset > 0 ? link(Math.max(0, offset - limit)) : null,
      results: page,
    });
  }

  private filter(resource: string, name: string, value: string): (row: Row) => boolean {
    const flag = resource === "commits" && value.toLowerCase() === "true" ? this.flag(name) : undefined;
    if (flag) return flag;
    const [, field = "", lookup = ""] = /^([a-z_]+?)(?:__(in|gte?|lte?))?$/.exec(name) ?? [];
    if (!this.rows(resource).some((row) => field in row)) return () => true;
    // Times have one format and are compared as text.
    const plain = (value: unknown) =>
      typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00` : value;
    const compare = (row: Row, keeps: (order: number) => boolean) => {
      const [stored, asked] = [plain(row[field]), plain(value)];
      if (stored == null) return false;
      if (typeof stored === "number") return keeps(stored - Number(asked));
      return keeps(String(stored) < String(asked) ? -1 : String(stored) > String(asked) ? 1 : 0);
    };
    switch (lookup) {
      case "in":
        return (row) => value.split(",").includes(String(row[field]));
      case "gt":
        return (row) => compare(row, (order) => order > 0);
      case "gte":
        return (row) => compare(row, (order) => order >= 0);
      case "lt":
        return (row) => compare(row, (order) => order < 0);
      case "lte":
        return (row) => compare(row, (order) => order <= 0);
      default:
        return (row) => compare(row, (order) => order === 0);
    }
  }

  private flag(name: string): ((commit: Row) => boolean) | undefined {
    const flags: Record<string, (commit: Row) => boolean> = {
      smart_dedupe: (commit) => !this.isDuplicate(commit),
      exclude_outliers: (commit) => commit["outlier_reason"] == null,
      exclude_pr_orphans: (commit) => commit["is_pr_orphan"] !== true,
      exclude_merge: (commit) => commit["is_merge"] !== true,
    };
    return flags[name];
  }
}

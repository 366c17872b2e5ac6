// Adapts the public suite http-tests/cache-tests to the proxy, which serves JSON of one API and forwards nothing of a
// request except key and query. README.md lists what is mapped.
import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** A handler of the suite's server. The first segment of the path is the id of a test. */
export type Handler = (segments: string[], request: IncomingMessage, response: ServerResponse) => void;
export type Handlers = { config: Handler; state: Handler; test: Handler };

/** Headers by which the suite recognizes a response. The proxy does not pass them on. */
const MARKS = ["server-base-url", "server-request-count", "client-request-count", "server-now", "request-numbers", "a"];
const CORE = "/v3/customer/core/";
const HOP_BY_HOP = ["connection", "content-length", "keep-alive", "transfer-encoding"];

/** The body of an upstream response. */
type Envelope = { text: string; marks: Record<string, string>; etag?: string };
/** The last response of the upstream to a test. */
type Sent = { status: number; envelope: Envelope };

/** The state of a running test. */
class Exchange {
  /** The number of the current request. */
  number = 0;
  sent: Sent | undefined;
  /** The number of the last request on which the upstream closed the connection. */
  closed = 0;
  /** Entity tags of the proxy by tags of the upstream, without quotes. */
  readonly tags = new Map<string, string>();
}

/** Returns a URL for the suite's client. Call `connect` with the address of the proxy, and set `upstream` as its upstream. */
export async function startAdapter(handlers: Handlers) {
  const exchanges = new Map<string, Exchange>();
  const exchange = (id: string) => {
    const known = exchanges.get(id) ?? new Exchange();
    exchanges.set(id, known);
    return known;
  };
  let proxy = "";
  const upstream = createServer((request, response) => {
    const path = request.url?.startsWith(CORE) ? request.url.slice(CORE.length) : "";
    const id = /^[^/?]*/.exec(path)?.[0] ?? "";
    answerProxy(handlers.test, exchange(id), id, path, request, response);
  });
  const client = createServer((request, response) => {
    const [, kind = "", rest = ""] = /^\/(config|state|test)\/(.*)$/.exec(request.url ?? "") ?? [];
    const id = /^[^/?]*/.exec(rest)?.[0] ?? "";
    if (kind === "config") handlers.config([id], request, response);
    else if (kind === "state") handlers.state([id], request, withoutHeaderChecks(response));
    else
      forward(proxy, exchange(id), id, rest, request, response).catch((error: unknown) => {
        console.error(`adapter: ${request.method} ${request.url}:`, error);
        response.destroy();
      });
  });
  const addresses = await Promise.all([listen(upstream), listen(client)]);
  const close = () => [upstream, client].forEach((server) => (server.close(), server.closeAllConnections()));
  return { upstream: addresses[0], client: addresses[1], connect: (url: string) => void (proxy = url), close };
}

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Replaces the function that sends a response. */
function onEnd(response: ServerResponse, work: (text: string, end: (text?: string) => void) => void): ServerResponse {
  const end = response.end.bind(response) as (text?: string) => ServerResponse;
  const replaced = (text = "") => (work(text, (text) => void end(text)), response);
  return Object.assign(response, { end: replaced as typeof response.end });
}

/** The suite compares headers of the upstream with those that its client got. Of those the proxy passes on a few only. */
const withoutHeaderChecks = (response: ServerResponse) =>
  onEnd(response, (text, end) =>
    end(JSON.stringify((JSON.parse(text) as object[]).map((request) => ({ ...request, response_headers: [] })))),
  );

/** Answers a request of the proxy: the suite's response, wrapped into JSON. */
function answerProxy(
  handler: Handler,
  exchange: Exchange,
  id: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  // The proxy repeats such a request. The suite counts requests, so it does not see the repetition.
  if (exchange.closed === exchange.number) return void response.destroy();
  const key = request.headers.authorization?.slice(`Bearer ${id}.`.length);
  delete request.headers.authorization;
  if (key) request.headers.authorization = key;
  request.headers["req-num"] = `${exchange.number}`;
  request.url = `/test/${path}`;
  response.on("close", () => {
    if (!response.writableFinished) [exchange.closed, exchange.sent] = [exchange.number, undefined];
  });
  onEnd(response, (text, end) => {
    const status = response.statusCode;
    const header = (name: string) => response.getHeader(name)?.toString();
    const marks = Object.fromEntries(MARKS.flatMap((name) => (header(name) ? [[name, header(name) ?? ""]] : [])));
    const etag = header("etag");
    const envelope: Envelope = { text, marks, ...(etag === undefined ? {} : { etag }) };
    exchange.sent = { status, envelope };
    // The proxy does not repeat the request.
    if (status >= 500) response.setHeader("retry-after", "60");
    if (status === 204 || status === 304) return end();
    for (const name of ["content-encoding", "content-length", "transfer-encoding"]) response.removeHeader(name);
    response.setHeader("content-type", "application/json");
    // The API's redirects have a target. The suite's have none.
    if (status >= 300 && status < 400) response.setHeader("location", CORE + path);
    end(JSON.stringify(envelope));
  });
  handler([id], request, response);
}

/** Sends a request of the suite's client to the proxy and maps the response back. */
async function forward(
  proxy: string,
  exchange: Exchange,
  id: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  exchange.number = Number(request.headers["req-num"]);
  const headers = { ...request.headers };
  for (const name of [...HOP_BY_HOP, "host", "accept-encoding"]) delete headers[name];
  // Each test has a key of its own, so that tests do not share a cache.
  headers.authorization = `Bearer ${id}.${request.headers.authorization ?? ""}`;
  const known = request.headers["if-none-match"];
  if (known !== undefined) headers["if-none-match"] = renameTags(known, exchange.tags);
  // workerd's answer to an unknown method would be taken for that to the next request of the connection.
  const outgoing = send(new URL(CORE + path, proxy), { method: request.method ?? "GET", headers, agent: false });
  request.pipe(outgoing);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  const body = Buffer.concat(await incoming.toArray()).toString();

  let status = incoming.statusCode ?? 0;
  const answered = new Map(Object.entries(incoming.headers).map(([name, value]) => [name, `${value}`]));
  for (const name of HOP_BY_HOP) answered.delete(name);
  let envelope = readEnvelope(body);
  // Refusals and failures have texts of the proxy; `Cache-Status` has the status of the upstream.
  const forwarded = /fwd-status=(\d+)/.exec(answered.get("cache-status") ?? "")?.[1];
  if (!envelope && status !== 304 && exchange.sent && forwarded === `${exchange.sent.status}`)
    ({ status, envelope } = exchange.sent);
  const etag = answered.get("etag");
  if (etag !== undefined && envelope?.etag !== undefined) exchange.tags.set(opaque(envelope.etag), opaque(etag));
  if (etag !== undefined) {
    const [original] = [...exchange.tags].find(([, tag]) => tag === opaque(etag)) ?? [];
    if (original !== undefined) answered.set("etag", envelope?.etag ?? `"${original}"`);
  }
  for (const [name, value] of Object.entries(envelope?.marks ?? {})) answered.set(name, value);
  const text = envelope?.text ?? body;
  if (text !== "") answered.set("content-length", `${Buffer.byteLength(text)}`);
  response.writeHead(status, Object.fromEntries(answered)).end(text);
}

function readEnvelope(body: string): Envelope | undefined {
  try {
    const read = JSON.parse(body) as Partial<Envelope> | null;
    return read?.marks ? (read as Envelope) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the text of an entity tag between its quotes. */
const opaque = (etag: string): string => /"(.*)"/.exec(etag)?.[1] ?? etag;

const renameTags = (list: string, tags: Map<string, string>): string =>
  list.replace(/"([^"]*)"/g, (quoted, tag: string) => (tags.has(tag) ? `"${tags.get(tag)}"` : quoted));

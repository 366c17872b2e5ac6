// Requests per second of the Worker as a proxy, compared with a plain JavaScript Worker that does the same: cache hits and
// refusals. All Workers run in one workerd with one in-memory cache behind the Cache API.
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { METRICS } from "../../tests/conformance.ts";
import { freePort, root, UserError } from "../lib.ts";
import { serve, socket, worker } from "../workerd.ts";
import { bundleWorker, type Checkout } from "./checkout.ts";
import { heading, median, rateFigure, type Figure } from "./measure.ts";

const CONNECTIONS = 16;
const ROUNDS = 31;
const MILLISECONDS = 300;
const KEY = "an-upstream-key-of-realistic-length-for-the-benchmark";

const HEAD_END = Buffer.from("\r\n\r\n");

/** Returns the length of the first response in a buffer, or undefined if it is incomplete. */
function responseLength(buffer: Buffer): number | undefined {
  const end = buffer.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const head = buffer.toString("latin1", 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) return end + 4 + Number(length[1]);
  const last = buffer.indexOf("\r\n0\r\n\r\n", end + 2);
  return last < 0 ? undefined : last + 7;
}

/**
 * Returns the responses per second. Each connection sends the next request when it has received a response. Raw sockets,
 * because Node's HTTP clients are slower than the Workers.
 */
async function requestRate(port: number, request: string, status: number): Promise<number> {
  let responses = 0;
  const started = performance.now();
  const runConnection = async () => {
    const connection = connect(port, "127.0.0.1").setNoDelay();
    await once(connection, "connect");
    let received = Buffer.alloc(0);
    connection.write(request);
    for await (const chunk of connection) {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const length = responseLength(received);
      if (length === undefined || received.length < length) continue;
      if (Number(received.toString("latin1", 9, 12)) !== status) throw new UserError(received.toString("latin1"));
      received = received.subarray(length);
      responses += 1;
      if (performance.now() - started >= MILLISECONDS) break;
      connection.write(request);
    }
    connection.destroy();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, runConnection));
  return (responses * 1_000) / (performance.now() - started);
}

/** Compares the first checkout with the others and with the plain Worker. All checkouts must be built. */
export async function benchProxy(checkouts: Checkout[]): Promise<Figure[]> {
  const results = Array.from({ length: 26 }, (_, week) => ({ week, commits: 100 + week, haloc: 12_345.6, churn: 4.5 }));
  const upstream = createServer((_, response) =>
    response
      .setHeader("Content-Type", "application/json")
      .setHeader("Cache-Control", "max-age=3600")
      .end(JSON.stringify({ count: results.length, results })),
  ).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const address = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

  const folder = join(root, "target/bench");
  const plainWorker = join(root, "scripts/bench/plain-worker.js");
  const workers = [
    ...(await Promise.all(checkouts.map(async (checkout) => ({ ...checkout, modules: await bundleWorker(checkout) })))),
    { name: "plain JavaScript", modules: [plainWorker] },
  ];
  const servers = await Promise.all(
    workers.map(async (each, index) => ({ ...each, service: `worker${index}`, port: await freePort() })),
  );
  const bindings = `(name = "UPSTREAM", text = "${address}"), (name = "CACHE_SECRET", text = "the benchmark's secret")`;
  const options = `, bindings = [${bindings}], cacheApiOutbound = "memory", globalOutbound = "loopback"`;
  const embed = (modules: string[]) => modules.map((path) => relative(folder, path));
  const running = await serve(
    join(folder, "proxy.capnp"),
    [
      ...servers.map(({ service, modules }) => worker(service, embed(modules), options)),
      worker("memory", embed([join(root, "scripts/bench/memory-cache.js")])),
      `(name = "loopback", network = (allow = ["local"]))`,
    ],
    servers.map(({ service, port }) => socket(service, port, service)),
    servers.map(({ port }) => port),
  );

  const figures: Figure[] = [];
  heading("\nproxy; requests per second");
  const today = new Date().toJSON().slice(0, 10);
  for (const { name, query, status } of [
    { name: "hits", query: `start_date=${today}&resolution=period&team_id=7`, status: 200 },
    { name: "refusals", query: "start_date=soon&resolution=day&team_id=x", status: 400 },
  ]) {
    // Fills the caches and checks that all Workers return the same body.
    const bodies = new Set<string>();
    for (const { port } of [...servers, ...servers]) {
      const url = `http://127.0.0.1:${port}${METRICS}?${query}`;
      bodies.add(await (await fetch(url, { headers: { Authorization: `Bearer ${KEY}` } })).text());
      await new Promise((next) => setTimeout(next, 100));
    }
    if (bodies.size !== 1) throw new UserError(`the Workers' responses differ: ${[...bodies].join("\n")}`);
    const request = `GET ${METRICS}?${query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\nAccept: application/json\r\n\r\n`;
    for (const { port } of servers) await requestRate(port, request, status);
    const rates = servers.map(() => [] as number[]);
    for (let round = 0; round < ROUNDS; round += 1)
      for (const [index, { port }] of servers.entries()) rates[index]?.push(await requestRate(port, request, status));
    const [ours = NaN, ...peers] = rates.map(median);
    for (const [index, rate] of peers.entries())
      figures.push(rateFigure(`${name}; ${servers[index + 1]?.name}`, ours, rate));
  }
  await running.stop();
  upstream.close();
  return figures;
}

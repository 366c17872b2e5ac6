// An in-memory cache behind the Cache API of workerd (cacheApiOutbound): GET is a match, PUT contains a serialized HTTP
// response, and PURGE deletes.
const LIMIT = 256 * 1024 * 1024;

/** Entries by URL, least recently stored first: { headers, body, expiresAt, size }. */
const entries = new Map();
let total = 0;

function remove(key) {
  const entry = entries.get(key);
  if (entry === undefined) return false;
  entries.delete(key);
  total -= entry.size;
  return true;
}

/** Returns the length of the response head, including the empty line. */
function headLength(bytes) {
  for (let at = 3; at < bytes.length; at += 1)
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10) return at + 1;
  throw new Error("incomplete response head");
}

/** Decodes a chunked body. */
function decodeChunks(bytes) {
  const chunks = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf(13, at);
    const size = parseInt(new TextDecoder("latin1").decode(bytes.subarray(at, end)), 16);
    if (size === 0) return new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

export default {
  async fetch(request) {
    const key = request.url;
    if (request.method === "PURGE") return new Response(null, { status: remove(key) ? 200 : 404 });
    if (request.method === "GET") {
      const entry = entries.get(key);
      if (entry === undefined || entry.expiresAt <= Date.now()) return new Response(null, { status: 504 });
      return new Response(entry.body, { headers: entry.headers });
    }
    const bytes = new Uint8Array(await request.arrayBuffer());
    const length = headLength(bytes);
    const lines = new TextDecoder("latin1").decode(bytes.subarray(0, length)).split("\r\n").slice(1, -2);
    const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
    const chunked = headers.some(([name, value]) => name.toLowerCase() === "transfer-encoding" && value === "chunked");
    const seconds = /max-age=(\d+)/.exec(headers.find(([name]) => name.toLowerCase() === "cache-control")?.[1] ?? "");
    const rest = bytes.subarray(length);
    const entry = {
      headers: [
        ...headers.filter(([name]) => !/^(transfer-encoding|content-length)$/i.test(name)),
        ["CF-Cache-Status", "HIT"],
      ],
      body: (chunked ? decodeChunks(rest) : rest.slice()).buffer,
      expiresAt: Date.now() + Number(seconds?.[1] ?? 0) * 1000,
      size: bytes.length,
    };
    remove(key);
    entries.set(key, entry);
    total += entry.size;
    for (const oldest of entries.keys()) {
      if (total <= LIMIT) break;
      remove(oldest);
    }
    return new Response(null, { status: 204 });
  },
};

// The benchmark's peer of the proxy: a plain JavaScript Worker that caches responses per key in the Cache API and rejects
// invalid metrics requests. It implements only the parts that the benchmark uses.
const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/";
const text = new TextEncoder();
const hexadecimal = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

let secret;
const BAD_DATE = "Provide a valid date. Date cannot be more than 3 years prior to now.";
const invalidChoice = (value, choices) =>
  `Provide a valid choice. '${value}' is not one of the available choices: [${choices.map((one) => `'${one}'`).join(", ")}]`;

/** Returns the errors of a metrics request by parameter. */
function errorsOf(parameters) {
  const errors = {};
  const check = (name, isValid, message) => {
    const value = parameters.get(name)?.trim();
    if (value && !isValid(value)) errors[name] = [message(value)];
    return value;
  };
  const isDay = (value) =>
    /^\d{4}-\d{2}-\d{2}$/.test(value) && new Date(`${value}T00:00Z`).toJSON()?.slice(0, 10) === value;
  const earliest = new Date();
  earliest.setUTCFullYear(earliest.getUTCFullYear() - 3);
  const isRecent = (value) => isDay(value) && value >= earliest.toJSON().slice(0, 10);
  const start = check("start_date", isRecent, () => BAD_DATE);
  if (!start) errors.start_date = ["This field is required."];
  const end = check("end_date", isDay, () => BAD_DATE);
  if (start && end && !errors.start_date && !errors.end_date && end < start)
    errors.end_date = ["Provide a valid date. end_date cannot be before start_date."];
  const flags = ["true", "false"];
  check(
    "include_nested_teams",
    (value) => flags.includes(value),
    (value) => invalidChoice(value, flags),
  );
  const resolutions = ["period", "week"];
  if (
    !check(
      "resolution",
      (value) => resolutions.includes(value),
      (value) => invalidChoice(value, resolutions),
    )
  )
    errors.resolution = ["This field is required."];
  const isNumber = (value) => Number.isFinite(Number(value));
  for (const name of ["apex_user_id", "team_id", "repo_id", "repo_tag_id"]) {
    check(name, isNumber, () => "Enter a number.");
    check(
      `${name}__in`,
      (value) => value.split(",").every(isNumber),
      () => "Enter a number.",
    );
  }
  check(
    "repo_id_not__in",
    (value) => value.split(",").every(isNumber),
    () => "Enter a number.",
  );
  return errors;
}

const headersOf = (cache) => ({
  "Content-Type": "application/json",
  "Cache-Control": "private, no-cache",
  Vary: "Authorization, Origin",
  "X-Content-Type-Options": "nosniff",
  "Cache-Status": cache,
});

export default {
  async fetch(request, env, context) {
    const url = new URL(request.url);
    const key = /^Bearer (.+)$/i.exec(request.headers.get("Authorization") ?? "")?.[1];
    if (key === undefined)
      return Response.json({ detail: "Authentication credentials were not provided." }, { status: 401 });
    if (url.pathname === METRICS) {
      const errors = errorsOf(url.searchParams);
      if (Object.keys(errors).length > 0) {
        const headers = { ...headersOf("plain; detail=refused"), "Cache-Control": "private, no-store" };
        return Response.json(errors, { status: 400, headers });
      }
    }
    secret ??= await crypto.subtle.importKey(
      "raw",
      text.encode(env.CACHE_SECRET),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const partition = hexadecimal(await crypto.subtle.sign("HMAC", secret, text.encode(key)));
    url.searchParams.sort();
    const canonical = text.encode(`${url.pathname}?${url.searchParams}`);
    const address = `https://cache.invalid/${partition}/${hexadecimal(await crypto.subtle.digest("SHA-256", canonical))}`;
    const cached = await caches.default.match(address);
    if (cached !== undefined) {
      const { createdAt, expiresAt, tag } = JSON.parse(cached.headers.get("Entry"));
      if (Date.now() < expiresAt) {
        const age = Math.floor((Date.now() - createdAt) / 1000);
        const headers = { ...headersOf("plain; hit"), Age: String(age), ETag: tag };
        if (request.headers.get("If-None-Match") === tag) return new Response(null, { status: 304, headers });
        return new Response(cached.body, { headers });
      }
    }
    const response = await fetch(env.UPSTREAM + url.pathname + url.search, {
      headers: { Authorization: `Bearer ${key}` },
    });
    const body = await response.arrayBuffer();
    const createdAt = Date.now();
    const tag = `"${hexadecimal(await crypto.subtle.digest("SHA-256", body)).slice(0, 32)}"`;
    const entry = JSON.stringify({ createdAt, expiresAt: createdAt + 3_600_000, tag });
    const stored = new Response(body, { headers: { "Cache-Control": "max-age=3600", Entry: entry } });
    if (response.status === 200) context.waitUntil(caches.default.put(address, stored));
    return new Response(body, { status: response.status, headers: { ...headersOf("plain; fwd=miss"), ETag: tag } });
  },
};

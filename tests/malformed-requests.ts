// Malformed requests for every endpoint, and a small dump to send them to.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METRICS } from "./conformance.ts";

const repeat = (term: string, times: number) => Array(times).fill(term).join("");
const ids = (count: number) => [...Array(count).keys()].join(",");

/** Queries within the URL limit of workerd and Cloudflare, 16 KB. */
const QUERIES: string[] = [
  // Long queries.
  "&".repeat(16_000),
  "a=b&".repeat(4_000),
  "id=1&".repeat(3_200),
  `name=${"x".repeat(16_000)}`,
  `search=${repeat("a%20", 4_000)}`,
  `search=${ids(3_200)}`,
  `search=${repeat("%22", 5_000)}`,
  `search=${repeat("%5C%22", 2_600)}`,
  `fields=${repeat("id,", 5_000)}&omit=${repeat(",", 500)}`,
  `ordering=${repeat("-id,name,", 1_700)}`,
  `group_by[${repeat("repo_id,", 1_900)}]&aggregate[sum]=${repeat("haloc,", 80)}`,
  // Long lists of ids.
  `id__in=${repeat("1,", 7_900)}`,
  `id__in!=${ids(3_300)}&apex_user_id__in=`,
  `repo_id__in=${ids(3_300)}&team_id__in=x`,
  // Numbers and dates out of range.
  `id=${"9".repeat(15_000)}&id__gt=-${"9".repeat(900)}`,
  `haloc__lt=1e${"9".repeat(5_000)}&impact__gt=-1e999999999999&risk=1e-999999&id__lte=${repeat("1_", 2_000)}1`,
  "limit=99999999999999999999999&offset=99999999999999999999999",
  "limit=-1&offset=-1&limit=%EF%BC%91",
  "created_at__gte=9999-12-31T23:59:59.9999999-23:59&author_date__lt=0001-01-01T00:00:00%2B23:59",
  "author_date=2021-02-30&author_date!=2021-01-01T24:00",
  // NUL characters, invalid UTF-8 and invalid percent-encoding.
  "name=%00&message=%00&hexsha__startswith=%00",
  "search=%00",
  "id=%00&start_date=%00&repo_name=%00",
  "name=%ED%A0%80&message=%ED%B0%80&repo_name=%ED%A0%80%ED%B0%80",
  "search=%ED%A0%80%F4%90%80%80",
  "%ED%A0%80=%ED%A0%80&%00=%00&%FF%FE=%C0%80",
  "=&=&%&%%&%zz=%zz&+=+&%26=%3D&name",
  "name=%E2%80%8B%C2%A0%EF%BB%BF&message=%F0%9F%98%80",
  // Deep and long filter expressions.
  `filters=${repeat("(", 16_000)}`,
  `filters=${repeat("%28", 5_000)}`,
  `filters=${repeat("()", 8_000)}`,
  `filters=${repeat("~", 8_000)}(id%3D1)`,
  `filters=${repeat("(id%3D1)|", 1_600)}(id%3D1)`,
  `filters=${repeat("~(id%3D1)%26(id__lt%3D5)|", 200)}(id%3D1)`,
  `filters=${repeat("(search%3Da)|", 1_200)}(id%3D1)`,
  `filters=${repeat("(x)", 5_000)}`,
  `filters=(${repeat("id%253D1%2526", 1_200)})`,
  `filters=(filters%3D${repeat("(filters%253D", 1_000)}`,
  `filters=(id%3D${"%2525".repeat(3_000)})`,
  `filters=(id%3D%00)|(name%3D%ED%A0%80)`,
  `filters=${repeat("(id%3Dx)%26", 1_500)}(id%3D1)`,
  `filters=${repeat("(team__isnull%3Dtrue)%26", 8)}(team_member%3D1)`,
  `filters=${repeat("(tags__name%3Da)|", 700)}(repo_tags__in%3D1)`,
  `filters=${repeat("(repo_tags__in%3D1)%26", 7)}(repo_tags__in%3D1,2)`,
];

const CORE = "/v3/customer/core";
const LISTS = ["commits", "commits.agg", "users", "teams", "team_membership", "repos", "tags", "user_alias"];

/** All queries for all endpoints. */
export const malformedRequests: string[] = QUERIES.flatMap((query) => [
  ...[...LISTS, "commits/1", "users/1"].map((path) => `${CORE}/${path}/?${query}`),
  `${METRICS}?start_date=2026-01-01&resolution=week&${query}`,
]);

/** Reports whether a status is allowed: 200, 400, or 404 for a single object that the filters exclude. */
export const isExpectedStatus = (request: string, status: number): boolean =>
  status === 200 || status === 400 || (status === 404 && /\/1\/\?/.test(request));

/** At least one row per resource. */
const ROWS: Record<string, object[]> = {
  tags: [{ id: 1, name: "a" }, { id: 2 }],
  repos: [
    { id: 1, name: "x", tags: [1, 2], oldest_commit_date: "2020-01-01" },
    { id: 2, blocked: true },
  ],
  teams: [
    { id: 1, name: "a", visibility: "SHOW", parent: 2 },
    { id: 2, parent: 1 },
  ],
  users: [{ id: 1, name: "Été", email: "a@x" }, { id: 2 }],
  team_membership: [
    { id: 1, apex_user_id: 1, team_id: 1, membership_type: "contributor" },
    { id: 2, apex_user_id: 1, team_id: 2 },
  ],
  user_alias: [{ id: 1, apex_user_id: 1, name: "a" }],
  commits: [
    { id: 1, apex_user_id: 1, repo_id: 1, author_date: "2026-01-02", message: "Été 100%", haloc: 5, impact: 1.5 },
    { id: 2, apex_user_id: 2, repo_id: 2, author_date: "2026-01-03", author_local_date: "2026-01-03", is_merge: true },
  ],
};

/** Writes the rows as a dump into a temporary folder. */
export function writeDump(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "streamgage-"));
  for (const [resource, rows] of Object.entries(ROWS))
    writeFileSync(join(path, `${resource}.ndjson`), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

// Random requests about the made-up organization, with the statuses of their responses.
import { METRICS } from "../../tests/conformance.ts";
import type { Random } from "../../tests/reference/random.mjs";

export const TODAY = "2026-09-01";

export type Kind = "list" | "metrics" | "refusal" | "import";
export type Exchange = { kind: Kind; path: string; status: number; method?: string; body?: string };

/** The imported commits have one of these ids, which are beyond those of the demo. */
const FIRST_ID = 9_000_000;
const IDS = 5_000;

const CORE = "/v3/customer/core/";

export function randomExchange(random: Random): Exchange {
  const chance = random.unit();
  if (chance < 0.1) return randomImport(random);
  if (chance < 0.15) return randomRefusal(random);
  return chance < 0.5 ? randomMetrics(random) : randomList(random);
}

const randomDay = (random: Random): string => daysBefore(random.int(1, 300));
const daysBefore = (days: number): string => new Date(Date.parse(TODAY) - days * 86_400_000).toJSON().slice(0, 10);

function randomMetrics(random: Random): Exchange {
  const query = new URLSearchParams({ start_date: randomDay(random), resolution: random.pick(["week", "period"]) });
  if (random.chance(0.5)) query.set("team_id", `${random.int(101, 114)}`);
  if (random.chance(0.3)) query.set("include_nested_teams", "true");
  if (random.chance(0.2)) query.set("repo_tag_id", `${random.int(1, 3)}`);
  return { kind: "metrics", path: `${METRICS}?${query}`, status: 200 };
}

function randomList(random: Random): Exchange {
  const path = random.pick([
    `commits/?limit=${random.int(1, 1_000)}&offset=${random.int(0, 5_000)}`,
    `commits/?author_date__gte=${randomDay(random)}&limit=100`,
    `commits/?author_local_date__lt=${randomDay(random)}&limit=10&ordering=-author_local_date`,
    `commits/?new_work__gte=${random.int(0, 500)}&ordering=-id`,
    `commits/?repo_id=${random.int(1, 11)}&apply_default_filters=true`,
    `commits/?message=${random.pick(["fix", "test", "é"])}&limit=20`,
    "commits/?smart_dedupe=true&exclude_weekends=true",
    "commits.agg/?aggregate[count]=id&aggregate[sum]=haloc&group_by[repo_id]",
    `users/?team_member=${random.int(101, 114)}`,
    "users/?ordering=name&limit=50",
    "teams/",
    "tickets/?state=open",
  ]);
  return { kind: "list", path: `${CORE}${path}`, status: 200 };
}

function randomRefusal(random: Random): Exchange {
  const [path, status] = random.pick([
    [`${METRICS}?start_date=soon&resolution=day`, 400],
    [`${CORE}commits/?haloc__gte=many`, 400],
    [`${CORE}commits/123456789012/`, 404],
    [`${CORE}nothing/`, 404],
  ] as const);
  return { kind: "refusal", path, status };
}

function randomImport(random: Random): Exchange {
  const [resource, row] = random.pick([
    ["commits", randomCommit],
    ["commits", randomCommit],
    ["commits", randomCommit],
    ["users", (random: Random) => ({ id: random.int(1, 60), hidden_from_reports: random.chance(0.2) })],
    ["repos", (random: Random) => ({ id: random.int(1, 11), tags: [random.int(1, 3)], blocked: random.chance(0.2) })],
    ["tickets", (random: Random) => ({ id: random.int(1, 3_000), state: random.pick(["open", "closed"]) })],
  ] as const);
  const rows = Array.from({ length: random.int(1, 200) }, () => JSON.stringify(row(random)));
  return { kind: "import", path: `/import/${resource}`, status: 200, method: "POST", body: rows.join("\n") };
}

function randomCommit(random: Random): object {
  const id = FIRST_ID + random.int(0, IDS - 1);
  if (random.chance(0.15)) return { id, _deleted: true };
  return {
    id,
    apex_user_id: random.int(1, 60),
    repo_id: random.int(1, 11),
    author_date: `${randomDay(random)}T${`${random.int(0, 23)}`.padStart(2, "0")}:30:00`,
    author_tzoffset: random.int(-12, 14) * 3_600,
    is_merge: random.chance(0.1),
    is_pr_orphan: random.chance(0.05),
    outlier_reason: random.chance(0.05) ? 1 : null,
    ignore_hash: random.chance(0.3) ? `hash ${random.int(0, 300)}` : null,
    haloc: random.int(0, 500),
    new_work: random.int(0, 500),
    churn: random.int(0, 100),
    impact: random.int(0, 99_999) / 10_000,
    message: random.pick(["fix", "Größe", "a test of everything"]),
  };
}

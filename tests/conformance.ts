// The conformance cases: those of ../shared, where it is there, and always the project's own.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const root = join(import.meta.dirname, "..");

/** Where the metrics are, in every implementation. */
export const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/";

export type Case = { query: string; status: number; body: unknown };
export type Corpus = { name: string; dump: string; today: string; cases: Case[] };

export function corpora(): Corpus[] {
  return ["../shared/conformance/period_metrics.json", "tests/corpus/period_metrics.json"]
    .filter((name) => existsSync(join(root, name)))
    .map((name) => {
      const { dump, today, cases } = JSON.parse(readFileSync(join(root, name), "utf8"));
      const folder = dirname(join(root, name.replace("/conformance/", "/")));
      return { name, dump: join(folder, dump), today, cases };
    });
}

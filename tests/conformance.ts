// The conformance cases of this project and, if it exists, of ../shared.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const root = join(import.meta.dirname, "..");

/** The path of the metrics endpoint. */
export const METRICS = "/v3/customer/metrics/code_fundamentals/period_metrics/";

/** `text` is the body without white space. Its numbers keep their notation, such as 58.0. */
export type Case = { query: string; status: number; body: unknown; text: string };
export type Corpus = { name: string; dump: string; today: string; cases: Case[] };

// TypeScript has no types for JSON.rawJSON yet.
declare global {
  interface JSON {
    rawJSON(text: string): unknown;
  }
}
type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** Parses JSON so that JSON.stringify writes numbers in their original notation. */
export function parseExactly(text: string): unknown {
  const keep: Reviver = (_, value, { source }) => (typeof value === "number" ? JSON.rawJSON(source ?? "") : value);
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

export function corpora(): Corpus[] {
  return ["../shared/conformance/period_metrics.json", "tests/corpus/period_metrics.json"]
    .filter((name) => existsSync(join(root, name)))
    .map((name) => {
      const text = readFileSync(join(root, name), "utf8");
      const { dump, today, cases } = JSON.parse(text) as { dump: string; today: string; cases: Omit<Case, "text">[] };
      const written = parseExactly(text) as { cases: { body: unknown }[] };
      const folder = dirname(join(root, name.replace("/conformance/", "/")));
      return {
        name,
        dump: join(folder, dump),
        today,
        cases: cases.map((each, at) => ({ ...each, text: JSON.stringify(written.cases[at]?.body) })),
      };
    });
}

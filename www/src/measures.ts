/** The four metrics: the API's field names beside words for people. */
import type { MetricsRow } from "streamgage";

export type Measure = "active_days" | "commit_count" | "total_impact" | "total_efficiency";

export const MEASURES: { field: Measure; name: string; unit: string; meaning: string }[] = [
  {
    field: "active_days",
    name: "Coding days",
    unit: "per week",
    meaning: "Days with at least one commit, for each active user and week.",
  },
  { field: "commit_count", name: "Commits per day", unit: "", meaning: "Commits on each coding day." },
  {
    field: "total_impact",
    name: "Impact",
    unit: "per week",
    meaning: "How far the changes reach into the code, for each active user and week.",
  },
  {
    field: "total_efficiency",
    name: "Efficiency",
    unit: "%",
    meaning: "Share of changed lines that did not rework the author's own recent ones.",
  },
];

const decimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** One decimal, as the API counts. */
export const format = (value: number) => decimal.format(value);

/** The rows as a spreadsheet takes them, under the API's names. */
export function csv(rows: MetricsRow[]): string {
  const measures = MEASURES.map(({ field }) => field);
  const weekly = rows.some((row) => row.period_start_date !== undefined);
  const head = [...(weekly ? ["period_start_date"] : []), ...measures];
  const lines = rows.map((row) => [
    ...(weekly ? [row.period_start_date ?? ""] : []),
    ...measures.map((field) => row[field].toFixed(1)),
  ]);
  return [head, ...lines].map((cells) => `${cells.join(",")}\r\n`).join("");
}

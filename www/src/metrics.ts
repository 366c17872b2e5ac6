/** The four metrics, with their field names in the API and their display names. */
import type { MetricsRow } from "streamgage";

export type MetricName = "active_days" | "commit_count" | "total_impact" | "total_efficiency";

export const METRICS: { field: MetricName; name: string; unit: string; description: string }[] = [
  {
    field: "active_days",
    name: "Coding days",
    unit: "per week",
    description: "Days with at least one commit, per active user and week.",
  },
  { field: "commit_count", name: "Commits per day", unit: "", description: "Commits per coding day." },
  {
    field: "total_impact",
    name: "Impact",
    unit: "per week",
    description: "The extent of the changes, per active user and week.",
  },
  {
    field: "total_efficiency",
    name: "Efficiency",
    unit: "%",
    description: "The share of changed lines that do not rework the author's own recent lines.",
  },
];

const decimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Formats a value with one decimal, the API's precision. */
export const format = (value: number) => decimal.format(value);

/** Returns the rows as CSV with the API's field names. */
export function toCsv(rows: MetricsRow[]): string {
  const fields = METRICS.map(({ field }) => field);
  const isWeekly = rows.some((row) => row.period_start_date !== undefined);
  const header = [...(isWeekly ? ["period_start_date"] : []), ...fields];
  const lines = rows.map((row) => [
    ...(isWeekly ? [row.period_start_date ?? ""] : []),
    ...fields.map((field) => row[field].toFixed(1)),
  ]);
  return [header, ...lines].map((cells) => `${cells.join(",")}\r\n`).join("");
}

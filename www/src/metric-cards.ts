/** One card per metric: its value for the whole range, its explanation, and its chart. */
import type { MetricsRow } from "streamgage";
import { type WeekChart, createWeekChart, describeWeek } from "./week-chart";
import { daysBetween, type Range, type Week } from "./dates";
import { element, create, setText } from "./dom";
import { format, METRICS, type MetricName } from "./metrics";

interface Card {
  field: MetricName;
  total: HTMLElement;
  unit: HTMLElement;
  change: HTMLElement;
  readout: HTMLElement;
  figure: HTMLElement;
  chart: WeekChart;
  values: (number | null)[];
}

export interface DashboardData {
  total: MetricsRow;
  /** The number of days that weekly values are scaled to: 7, or fewer in a short range. Undefined if unknown. */
  days: number | undefined;
  /** The preceding range of the same length, if it has commits. */
  previous: { row: MetricsRow; range: Range } | undefined;
  /** All weeks of the range. Undefined if only the whole period was requested. */
  weeks: Week[] | undefined;
  rows: MetricsRow[];
}

export interface MetricCards {
  show(data: DashboardData): void;
}

export function createMetricCards(): MetricCards {
  let weeks: Week[] = [];
  const cards: Card[] = METRICS.map(({ field, name, unit, description }) => {
    const total = create("span", "total");
    const unitLabel = create("span", "unit", unit);
    const change = create("span", "change");
    const readout = create("p", "readout");
    const box = create("div", "chart");
    box.role = "slider";
    box.tabIndex = 0;
    box.setAttribute("aria-label", `${name} by week`);
    box.setAttribute("aria-valuemin", "0");
    const figure = create("div", "figure", readout, box);
    const title = create("h2", "", name, " ", create("code", "", field));
    const value = create("p", "value", total, " ", unitLabel, change);
    element("metrics").append(create("article", "card", title, value, create("p", "note", description), figure));
    const card: Card = {
      field,
      total,
      unit: unitLabel,
      change,
      readout,
      figure,
      values: [],
      chart: undefined as never,
    };
    const onHover = (index: number | undefined) => {
      const week = index === undefined ? undefined : weeks[index];
      readout.textContent = week ? describeWeek(week, card.values[index!] ?? null) : "";
    };
    card.chart = createWeekChart(box, field === "total_efficiency", onHover, (index) => {
      for (const { chart } of cards) chart.point(index);
    });
    return card;
  });

  function show(data: DashboardData): void {
    weeks = data.weeks ?? [];
    const byWeek = new Map(data.rows.map((row) => [row.period_start_date, row]));
    const earlier = data.previous?.range;
    const days = earlier ? daysBetween(earlier.start, earlier.end) : 0;
    for (const card of cards) {
      const { field } = card;
      card.total.textContent = format(data.total[field]);
      if (isPerWeek(field)) card.unit.textContent = unitOf(data);
      setText(card.change, data.previous ? describeChange(data.total[field], data.previous.row[field], days) : "");
      card.change.title = earlier ? `${earlier.start} to ${earlier.end}` : "";
      card.figure.hidden = weeks.length === 0;
      card.values = weeks.map(({ start }) => byWeek.get(start)?.[field] ?? null);
      if (weeks.length > 0) card.chart.show(weeks, card.values);
    }
  }

  return { show };
}

const isPerWeek = (field: MetricName) => field === "active_days" || field === "total_impact";

/** A range with fewer than seven days in its weeks with commits is not scaled up to a week (specification §1). */
function unitOf({ days }: DashboardData): string {
  if (days === undefined) return "per active user";
  if (days === 7) return "per week";
  return days === 1 ? "in 1 day" : `in ${days} days`;
}

/** Describes the change. The difference is rounded to one decimal, because subtraction adds binary noise. */
function describeChange(now: number, before: number, days: number): string {
  const change = Math.round((now - before) * 10) / 10;
  const earlier = days === 1 ? "day before" : `${days} days before`;
  if (change === 0) return `same as the ${earlier}`;
  return `${change > 0 ? "+" : "−"}${format(Math.abs(change))} vs. the ${earlier}`;
}

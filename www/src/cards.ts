/** A card for each metric: its number for the whole range, what it means, and its chart. */
import type { MetricsRow } from "streamgage";
import { type Chart, makeChart, reading } from "./chart";
import { daysBetween, type Range, type Week } from "./dates";
import { element, make, say } from "./dom";
import { format, MEASURES, type Measure } from "./measures";

interface Card {
  field: Measure;
  total: HTMLElement;
  unit: HTMLElement;
  change: HTMLElement;
  readout: HTMLElement;
  figure: HTMLElement;
  chart: Chart;
  values: (number | null)[];
}

export interface Numbers {
  total: MetricsRow;
  /** The days that figures per week are scaled to: 7, or fewer in a short range; undefined where that is not known. */
  days: number | undefined;
  /** The same number of days just before, where they had commits. */
  before: { row: MetricsRow; range: Range } | undefined;
  /** Every week of the range; undefined where only the whole was asked for. */
  weeks: Week[] | undefined;
  rows: MetricsRow[];
}

export interface Cards {
  show(numbers: Numbers): void;
}

export function makeCards(): Cards {
  let weeks: Week[] = [];
  const cards: Card[] = MEASURES.map(({ field, name, unit, meaning }) => {
    const total = make("span", "total");
    const unitLabel = make("span", "unit", unit);
    const change = make("span", "change");
    const readout = make("p", "readout");
    const box = make("div", "chart");
    box.role = "slider";
    box.tabIndex = 0;
    box.setAttribute("aria-label", `${name} by week`);
    box.setAttribute("aria-valuemin", "0");
    const figure = make("div", "figure", readout, box);
    const title = make("h2", "", name, " ", make("code", "", field));
    const value = make("p", "value", total, " ", unitLabel, change);
    element("metrics").append(make("article", "card", title, value, make("p", "note", meaning), figure));
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
    const hover = (index: number | undefined) => {
      const week = index === undefined ? undefined : weeks[index];
      readout.textContent = week ? reading(week, card.values[index!] ?? null) : "";
    };
    card.chart = makeChart(box, field === "total_efficiency", hover, (index) => {
      for (const { chart } of cards) chart.point(index);
    });
    return card;
  });

  function show(numbers: Numbers): void {
    weeks = numbers.weeks ?? [];
    const byWeek = new Map(numbers.rows.map((row) => [row.period_start_date, row]));
    const earlier = numbers.before?.range;
    const days = earlier ? daysBetween(earlier.start, earlier.end) : 0;
    for (const card of cards) {
      const { field } = card;
      card.total.textContent = format(numbers.total[field]);
      if (isPerWeek(field)) card.unit.textContent = unitOf(numbers);
      say(card.change, numbers.before ? difference(numbers.total[field], numbers.before.row[field], days) : "");
      card.change.title = earlier ? `${earlier.start} to ${earlier.end}` : "";
      card.figure.hidden = weeks.length === 0;
      card.values = weeks.map(({ start }) => byWeek.get(start)?.[field] ?? null);
      if (weeks.length > 0) card.chart.show(weeks, card.values);
    }
  }

  return { show };
}

const isPerWeek = (field: Measure) => field === "active_days" || field === "total_impact";

/** A range whose weeks with commits have fewer than seven days in it is not scaled up to a week (specification §1). */
function unitOf({ days }: Numbers): string {
  if (days === undefined) return "per active user";
  if (days === 7) return "per week";
  return days === 1 ? "in 1 day" : `in ${days} days`;
}

/** Values have one decimal, so their difference has too, but for binary noise. */
function difference(now: number, before: number, days: number): string {
  const change = Math.round((now - before) * 10) / 10;
  const earlier = days === 1 ? "day before" : `${days} days before`;
  if (change === 0) return `as in the ${earlier}`;
  return `${change > 0 ? "+" : "−"}${format(Math.abs(change))} on the ${earlier}`;
}

/** The table of the rows that the API returned. */
import type { MetricsRow } from "streamgage";
import { partialWeekNote, type Range, type Week } from "./dates";
import { element, create, setText } from "./dom";
import { format, METRICS } from "./metrics";

export function showMetricsTable(rows: MetricsRow[], weeks: Week[] | undefined, range: Range): void {
  const headers = [weeks ? "Week of" : "Period", ...METRICS.map(({ name }) => name)].map((name) => {
    const head = create("th", "", name);
    head.scope = "col";
    return head;
  });
  element("table-head").replaceChildren(create("tr", "", ...headers));

  const byStart = new Map(weeks?.map((week) => [week.start, week]));
  const lines = rows.map((row) => {
    const start = row.period_start_date;
    const head = create("th", "", start ?? `${range.start} to ${range.end}`);
    head.scope = "row";
    const week = start === undefined ? undefined : byStart.get(start);
    const note = week ? partialWeekNote(week) : "";
    if (note) head.append(" ", create("small", "", note));
    return create(
      "tr",
      note ? "partial" : "",
      head,
      ...METRICS.map(({ field }) => create("td", "", format(row[field]))),
    );
  });
  element("table-body").replaceChildren(...lines);

  const omitted = (weeks?.length ?? rows.length) - rows.length;
  const note =
    omitted === 1 ? "1 week had no commits and is omitted." : `${omitted} weeks had no commits and are omitted.`;
  setText(element("table-note"), omitted > 0 ? note : "");
}

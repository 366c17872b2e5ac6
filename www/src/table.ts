/** The rows behind the charts, as the API gave them. */
import type { MetricsRow } from "streamgage";
import { partial, type Range, type Week } from "./dates";
import { element, make, say } from "./dom";
import { format, MEASURES } from "./measures";

export function showTable(rows: MetricsRow[], weeks: Week[] | undefined, range: Range): void {
  const heads = [weeks ? "Week of" : "Period", ...MEASURES.map(({ name }) => name)].map((name) => {
    const head = make("th", "", name);
    head.scope = "col";
    return head;
  });
  element("table-head").replaceChildren(make("tr", "", ...heads));

  const byStart = new Map(weeks?.map((week) => [week.start, week]));
  const lines = rows.map((row) => {
    const start = row.period_start_date;
    const head = make("th", "", start ?? `${range.start} to ${range.end}`);
    head.scope = "row";
    const week = start === undefined ? undefined : byStart.get(start);
    const remark = week ? partial(week) : "";
    if (remark) head.append(" ", make("small", "", remark));
    return make(
      "tr",
      remark ? "partial" : "",
      head,
      ...MEASURES.map(({ field }) => make("td", "", format(row[field]))),
    );
  });
  element("table-body").replaceChildren(...lines);

  const absent = (weeks?.length ?? rows.length) - rows.length;
  const note =
    absent === 1 ? "1 week had no commits, and is left out." : `${absent} weeks had no commits, and are left out.`;
  say(element("table-note"), absent > 0 ? note : "");
}

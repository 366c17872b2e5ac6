/** A line chart of one metric by week. Weeks without commits are gaps. Partial weeks are hollow and dashed. */
import uPlot from "uplot";
import { partialWeekNote, seconds, type Week } from "./dates";
import { format } from "./metrics";

const HEIGHT = 150;
/** Above this number of weeks, only isolated points are drawn, because the others would overlap. */
const MAX_POINTS = 60;
const HALF_WEEK = 3.5 * 86_400;
/** Width of a time axis label, in pixels. */
const LABEL_WIDTH = 72;

export interface WeekChart {
  show(weeks: Week[], values: (number | null)[]): void;
  /** Moves the cursor to a week, or hides the cursor. */
  point(index: number | undefined): void;
  resize(): void;
}

/** Calls `onHover` with the week under the cursor and `onKeyboardMove` with the week selected by keyboard. */
export function createWeekChart(
  box: HTMLElement,
  isPercent: boolean,
  onHover: (index: number | undefined) => void,
  onKeyboardMove: (index: number | undefined) => void,
): WeekChart {
  let weeks: Week[] = [];
  let values: (number | null)[] = [];
  const colour = (name: string) => () => getComputedStyle(box).getPropertyValue(name);
  const isPartial = (index: number) => partialWeekNote(weeks[index]!) !== "";
  const hasValue = (index: number) => typeof values[index] === "number";

  const plot = new uPlot(
    {
      width: Math.max(box.clientWidth, 100),
      height: HEIGHT,
      tzDate: (timestamp) => uPlot.tzDate(new Date(timestamp * 1000), "Etc/UTC"),
      legend: { show: false },
      padding: [8, 32, 0, 0],
      cursor: {
        y: false,
        move: (self, left, top) => [snapToWeek(self, left), top],
        points: { size: 9, fill: colour("--line"), stroke: colour("--line") },
        drag: { x: false, y: false, setScale: false },
        sync: { key: "weeks", setSeries: false, scales: ["x", null] },
      },
      scales: {
        x: { range: (_, min, max) => [min - HALF_WEEK, max + HALF_WEEK] },
        y: { range: (_, min, max) => (isPercent ? percentRange(min) : [0, max > 0 ? max * 1.1 : 1]) },
      },
      axes: [
        axis({
          size: 28,
          splits: labelledMondays,
          values: (_, splits) => splits.map((at) => axisLabel(at, weeks.length)),
        }),
        axis({ space: 24, size: 44 }),
      ],
      series: [
        {},
        {
          stroke: colour("--line"),
          width: 2,
          points: {
            size: 6,
            show: true,
            fill: colour("--line"),
            filter: () =>
              indices((at) => hasValue(at) && !isPartial(at) && (weeks.length <= MAX_POINTS || isIsolated(at))),
          },
        },
        {
          stroke: colour("--line"),
          width: 2,
          dash: [3, 4],
          points: {
            size: 7,
            show: true,
            fill: colour("--card"),
            filter: () => indices((at) => hasValue(at) && isPartial(at)),
          },
        },
      ],
      hooks: { setCursor: [(self) => onHover(self.cursor.idx ?? undefined)] },
    },
    [[], [], []],
    box,
  );

  const indices = (condition: (index: number) => boolean) => [...weeks.keys()].filter(condition);
  const isIsolated = (index: number) => !hasValue(index - 1) && !hasValue(index + 1);

  function axis(options: uPlot.Axis): uPlot.Axis {
    const grid = { stroke: colour("--grid"), width: 1 };
    return { stroke: colour("--faint"), grid, ticks: { show: false }, font: "12px system-ui, sans-serif", ...options };
  }

  /** Returns the Mondays with an axis label: as many as fit, always including the last one. */
  function labelledMondays(self: uPlot): number[] {
    const step = Math.ceil((weeks.length * LABEL_WIDTH) / Math.max(self.width - LABEL_WIDTH, LABEL_WIDTH));
    return weeks.filter((_, at) => (weeks.length - 1 - at) % step === 0).map(({ start }) => seconds(start));
  }

  function show(newWeeks: Week[], newValues: (number | null)[]): void {
    weeks = newWeeks;
    values = newValues;
    const isNextToPartial = (at: number) =>
      [at - 1, at, at + 1].some((index) => index >= 0 && index < weeks.length && isPartial(index));
    plot.setData([
      weeks.map(({ start }) => seconds(start)),
      values.map((value, at) => (isPartial(at) ? null : value)),
      values.map((value, at) => (isNextToPartial(at) ? value : null)),
    ]);
    box.setAttribute("aria-valuemax", String(weeks.length - 1));
    setAriaValue(weeks.length - 1);
  }

  function setAriaValue(index: number): void {
    const week = weeks[index];
    if (!week) return;
    box.setAttribute("aria-valuenow", String(index));
    box.setAttribute("aria-valuetext", describeWeek(week, values[index] ?? null));
  }

  function point(index: number | undefined): void {
    if (index !== undefined) setAriaValue(index);
    const left = index === undefined ? -10 : plot.valToPos(seconds(weeks[index]!.start), "x");
    plot.setCursor({ left, top: index === undefined ? -10 : 0 });
  }

  box.addEventListener("keydown", (event) => {
    const last = weeks.length - 1;
    const current = plot.cursor.idx ?? undefined;
    const target = {
      ArrowLeft: current === undefined ? last : Math.max(current - 1, 0),
      ArrowRight: current === undefined ? last : Math.min(current + 1, last),
      Home: 0,
      End: last,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    onKeyboardMove(target);
  });
  box.addEventListener("blur", () => onKeyboardMove(undefined));

  const resize = () => plot.setSize({ width: Math.max(box.clientWidth, 100), height: HEIGHT });
  new ResizeObserver(resize).observe(box);
  // uPlot reads colours when it draws.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
  return { show, point, resize };
}

/** Describes a week and its value, for the line above a chart and for screen readers. */
export function describeWeek(week: Week, value: number | null): string {
  const note = partialWeekNote(week);
  return `${week.start}${note ? ` (${note})` : ""}: ${value === null ? "no commits" : format(value)}`;
}

/** Returns a range from the multiple of ten below the lowest value to 100, with a margin for the line width. */
function percentRange(min: number): [number, number] {
  const low = Math.min(Math.floor((min - 1) / 10) * 10, 90);
  return [low, 100 + (100 - low) * 0.05];
}

/** Returns the position of the week nearest to the pointer. */
function snapToWeek(plot: uPlot, left: number): number {
  const at = left < 0 ? undefined : plot.data[0][plot.posToIdx(left)];
  return at === undefined ? left : plot.valToPos(at, "x");
}

/** Formats a date as "Aug 17", or as "Aug 2025" in ranges of more than a year. */
function axisLabel(timestamp: number, weeks: number): string {
  const precision = weeks > 54 ? ({ year: "numeric" } as const) : ({ day: "numeric" } as const);
  return new Date(timestamp * 1000).toLocaleString("en", { month: "short", timeZone: "UTC", ...precision });
}

/** One metric over the weeks. Weeks without commits are gaps; incomplete ones are hollow and dashed. */
import uPlot from "uplot";
import { partial, seconds, type Week } from "./dates";
import { format } from "./measures";

const HEIGHT = 150;
/** More points than this run into each other; then only those without neighbours are drawn. */
const POINTS = 60;
const HALF_WEEK = 3.5 * 86_400;
/** Room for a label of the time axis, in pixels. */
const LABEL = 72;

export interface Chart {
  show(weeks: Week[], values: (number | null)[]): void;
  /** Puts the cursor on a week; undefined takes it away. */
  point(index: number | undefined): void;
  resize(): void;
}

/** `hover` hears of the week under the cursor, `move` of the week that the keyboard asks for. */
export function makeChart(
  box: HTMLElement,
  percent: boolean,
  hover: (index: number | undefined) => void,
  move: (index: number | undefined) => void,
): Chart {
  let weeks: Week[] = [];
  let values: (number | null)[] = [];
  const colour = (name: string) => () => getComputedStyle(box).getPropertyValue(name);
  const isPartial = (index: number) => partial(weeks[index]!) !== "";
  const has = (index: number) => typeof values[index] === "number";

  const plot = new uPlot(
    {
      width: Math.max(box.clientWidth, 100),
      height: HEIGHT,
      tzDate: (timestamp) => uPlot.tzDate(new Date(timestamp * 1000), "Etc/UTC"),
      legend: { show: false },
      padding: [8, 32, 0, 0],
      cursor: {
        y: false,
        // The cursor stands on a week, not between two.
        move: (self, left, top) => [snapped(self, left), top],
        points: { size: 9, fill: colour("--line"), stroke: colour("--line") },
        drag: { x: false, y: false, setScale: false },
        sync: { key: "weeks", setSeries: false, scales: ["x", null] },
      },
      scales: {
        x: { range: (_, min, max) => [min - HALF_WEEK, max + HALF_WEEK] },
        y: { range: (_, min, max) => (percent ? percentRange(min) : [0, max > 0 ? max * 1.1 : 1]) },
      },
      axes: [
        axis({ size: 28, splits: mondays, values: (_, splits) => splits.map((at) => date(at, weeks.length)) }),
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
            filter: () => indices((at) => has(at) && !isPartial(at) && (weeks.length <= POINTS || lonely(at))),
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
            filter: () => indices((at) => has(at) && isPartial(at)),
          },
        },
      ],
      hooks: { setCursor: [(self) => hover(self.cursor.idx ?? undefined)] },
    },
    [[], [], []],
    box,
  );

  const indices = (wanted: (index: number) => boolean) => [...weeks.keys()].filter(wanted);
  const lonely = (index: number) => !has(index - 1) && !has(index + 1);

  function axis(more: uPlot.Axis): uPlot.Axis {
    const grid = { stroke: colour("--grid"), width: 1 };
    return { stroke: colour("--faint"), grid, ticks: { show: false }, font: "12px system-ui, sans-serif", ...more };
  }

  /** The Mondays to be named below the axis: as many as have room, and the last one always. */
  function mondays(self: uPlot): number[] {
    const step = Math.ceil((weeks.length * LABEL) / Math.max(self.width - LABEL, LABEL));
    return weeks.filter((_, at) => (weeks.length - 1 - at) % step === 0).map(({ start }) => seconds(start));
  }

  function show(newWeeks: Week[], newValues: (number | null)[]): void {
    weeks = newWeeks;
    values = newValues;
    const beside = (at: number) =>
      [at - 1, at, at + 1].some((index) => index >= 0 && index < weeks.length && isPartial(index));
    plot.setData([
      weeks.map(({ start }) => seconds(start)),
      values.map((value, at) => (isPartial(at) ? null : value)),
      values.map((value, at) => (beside(at) ? value : null)),
    ]);
    box.setAttribute("aria-valuemax", String(weeks.length - 1));
    tell(weeks.length - 1);
  }

  function tell(index: number): void {
    const week = weeks[index];
    if (!week) return;
    box.setAttribute("aria-valuenow", String(index));
    box.setAttribute("aria-valuetext", reading(week, values[index] ?? null));
  }

  function point(index: number | undefined): void {
    if (index !== undefined) tell(index);
    const left = index === undefined ? -10 : plot.valToPos(seconds(weeks[index]!.start), "x");
    plot.setCursor({ left, top: index === undefined ? -10 : 0 });
  }

  box.addEventListener("keydown", (event) => {
    const last = weeks.length - 1;
    const now = plot.cursor.idx ?? undefined;
    const to = {
      ArrowLeft: now === undefined ? last : Math.max(now - 1, 0),
      ArrowRight: now === undefined ? last : Math.min(now + 1, last),
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
  box.addEventListener("blur", () => move(undefined));

  const resize = () => plot.setSize({ width: Math.max(box.clientWidth, 100), height: HEIGHT });
  new ResizeObserver(resize).observe(box);
  // Colours are read when drawn.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
  return { show, point, resize };
}

/** A week's value in words, for the line above a chart and for screen readers. */
export function reading(week: Week, value: number | null): string {
  const remark = partial(week);
  return `${week.start}${remark ? ` (${remark})` : ""}: ${value === null ? "no commits" : format(value)}`;
}

/** From a ten below the lowest value to 100, with room for the line's upper half. */
function percentRange(min: number): [number, number] {
  const low = Math.min(Math.floor((min - 1) / 10) * 10, 90);
  return [low, 100 + (100 - low) * 0.05];
}

/** Where the cursor may stand: on the week nearest to the pointer. */
function snapped(plot: uPlot, left: number): number {
  const at = left < 0 ? undefined : plot.data[0][plot.posToIdx(left)];
  return at === undefined ? left : plot.valToPos(at, "x");
}

/** "Aug 17", or in ranges of more than a year "Aug 2025". */
function date(timestamp: number, weeks: number): string {
  const more = weeks > 54 ? ({ year: "numeric" } as const) : ({ day: "numeric" } as const);
  return new Date(timestamp * 1000).toLocaleString("en", { month: "short", timeZone: "UTC", ...more });
}

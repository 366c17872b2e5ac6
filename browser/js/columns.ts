/** Commits as typed arrays, into metrics: the fastest way, without a table. */
import { Columns as Wasm, heap } from "./wasm.js";
import { queryString, utcToday, type MetricsParameters } from "./queries.ts";
import { done, failed, type Outcome } from "./results.ts";
import type { Day, MetricsAnswer, MetricsColumns } from "./rows.ts";
import { badRow, failure, figures, invalid, Refused, type Asked } from "./table.ts";

/** Numbers. Those of 16 bits (for impact, of 32) are the fastest; others are looked at one by one. */
export type NumberColumn =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | readonly number[];

/** The commits that count (§1), as columns of one length: a commit is what stands in one place of each. */
export interface CommitColumns {
  /** The authors: whole numbers from 0 to 65,535, with few gaps. */
  users: NumberColumn;
  /** The authors' local days, in days since 1970-01-01: whole numbers from 0 to 65,535 (the year 2149). */
  days: NumberColumn;
  /** Lines of code, added or edited: whole numbers from 0 to 65,535. */
  haloc: NumberColumn;
  /** How many of these rework the author's own young ones: whole numbers from 0 to 65,535. */
  churn: NumberColumn;
  /** Impact in ten-thousandths: whole numbers from 0 to 4,294,967,295. */
  impact: NumberColumn;
}

/** Of the parameters those that need no more than these columns. */
export type Range = Pick<MetricsParameters, "start_date" | "end_date" | "resolution">;

/** The metrics of commits, as {@link Table.metrics} answers them. */
export function metricsOf(commits: CommitColumns, range: Range, asked?: Asked): Outcome<MetricsAnswer> {
  const columns = metricsColumnsOf(commits, range, asked);
  if (!columns.ok) return columns;
  const { period_start_date: starts, ...rest } = columns.value;
  const results = Array.from(starts, (start, row) => ({
    ...(range.resolution === "week" && { period_start_date: new Date(start).toISOString().slice(0, 10) as Day }),
    active_days: rest.active_days[row]!,
    commit_count: rest.commit_count[row]!,
    total_impact: rest.total_impact[row]!,
    total_efficiency: rest.total_efficiency[row]!,
  }));
  return done({ count: results.length, results });
}

/** The metrics of commits as typed arrays, as {@link Table.metricsColumns} answers them. */
export function metricsColumnsOf(
  commits: CommitColumns,
  { start_date, end_date, resolution }: Range,
  { today = utcToday() }: Asked = {},
): Outcome<MetricsColumns> {
  const query = queryString({ start_date, end_date, resolution } as MetricsParameters);
  let wasm: Wasm | undefined;
  try {
    wasm = Wasm.begin(query, `${today}`);
    if (wasm === undefined) return invalid(query, today);
    if (lengthOf(commits) > MAX_ROWS) return failed("memory", "Columns of 4 GB and more are not read.");
    if (!addRows(wasm, commits)) return failed("memory", "There are too many users and weeks to tell apart.");
    const ended = wasm;
    wasm = undefined;
    return done(figures(ended.columns()));
  } catch (error) {
    // What a trap leaves behind can't be relied on.
    if (error instanceof WebAssembly.RuntimeError) wasm = undefined;
    return failure(error);
  } finally {
    wasm?.free();
  }
}

/** Adds all rows, a block at a time; false if there are too many users and weeks to tell apart. */
function addRows(wasm: Wasm, commits: CommitColumns): boolean {
  const rows = commits.impact.length;
  const block = Wasm.block();
  let room = roomOf(wasm, block);
  for (let begin = 0; begin < rows; begin += block) {
    const end = Math.min(begin + block, rows);
    // Where memory has grown, arrays of it are empty.
    if (room.impact.length === 0) room = roomOf(wasm, block);
    for (const name of COLUMNS) fill(room[name], commits, name, begin, end);
    if (!wasm.add(end - begin)) return false;
  }
  return true;
}

/** What a call takes at most: as many commits as 4 GB hold, twelve bytes each. */
const MAX_ROWS = 2 ** 32 / 12;

/** In the order in which wasm has them. */
const COLUMNS = ["impact", "users", "days", "haloc", "churn"] as const;

/** Where wasm reads a block of commits. */
function roomOf(wasm: Wasm, size: number): Record<keyof CommitColumns, Uint16Array | Uint32Array> {
  const { buffer } = heap() as WebAssembly.Memory;
  const impact = wasm.room();
  const narrow = (place: number) => new Uint16Array(buffer, impact + (4 + 2 * place) * size, size);
  const [users, days, haloc, churn] = [narrow(0), narrow(1), narrow(2), narrow(3)];
  return { impact: new Uint32Array(buffer, impact, size), users, days, haloc, churn };
}

function lengthOf(commits: CommitColumns): number {
  const length = commits.impact?.length;
  for (const name of COLUMNS)
    if (!(commits[name]?.length >= 0)) throw refusedColumn(null, name, "is required");
    else if ((commits[name] as { buffer?: { detached?: boolean } }).buffer?.detached)
      throw refusedColumn(null, name, "is detached: its buffer was transferred");
    else if (commits[name].length !== length)
      throw refusedColumn(null, name, `must have as many numbers as impact, ${length}`);
  return length;
}

/** Copies a part of a column; what does not fit is refused. */
function fill(
  room: Uint16Array | Uint32Array,
  commits: CommitColumns,
  name: keyof CommitColumns,
  begin: number,
  end: number,
): void {
  const column = commits[name];
  const bytes = room.BYTES_PER_ELEMENT;
  const fits =
    column instanceof Uint16Array || column instanceof Uint8Array || (bytes === 4 && column instanceof Uint32Array);
  if (fits) return room.set(column.subarray(begin, end));
  const limit = 2 ** (8 * bytes) - 1;
  for (let at = begin; at < end; at += 1) {
    const value = column[at]!;
    if (!(Number.isInteger(value) && value >= 0 && value <= limit))
      throw refusedColumn(at, name, `must be a whole number from 0 to ${limit}`);
    room[at - begin] = value;
  }
}

const refusedColumn = (index: number | null, field: string, error: string) =>
  new Refused(badRow({ resource: "commits", index, field, error }));

/** Metrics of commits in typed arrays, without a table. */
import type { Bindings } from "./bindings.js";
import { BadRowError, toFailure } from "./failures.ts";
import { bindings } from "./instance.ts";
import { checkOptions } from "./options.ts";
import { checkRange } from "./parameters.ts";
import { METRICS, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type Asked } from "./request.ts";
import { done, type Outcome } from "./results.ts";
import type { MetricsAnswer, MetricsColumns } from "./rows.ts";

/** Numbers. `Uint16Array` (for impact, `Uint32Array`) is the fastest kind; the values of other kinds are checked. */
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

/** The commits that count (§1), as columns of equal length. Each index is one commit. */
export interface CommitColumns {
  /** The authors: integers from 0 to 65,535, with few gaps. */
  users: NumberColumn;
  /** The authors' local days, in days since 1970-01-01: integers from 0 to 65,535 (the year 2149). */
  days: NumberColumn;
  /** Lines of code added or edited: integers from 0 to 65,535. */
  haloc: NumberColumn;
  /** Lines that rework the author's own recent lines: integers from 0 to 65,535. */
  churn: NumberColumn;
  /** Impact in ten-thousandths: integers from 0 to 4,294,967,295. */
  impact: NumberColumn;
}

/** The parameters of the metrics that apply to columns. */
export type MetricsRange = Pick<MetricsParameters, "start_date" | "end_date" | "resolution">;

/** Returns the metrics of commits like {@link Table.metrics}. */
export function metricsOf(commits: CommitColumns, range: Query<MetricsRange>, options?: Asked): Outcome<MetricsAnswer> {
  return compute("metricsOf", commits, range, options);
}

/** Returns the metrics of commits as typed arrays like {@link Table.metricsColumns}. */
export function metricsColumnsOf(
  commits: CommitColumns,
  range: Query<MetricsRange>,
  options?: Asked,
): Outcome<MetricsColumns> {
  return compute("metricsColumnsOf", commits, range, options);
}

/** The number of commits, of twelve bytes each, in 4 GB. */
const MAX_COMMITS = Math.floor(2 ** 32 / 12);

function compute<Name extends "metricsOf" | "metricsColumnsOf">(
  name: Name,
  commits: CommitColumns,
  range: Query<MetricsRange>,
  options: Asked = {},
): Outcome<ReturnType<Bindings[Name]>> {
  try {
    const mistake = checkOptions(options, ["today"]) ?? checkRange(range as Query<MetricsParameters>);
    if (mistake) return mistake;
    const request = apiRequest(METRICS, range as Query<MetricsParameters>, options);
    const wasm = bindings();
    wasm.validate(request);
    checkColumns(commits);
    const impact = typedColumn(commits, "impact", Uint32Array);
    const narrow = (name: keyof CommitColumns) => typedColumn(commits, name, Uint16Array);
    const columns = [narrow("users"), narrow("days"), narrow("haloc"), narrow("churn"), impact] as const;
    return done(wasm[name](request, ...columns) as ReturnType<Bindings[Name]>);
  } catch (error) {
    return toFailure(error);
  }
}

function checkColumns(commits: CommitColumns): void {
  if (typeof commits !== "object" || commits === null) throw badColumn(null, "impact", "is required");
  const length = commits.impact?.length;
  for (const name of ["impact", "users", "days", "haloc", "churn"] as const) {
    const column = commits[name] as NumberColumn | undefined;
    if (!(column && column.length >= 0)) throw badColumn(null, name, "is required");
    if ((column as { buffer?: { detached?: boolean } }).buffer?.detached)
      throw badColumn(null, name, "is detached: its buffer was transferred");
    if (column.length !== length) throw badColumn(null, name, `must have as many numbers as impact, ${length}`);
  }
  if (length > MAX_COMMITS) throw new RangeError("The columns have too many commits.");
}

/** Returns a column as it is, or a copy of its values as an array of the kind that the module takes. */
function typedColumn<Kind extends Uint16Array | Uint32Array>(
  commits: CommitColumns,
  name: keyof CommitColumns,
  Kind: { new (length: number): Kind; BYTES_PER_ELEMENT: number },
): Kind {
  const column = commits[name];
  if (column instanceof Kind) return column;
  const typed = new Kind(column.length);
  const limit = 2 ** (8 * Kind.BYTES_PER_ELEMENT) - 1;
  if (column instanceof Uint8Array || column instanceof Uint16Array) typed.set(column);
  else
    for (let index = 0; index < column.length; index += 1) {
      const value = column[index]!;
      if (!(Number.isInteger(value) && value >= 0 && value <= limit))
        throw badColumn(index, name, `must be an integer from 0 to ${limit}`);
      typed[index] = value;
    }
  return typed;
}

const badColumn = (index: number | null, field: string, error: string) =>
  new BadRowError({ resource: "commits", index, field, error });

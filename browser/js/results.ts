/** Results: functions return failures as values. `ok` tells success from failure, and `error.kind` the failures. */

/** The body of a 400 response: invalid parameters in documented order, with their messages. */
export type Errors = { [parameter: string]: string[] };

/** The body of a 400 response to a list request. `filters` has the errors of each query inside of it. */
export type ListErrors = { [parameter: string]: string[] | Errors };

/** The first row that is invalid. None of the rows that were added with it are stored. */
export interface BadRow {
  /** The resource, such as `commits`. */
  resource: string;
  /** The number of rows before it. `null` if there are no rows at all. */
  index: number | null;
  /** The invalid field. `null` if the row as a whole is invalid. */
  field: string | null;
  /** The message. */
  error: string;
}

/** The reason of a failure. `message` is for people, `kind` for programs. */
export type Failure =
  /** A parameter is invalid. */
  | { kind: "request"; message: string; errors: ListErrors }
  /** A row is invalid. */
  | { kind: "row"; message: string; row: BadRow }
  /** The resource or the object does not exist. */
  | { kind: "not-found"; message: string }
  /** `init` was not called, or has not finished. */
  | { kind: "not-started"; message: string }
  /** The table was created without `lists`, or the module has no lists. */
  | { kind: "no-lists"; message: string }
  /** The table was freed. */
  | { kind: "freed"; message: string }
  /** The data does not fit into WebAssembly memory. The table is freed. */
  | { kind: "memory"; message: string }
  /** The server rejected the API key (401). */
  | { kind: "key"; message: string; status: 401 }
  /** The API key has no permission (403). */
  | { kind: "permission"; message: string; status: 403 }
  /** Too many requests (429) after all retries. `retryAfter` is in seconds. */
  | { kind: "throttled"; message: string; status: 429; retryAfter: number | null }
  /** The server failed (5xx) after all retries. */
  | { kind: "server"; message: string; status: number }
  /** The server did not respond, or the connection failed. `cause` is the error of the connection, if it is safe. */
  | { kind: "network"; message: string; cause?: unknown }
  /** The call is a mistake of the program: an unknown option or parameter, a used response, a callback that throws. */
  | { kind: "usage"; message: string; cause?: unknown }
  /** The caller's signal aborted the call. */
  | { kind: "aborted"; message: string }
  /** The Web Worker that holds the table has failed. */
  | { kind: "worker"; message: string }
  /** The response is not a response of the API. */
  | { kind: "unexpected"; message: string; status: number };

/** A value, or the reason of a failure. `ignored` has the names of a query string that the API does not know. */
export type Outcome<Value> = { ok: true; value: Value; ignored?: string[] } | { ok: false; error: Failure };

/** The failed form of every {@link Outcome}. */
export type Failed = { ok: false; error: Failure };

/** The rows that a call added to a table. */
export interface Added {
  /** The number of rows. */
  rows: number;
  /** The address of the next page, if the rows came in a v3 page. */
  next: string | null;
  /** The total number of rows on the server, if the rows came in a v3 page. */
  count?: number;
}

export const done = <Value>(value: Value): Outcome<Value> => ({ ok: true, value });

/** Creates a failure. Its cause is not enumerable, so that JSON and comparisons ignore it. */
export function failed<Kind extends Failure["kind"]>(
  kind: Kind,
  message: string,
  details?: Omit<Extract<Failure, { kind: Kind }>, "kind" | "message" | "cause">,
  cause?: unknown,
): Failed {
  const error = { kind, message, ...details };
  if (cause !== undefined) Object.defineProperty(error, "cause", { value: cause });
  return { ok: false, error: error as unknown as Failure };
}

/** Returns the failure of a call on a freed table. */
export const freed = () => failed("freed", "The table was freed.");

/** Returns the failure of a call whose callback threw an error. */
export const callbackFailure = (error: unknown) => failed("usage", "onProgress threw an error.", {}, error);

/** Returns the failure of a stream that ended with an error. */
export const streamFailure = (error: unknown) =>
  failed("network", `Reading the rows failed: ${String(error)}`, {}, error);

/** Returns a failure if the source of rows is a response with an error status. */
export function statusFailure(source: unknown): Failed | undefined {
  const { ok, status } = (source ?? {}) as { ok?: unknown; status?: unknown };
  if (ok !== false || typeof status !== "number") return undefined;
  return failed("unexpected", `The response with the rows has the status ${status}.`, { status });
}

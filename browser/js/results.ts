/** Results: every function that can fail answers with a value, told apart by `ok`, and by the `kind` of its error. */

/** What is wrong with a request: each bad parameter, in documented order, with its messages. The API's own 400 body. */
export type Errors = { [parameter: string]: string[] };

/** What is wrong with a list request; under `filters`, what is wrong with each query inside of it. */
export type ListErrors = { [parameter: string]: string[] | Errors };

/** A row that can't be used: the first one that was found. Nothing of what came with it is kept. */
export interface BadRow {
  /** The resource it was read as, `commits` for one. */
  resource: string;
  /** How many rows came before it; `null` where there are no rows at all. */
  index: number | null;
  /** The field it is about; `null` where the whole row is no object. */
  field: string | null;
  /** What is wrong. */
  error: string;
}

/** Why there is no value. `message` is for people; programs look at `kind`. */
export type Failure =
  /** A parameter is not valid; told before anything is sent or looked through. */
  | { kind: "request"; message: string; errors: ListErrors }
  /** A row can't be used. */
  | { kind: "row"; message: string; row: BadRow }
  /** There is no such resource or object. */
  | { kind: "not-found"; message: string }
  /** A list was asked of a table that keeps no rows, or of a module without lists. */
  | { kind: "no-lists"; message: string }
  /** The table was freed. */
  | { kind: "freed"; message: string }
  /** It is more than wasm's memory of 4 GB holds. What was in the table before may be lost, and it is freed. */
  | { kind: "memory"; message: string }
  /** The server refused the key (401). */
  | { kind: "key"; message: string; status: 401 }
  /** The key may not read this (403). */
  | { kind: "permission"; message: string; status: 403 }
  /** Too many requests (429), and no more retries; `retryAfter` is in seconds. */
  | { kind: "throttled"; message: string; status: 429; retryAfter: number | null }
  /** The server failed (5xx), and no more retries. */
  | { kind: "server"; message: string; status: number }
  /** The server did not answer, or broke off. */
  | { kind: "network"; message: string }
  /** The caller's signal ended it. */
  | { kind: "aborted"; message: string }
  /** The Web Worker that holds the table has failed. */
  | { kind: "worker"; message: string }
  /** The server answered, and not as the API does. */
  | { kind: "unexpected"; message: string; status: number };

/** A value, or why there is none. */
export type Outcome<Value> = { ok: true; value: Value } | { ok: false; error: Failure };

export const done = <Value>(value: Value): Outcome<Value> => ({ ok: true, value });
export const failed = <Kind extends Failure["kind"]>(
  kind: Kind,
  message: string,
  more?: Omit<Extract<Failure, { kind: Kind }>, "kind" | "message">,
): { ok: false; error: Failure } => ({ ok: false, error: { kind, message, ...more } as unknown as Failure });
export const brokeOff = (error: unknown) => failed("network", `The text broke off: ${String(error)}`);
/** What is answered where a table was. */
export const freed = () => failed("freed", "The table was freed.");

/** Why there are no rows in a response that a server refuses or fails with. */
export const unanswered = (source: unknown): { ok: false; error: Failure } | undefined =>
  source instanceof Response && !source.ok
    ? failed("unexpected", `The server answered ${source.status}, without rows.`, { status: source.status })
    : undefined;

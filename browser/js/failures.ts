/** Failures of the WebAssembly module and of the checks before it. */
import { failed, type BadRow, type Failed, type ListErrors } from "./results.ts";

/** An error that the module throws (`browser/src/messages.rs`). */
type ModuleError =
  | { kind: "request"; errors: ListErrors }
  | { kind: "row"; row: BadRow }
  | { kind: "not-found" | "invalid-page" | "no-lists" | "too-many-cells" };

/** Reports a row that cannot be handed to the module. */
export class BadRowError extends Error {
  constructor(readonly row: BadRow) {
    super(row.error);
  }
}

/** Reports a call before `init`. */
export class NotStartedError extends Error {
  constructor() {
    super("The WebAssembly module is not started: call await init() first.");
  }
}

/** Converts an exception to a failure. Throws exceptions of unknown origin again. */
export function toFailure(error: unknown): Failed {
  if (error instanceof BadRowError) return badRow(error.row);
  if (error instanceof RangeError) return failed("memory", error.message);
  // An argument is invalid.
  if (error instanceof TypeError) return failed("usage", error.message);
  if (error instanceof NotStartedError) return failed("not-started", error.message);
  // The module traps only if it runs out of memory.
  if (error instanceof WebAssembly.RuntimeError)
    return failed("memory", "The rows need more than the 4 GB of memory of WebAssembly. All rows are lost.");
  if (!isModuleError(error)) throw error;
  switch (error.kind) {
    case "request":
      return failed("request", describeErrors(error.errors), { errors: error.errors });
    case "row":
      return badRow(error.row);
    case "not-found":
      return failed("not-found", "Not found.");
    case "invalid-page":
      return failed("not-found", "Invalid page.");
    case "no-lists":
      return failed("no-lists", 'Lists require new Table({ lists: true }) and the init of "streamgage/lists".');
    case "too-many-cells":
      return failed("memory", "The columns have too many users and weeks: more than 2^28 pairs of both.");
  }
}

const isModuleError = (error: unknown): error is ModuleError =>
  typeof error === "object" && error !== null && !(error instanceof Error) && "kind" in error;

function badRow(row: BadRow): Failed {
  const place = (row.index === null ? "" : `[${row.index}]`) + (row.field === null ? "" : `.${row.field}`);
  return failed("row", `${row.resource}${place}: ${row.error}`, { row });
}

/** Returns the messages of a 400 response in one line. */
export const describeErrors = (errors: ListErrors): string =>
  Object.entries(errors)
    .map(([name, messages]) => `${name}: ${Array.isArray(messages) ? messages.join(" ") : describeErrors(messages)}`)
    .join(" ");

// The published table of results.

/** A test must pass (required), passes in a good cache (optimal), or records a behavior (check). */
export type Kind = "required" | "optimal" | "check";
/** The outcome of a test. `message` is absent if the test passed. */
export type Result = { id: string; name: string; group: string; kind: Kind; message?: string };

/** The reason for the failure of tests. `*` stands for any part of an id. */
export type Reason = { reason: string; tests: string[] };

/** Returns the failed tests, except those that only record a behavior. */
export const failures = (results: Result[]): Result[] =>
  results.filter(({ kind, message }) => kind !== "check" && message !== undefined);

export const withReason = ({ id }: Result, reasons: Reason[]): Reason | undefined =>
  reasons.find(({ tests }) => tests.some((test) => new RegExp(`^${test.replaceAll("*", ".*")}$`).test(id)));

const START = "<!-- results -->";

/** Returns the text of the README with the tables of the given results. */
export function report(readme: string, results: Result[], reasons: Reason[]): string {
  const groups = [...new Set(results.map(({ group }) => group))];
  const count = (kind: Kind, group?: string) => {
    const all = results.filter((result) => result.kind === kind && (group === undefined || result.group === group));
    return all.length === 0 ? "" : `${all.filter(({ message }) => message === undefined).length} of ${all.length}`;
  };
  const row = (...cells: string[]) => `| ${cells.join(" | ")} |`;
  const counts = (group?: string) => [count("required", group), count("optimal", group), count("check", group)];
  const failed = failures(results);
  const ids = (reason: Reason | undefined, kind: Kind) =>
    failed
      .filter((result) => result.kind === kind && withReason(result, reasons) === reason)
      .map(({ id }) => `\`${id}\``)
      .join(", ");
  const table = [
    row("group", "required", "optimal", "check"),
    "|---|---|---|---|",
    ...groups.map((group) => row(group, ...counts(group))),
    row("**all**", ...counts()),
    "",
    row("reason", "required tests that fail", "optimal tests that fail"),
    "|---|---|---|",
    ...reasons.map((reason) => row(reason.reason, ids(reason, "required"), ids(reason, "optimal"))),
  ];
  return `${readme.slice(0, readme.indexOf(START) + START.length)}\n\n${table.join("\n")}\n`;
}

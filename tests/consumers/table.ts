// The table of tools in the documents of the package.

export interface Row {
  name: string;
  tested: string;
  versions: string[];
}

const START = "<!-- Written by `npm run consumers`. -->";
const END = "<!-- End of the table. -->";

/** Returns the table in Markdown. */
export const table = (rows: Row[]): string =>
  [
    "| tool | versions | tested |",
    "|---|---|---|",
    ...rows.map(({ name, tested, versions }) => `| ${name} | ${versions.join(", ")} | ${tested} |`),
  ].join("\n");

/** Replaces the table between its marks. */
export function replaceTable(document: string, text: string): string {
  const [start, end] = [document.indexOf(START), document.indexOf(END)];
  if (start < 0 || end < start) throw new Error("the document has no marks for the table");
  return `${document.slice(0, start)}${START}\n\n${text}\n\n${document.slice(end)}`;
}

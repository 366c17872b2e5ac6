/** Returns the code blocks of a document in Markdown, with the file that a comment before them names. */
export const codeBlocks = (document: string): { file: string | undefined; code: string }[] =>
  [...document.matchAll(/^(?:<!-- (\S+) -->\n\n)?```\w+\n(.*?)^```$/gms)].map(([, file, code = ""]) => ({
    file,
    code,
  }));

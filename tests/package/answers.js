// Shared by all consumers: fills a table from text and returns its responses to some requests, one line each, in the
// format of `streamgage query`.

/**
 * @param {Pick<typeof import("streamgage"), "Table">} streamgage
 * @param {{ rows: Record<string, string>, requests: string[], today: string, origin: string }} corpus
 */
export function answers({ Table }, { rows, requests, today, origin }) {
  const table = new Table({ lists: true });
  const value = (outcome) => {
    if (!outcome.ok) throw new Error(outcome.error.message);
    return outcome.value;
  };
  try {
    for (const [resource, text] of Object.entries(rows)) value(table.add(resource, text));
    return requests.map((request) => {
      const { status, body } = value(table.answer(origin + request, { today }));
      return `{"status":${status},"body":${body || "null"}}`;
    });
  } finally {
    table.free();
  }
}

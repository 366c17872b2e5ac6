/** The query, checked by the same core that the server runs, before anything is sent. */
import init, { type Errors, validateMetricsQuery } from "streamgage";

const loaded = init().then(
  () => true,
  // Where WebAssembly is switched off the server still validates; only later.
  () => false,
);

export async function validate(query: string, today: string): Promise<Errors> {
  if (!(await loaded)) return {};
  const verdict = validateMetricsQuery(query, today);
  return verdict.ok ? {} : verdict.errors;
}

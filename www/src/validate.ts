/** Validates a query with the server's own core before it is sent. */
import init, { type Errors, validateMetrics } from "streamgage";

const loaded = init().then(
  () => true,
  // Without WebAssembly only the server validates.
  () => false,
);

export async function validate(query: string, today: string): Promise<Errors> {
  if (!(await loaded)) return {};
  const result = validateMetrics(query, { today });
  return !result.ok && result.error.kind === "request" ? (result.error.errors as Errors) : {};
}

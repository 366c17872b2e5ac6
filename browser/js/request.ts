/** Requests as the WebAssembly module takes them. */
import { queryString, textOf, utcToday, type MetricsParameters, type Query } from "./queries.ts";
import type { Day } from "./rows.ts";

/** A request for a path of the API. */
export interface ApiRequest {
  path: string;
  query: string;
  /** The UTC date that counts as today. */
  today: string;
  /** The origin that links to other pages start with. */
  origin: string;
}

/** A response, with its body as the API sends it. */
export interface ApiResponse {
  status: number;
  body: string;
}

/** Options of a request. */
export interface Asked {
  /** The day that counts as today, `YYYY-MM-DD`. Default: today in UTC. */
  today?: Day;
}

export const apiRequest = (
  path: string,
  query: Query<MetricsParameters> | Query,
  { today = utcToday() }: Asked = {},
  origin = "",
): ApiRequest => ({ path, query: queryString(query), today: textOf(today), origin });

/** The exports of every entry of the package. The entries differ in how `init` finds the WebAssembly module. */
export { createClient } from "./client.ts";
export type { Client, ClientOptions, Fetching, Loading, Progress, RequestOptions } from "./client.ts";
export { metricsColumnsOf, metricsOf } from "./columns.ts";
export type { CommitColumns, MetricsRange, NumberColumn } from "./columns.ts";
export { initSync } from "./init.ts";
export type { Init, Source } from "./init.ts";
export { queryString } from "./queries.ts";
export type { ListParameters, MetricsParameters, ParameterValue, Query } from "./queries.ts";
export type { Asked } from "./request.ts";
export type { Added, BadRow, Errors, Failure, ListErrors, Outcome } from "./results.ts";
export type { Rows, Stream } from "./row-text.ts";
export type * from "./rows.ts";
export { Table } from "./table.ts";
export type { LoadOptions } from "./table.ts";
export { validateList, validateMetrics } from "./validate.ts";

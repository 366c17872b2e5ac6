/** Validation of parameters, without rows. */
import { toFailure } from "./failures.ts";
import { bindings } from "./instance.ts";
import { listPath, METRICS, utcToday, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type ApiRequest } from "./request.ts";
import { done, type Failed, type Outcome } from "./results.ts";
import type { Day, ResourceName } from "./rows.ts";

/** Validates the parameters of the metrics as the API does (§1). */
export function validateMetrics(query: Query<MetricsParameters>, today: Day = utcToday()): Outcome<void> {
  return validateRequest(apiRequest(METRICS, query, { today })) ?? done(undefined);
}

/** Validates the parameters of a list as the API does (§2). */
export function validateList(resource: ResourceName | "commits.agg", query: Query): Outcome<void> {
  return validateRequest(apiRequest(listPath(resource), query)) ?? done(undefined);
}

/** Returns the failure of an invalid request. */
export function validateRequest(request: ApiRequest): Failed | undefined {
  try {
    bindings().validate(request);
    return undefined;
  } catch (error) {
    return toFailure(error);
  }
}

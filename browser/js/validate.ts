/** Validation of parameters, without rows. */
import { toFailure } from "./failures.ts";
import { bindings } from "./instance.ts";
import { checkQuery, withIgnored } from "./parameters.ts";
import { listPath, METRICS, utcToday, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type ApiRequest } from "./request.ts";
import { done, type Failed, type Outcome } from "./results.ts";
import type { Day, ResourceName } from "./rows.ts";

/** Validates the parameters of the metrics as the API does (§1). */
export function validateMetrics(query: Query<MetricsParameters>, today: Day = utcToday()): Outcome<void> {
  return validateQuery(METRICS, query, today);
}

/** Validates the parameters of a list as the API does (§2). */
export function validateList(resource: ResourceName | "commits.agg", query: Query): Outcome<void> {
  return validateQuery(listPath(resource), query);
}

function validateQuery(path: string, query: Query<MetricsParameters> | Query, today?: Day): Outcome<void> {
  const checked = checkQuery(path, query);
  if (!checked.ok) return checked;
  const options = today === undefined ? {} : { today };
  return validateRequest(apiRequest(path, query, options)) ?? withIgnored(done(undefined), checked.value);
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

/** Validation of parameters, without rows. */
import { toFailure } from "./failures.ts";
import { bindings } from "./instance.ts";
import { checkOptions } from "./options.ts";
import { checkQuery, withIgnored } from "./parameters.ts";
import { listPath, METRICS, type MetricsParameters, type Query } from "./queries.ts";
import { apiRequest, type ApiRequest, type Asked } from "./request.ts";
import { done, type Failed, type Outcome } from "./results.ts";
import type { ResourceName } from "./rows.ts";

/** Validates the parameters of the metrics as the API does (§1). */
export function validateMetrics(query: Query<MetricsParameters>, options: Asked = {}): Outcome<void> {
  return checkOptions(options, ["today"]) ?? validateQuery(METRICS, query, options);
}

/** Validates the parameters of a list as the API does (§2). */
export function validateList(resource: ResourceName | "commits.agg", query: Query): Outcome<void> {
  return validateQuery(listPath(resource), query);
}

function validateQuery(path: string, query: Query<MetricsParameters> | Query, options: Asked = {}): Outcome<void> {
  const checked = checkQuery(path, query);
  if (!checked.ok) return checked;
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

/** The state of the dashboard: the API's parameters, as shown in the form, the address bar and the request. */
import { presets } from "./dates";

/** The parameters in the API's order. */
export const FIELDS = [
  "start_date",
  "end_date",
  "include_nested_teams",
  "resolution",
  "apex_user_id",
  "team_id",
  "repo_name",
] as const;

export type Field = (typeof FIELDS)[number];
export type View = Record<Field, string>;

/** Parses the query string of the page. Values are not validated here. */
export function readView(search: string, today: string): View {
  const parameters = new URLSearchParams(search);
  const view = Object.fromEntries(FIELDS.map((field) => [field, parameters.get(field) ?? ""])) as View;
  if (!parameters.has("resolution")) view.resolution = "week";
  if (!parameters.has("start_date") && !parameters.has("end_date")) {
    const { start, end } = presets(today)[1]!;
    Object.assign(view, { start_date: start, end_date: end });
  }
  return view;
}

/** Returns the query string of a request. `include_nested_teams` is omitted without a team. */
export function queryString(view: View): string {
  const query = new URLSearchParams();
  for (const field of FIELDS) {
    if (view[field] === "" || (field === "include_nested_teams" && view.team_id === "")) continue;
    query.set(field, view[field]);
  }
  return query.toString();
}

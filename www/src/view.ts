/** What the page shows, as the API's own parameters: in the form, in the address bar, in the request. */
import { presets } from "./dates";

/** In the API's order. */
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

/** Values are kept as they are, right or wrong: the validator has the say. */
export function readView(search: string, today: string): View {
  const given = new URLSearchParams(search);
  const view = Object.fromEntries(FIELDS.map((field) => [field, given.get(field) ?? ""])) as View;
  if (!given.has("resolution")) view.resolution = "week";
  if (!given.has("start_date") && !given.has("end_date")) {
    const { start, end } = presets(today)[1]!;
    Object.assign(view, { start_date: start, end_date: end });
  }
  return view;
}

/** The query string of a request. Nested teams mean nothing without a team. */
export function queryString(view: View): string {
  const query = new URLSearchParams();
  for (const field of FIELDS) {
    if (view[field] === "" || (field === "include_nested_teams" && view.team_id === "")) continue;
    query.set(field, view[field]);
  }
  return query.toString();
}

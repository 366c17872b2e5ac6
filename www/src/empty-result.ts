/** The panel for a range without commits: states the filters and offers buttons that widen them. */
import { element, create } from "./dom";
import { presets, type Range } from "./dates";
import type { View } from "./view";

export interface Names {
  team: string;
  user: string;
}

export function showEmptyResult(
  view: View,
  names: Names,
  range: Range,
  today: string,
  onChange: (values: Partial<View>) => void,
): void {
  const subject = [
    view.team_id && `team ${names.team}`,
    view.apex_user_id && `user ${names.user}`,
    view.repo_name && `repositories with “${view.repo_name.trim()}” in their name`,
  ].filter(Boolean);
  element("empty-text").textContent =
    `There are no commits from ${range.start} to ${range.end}` +
    `${subject.length > 0 ? ` for ${subject.join(", ")}` : ""}. Merges, outliers and duplicates are excluded.`;

  const year = presets(today).find(({ label }) => label === "Last year")!;
  const suggestions: [boolean, string, Partial<View>][] = [
    [
      view.team_id !== "" && view.include_nested_teams !== "true",
      "Include nested teams",
      { include_nested_teams: "true" },
    ],
    [view.team_id !== "", "All teams", { team_id: "", include_nested_teams: "" }],
    [view.apex_user_id !== "", "All users", { apex_user_id: "" }],
    [view.repo_name !== "", "All repositories", { repo_name: "" }],
    [range.start > year.start, "Last year", { start_date: year.start, end_date: year.end }],
  ];
  element("empty-actions").replaceChildren(
    ...suggestions
      .filter(([applies]) => applies)
      .map(([, label, values]) => {
        const button = create("button", "quiet", label);
        button.type = "button";
        button.addEventListener("click", () => onChange(values));
        return button;
      }),
  );
}

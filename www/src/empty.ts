/** No commits: says what was asked for, and offers ways to ask for more. */
import { element, make } from "./dom";
import { presets, type Range } from "./dates";
import type { View } from "./view";

export interface Names {
  team: string;
  user: string;
}

export function showEmpty(
  view: View,
  names: Names,
  range: Range,
  today: string,
  change: (values: Partial<View>) => void,
): void {
  const subject = [
    view.team_id && `team ${names.team}`,
    view.apex_user_id && `user ${names.user}`,
    view.repo_name && `repositories with “${view.repo_name.trim()}” in their name`,
  ].filter(Boolean);
  element("empty-text").textContent =
    `Nothing was committed from ${range.start} to ${range.end}` +
    `${subject.length > 0 ? ` for ${subject.join(", ")}` : ""}. Merges, outliers and duplicates are not counted.`;

  const year = presets(today).find(({ label }) => label === "Last year")!;
  const ways: [boolean, string, Partial<View>][] = [
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
  element("empty-ways").replaceChildren(
    ...ways
      .filter(([offered]) => offered)
      .map(([, label, values]) => {
        const button = make("button", "quiet", label);
        button.type = "button";
        button.addEventListener("click", () => change(values));
        return button;
      }),
  );
}

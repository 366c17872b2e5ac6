/** Lists teams in tree order: every team follows its parent. */
import type { Team } from "./api";

interface NestedTeam {
  team: Team;
  level: number;
}

function inTreeOrder(teams: Team[]): NestedTeam[] {
  const ids = new Set(teams.map(({ id }) => id));
  const children = new Map<number | null, Team[]>();
  for (const team of [...teams].sort((a, b) => a.name.localeCompare(b.name))) {
    // A team whose parent this key cannot see is a root.
    const parent = team.parent !== null && ids.has(team.parent) ? team.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), team]);
  }
  const list: NestedTeam[] = [];
  const add = (parent: number | null, level: number) => {
    for (const team of children.get(parent) ?? []) {
      list.push({ team, level });
      add(team.id, level + 1);
    }
  };
  add(null, 0);
  return list;
}

/** Options cannot be nested, so em spaces, which do not collapse, show the depth. */
export function teamOptions(teams: Team[]): HTMLOptionElement[] {
  return inTreeOrder(teams).map(({ team, level }) => new Option("\u2003".repeat(level) + team.name, String(team.id)));
}

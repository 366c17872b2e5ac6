/** The teams as one list, each below the team it is in. */
import type { Team } from "./api";

export interface Nested {
  team: Team;
  level: number;
}

export function tree(teams: Team[]): Nested[] {
  const known = new Set(teams.map(({ id }) => id));
  const children = new Map<number | null, Team[]>();
  for (const team of [...teams].sort((a, b) => a.name.localeCompare(b.name))) {
    // A team whose parent this key can't see stands at the top.
    const parent = team.parent !== null && known.has(team.parent) ? team.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), team]);
  }
  const list: Nested[] = [];
  const add = (parent: number | null, level: number) => {
    for (const team of children.get(parent) ?? []) {
      list.push({ team, level });
      add(team.id, level + 1);
    }
  };
  add(null, 0);
  return list;
}

/** Options of a select can't be nested, so depth is shown by spaces that don't collapse. */
export function teamOptions(teams: Team[]): HTMLOptionElement[] {
  return tree(teams).map(({ team, level }) => new Option("\u2003".repeat(level) + team.name, String(team.id)));
}

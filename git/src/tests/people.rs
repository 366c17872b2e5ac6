//! Users, aliases, teams and bots in the dump.

use super::support::{ADA, BOB, DAY, Repo, START, dump, dump_with};
use serde_json::Value;

fn repo() -> Repo {
    let repo = Repo::new();
    for (number, author) in [
        ADA,
        BOB,
        "Ada L <ada@old.org>",
        "renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>",
        "Eve <eve@x.org>",
    ]
    .into_iter()
    .enumerate()
    {
        repo.write("a.txt", format!("{number}\n"));
        repo.commit(author, START + number as i64 * DAY, "change\n\nCo-authored-by: Claude <noreply@anthropic.com>");
    }
    repo
}

const PEOPLE: &str = r#"
[[user]]
name = "Ada Lovelace"
email = "ada@example.org"
aliases = ["ada@old.org"]
[[user]]
email = "bob@example.org"
excluded = true
[[team]]
name = "All"
[[team]]
name = "Core"
parent = "All"
members = ["ada@example.org", "nobody@example.org"]
"#;

#[test]
fn the_people_file_makes_users_and_nested_teams() {
    let repo = repo();
    let dump = dump_with(&repo, |options| options.people = Some(PEOPLE.to_owned()));
    let users = dump.rows("users");
    assert_eq!(
        users.iter().map(|user| user["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["Ada Lovelace", "Bob", "renovate[bot]", "Eve"]
    );
    assert_eq!(
        users.iter().map(|user| user["hidden_from_reports"] == true).collect::<Vec<_>>(),
        [false, true, true, false]
    );
    assert_eq!(users[0]["alias_count"], 2);
    assert_eq!(users[0]["first_activity_at"], "2024-01-01T00:00:00");
    let teams = dump.rows("teams");
    assert_eq!((&teams[1]["path"], &teams[1]["parent"]), (&Value::from("1.2"), &Value::from(1)));
    let memberships = dump.rows("team_membership");
    assert_eq!(memberships.len(), 1);
    assert_eq!((&memberships[0]["team_id"], &memberships[0]["apex_user_id"]), (&Value::from(2), &Value::from(1)));
    let aliases = dump.rows("user_alias");
    assert_eq!(
        aliases.iter().map(|alias| alias["apex_user_id"].as_u64().unwrap()).collect::<Vec<_>>(),
        [1, 2, 1, 3, 4]
    );
    let people = &dump.report.people;
    assert_eq!(people.unknown, ["Eve <eve@x.org>"]);
    assert_eq!((people.bots.len(), people.excluded.len(), people.persons), (1, 1, 4));
    assert_eq!(dump.report.repositories[0].assisted, 5);
}

#[test]
fn bots_are_shown_on_request() {
    let repo = repo();
    let hidden = |include_bots| {
        let dump = dump_with(&repo, |options| options.include_bots = include_bots);
        dump.rows("users").iter().filter(|user| user["hidden_from_reports"] == true).count()
    };
    assert_eq!((hidden(false), hidden(true)), (1, 0));
}

#[test]
fn the_mailmap_joins_unless_it_is_not_wanted() {
    let repo = repo();
    repo.write(".mailmap", "Ada Lovelace <ada@example.org> <ada@old.org>\n");
    repo.commit(ADA, START + 9 * DAY, "mailmap");
    let joined = dump(&repo);
    assert_eq!(joined.report.people.persons, 4);
    assert_eq!(joined.rows("users")[0]["email"], "ada@example.org");
    assert_eq!(dump_with(&repo, |options| options.join_people = false).report.people.persons, 5);
}

#[test]
fn pseudonyms_leave_no_trace_of_names() {
    let repo = repo();
    let options = |options: &mut crate::Options| {
        options.pseudonyms = true;
        options.people = Some(PEOPLE.to_owned());
    };
    let first = dump_with(&repo, options);
    for (name, text) in first.files() {
        for secret in ["Ada", "ada@", "Bob", "bob@", "Eve", "old.org", "Lovelace"] {
            assert!(!text.contains(secret), "{name} contains {secret}");
        }
    }
    assert_eq!(first.rows("users")[0]["name"], "User 1");
    assert_eq!(first.rows("commits")[0]["message"], Value::Null);
    // The numbers stay, even without the state.
    repo.write("b.txt", "b\n");
    repo.commit("Zoe <zoe@x.org>", START + 9 * DAY, "zoe");
    let second = dump_with(&repo, |changed| {
        options(changed);
        changed.previous = Some(first.folder.clone());
    });
    assert_eq!(second.rows("commits")[..5], first.rows("commits")[..]);
    assert_eq!(second.rows("users").len(), 5);
}

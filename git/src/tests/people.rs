//! Users, aliases, teams and bots in the dump.

use super::support::{ADA, BOB, DAY, Dump, Repo, START, assert_same_files, dump, dump_with};
use crate::PeopleText;
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
    let dump = dump_with(&repo, |options| options.people = Some(PeopleText::Toml(PEOPLE.to_owned())));
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
        options.people = Some(PeopleText::Toml(PEOPLE.to_owned()));
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

#[test]
fn co_authors_get_rows_of_their_own_on_request() {
    let repo = Repo::new();
    let commit = |number: i64, trailers: &str| {
        repo.write("a.txt", (0..=number).map(|line| format!("{line}\n")).collect::<String>());
        repo.commit(ADA, START + number * DAY, &format!("change\n\n{trailers}"))
    };
    let alone = commit(0, "Co-authored-by: Ada <ada@example.org>");
    let pair = "Co-authored-by: Bob <bob@example.org>\nCo-authored-by: Bob <BOB@example.org>";
    let both = commit(1, &format!("{pair}\nCo-authored-by: Claude <noreply@anthropic.com>"));
    let with = |options: &mut crate::Options| options.co_authors = true;
    let default = dump(&repo);
    assert_eq!((default.rows("commits").len(), default.rows("users").len()), (2, 1));
    let first = dump_with(&repo, with);
    let rows = |dump: &Dump| {
        let number = |row: &Value, name: &str| row[name].as_u64().unwrap();
        let rows = dump.rows("commits");
        let live = rows.iter().filter(|row| row.get("_deleted").is_none());
        live.map(|row| (number(row, "id"), row["hexsha"].as_str().unwrap().to_owned(), number(row, "apex_user_id")))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&first), [(1, alone.clone(), 1), (2, both.clone(), 1), (3, both.clone(), 2)]);
    let [author, other] = [1, 2].map(|index| first.rows("commits")[index].clone());
    assert_eq!((&author["haloc"], &author["message"]), (&other["haloc"], &other["message"]));
    assert_ne!(author["ignore_hash"], other["ignore_hash"], "a duplicate does not count");
    assert_eq!(first.rows("users")[1]["email"], "bob@example.org");
    let report = &first.report.repositories[0];
    assert_eq!((report.commits, report.new_work, report.co_author_credits), (2, 2, 1));
    // Later runs keep the numbers, with and without the state, and give the same as a run over everything.
    let last = commit(2, "Co-authored-by: Eve <eve@example.org>");
    for keep_state in [true, false] {
        let second = dump_with(&repo, |options| {
            with(options);
            options.previous = Some(first.folder.clone());
            if keep_state {
                std::fs::copy(&first.state, &options.state).unwrap();
            }
        });
        assert_eq!(rows(&second)[..3], rows(&first)[..]);
        assert_eq!(rows(&second)[3..], [(4, last.clone(), 1), (5, last.clone(), 3)]);
        assert_same_files(&second.files(), &dump_with(&repo, with).files());
    }
    let without = dump_with(&repo, |options| options.previous = Some(first.folder.clone()));
    assert_eq!(without.rows("commits")[2], serde_json::json!({ "id": 3, "_deleted": true }));
}

#[test]
fn the_owners_of_most_lines_of_a_person_are_their_teams() {
    let repo = Repo::new();
    let lines = |count: usize| "line\n".repeat(count);
    repo.write("docs/CODEOWNERS", "* @acme/none\n");
    repo.write(".github/CODEOWNERS", "/web/ @acme/web @acme/front\n/core/ @acme/core\n/free/\n!x @acme/x\n");
    repo.write("web/a.js", lines(9));
    repo.write("core/a.rs", lines(5));
    repo.write("core/Cargo.lock", lines(50));
    repo.commit(ADA, START, "web");
    repo.write("core/b.rs", lines(3));
    repo.write("free/b.rs", lines(30));
    repo.commit(BOB, START + DAY, "core");
    repo.write("web/c.js", lines(3));
    repo.commit("renovate[bot] <bot@renovateapp.com>", START + 2 * DAY, "update");
    let people = "email,teams\nada@example.org,acme/core\n";
    let with = |options: &mut crate::Options| {
        options.teams_from_codeowners = true;
        options.people = Some(PeopleText::Csv(people.to_owned()));
    };
    let first = dump_with(&repo, with);
    let members = |dump: &Dump| {
        let name = |team: &Value| {
            let team = dump.rows("teams").into_iter().find(|row| row["id"] == *team).unwrap();
            team["name"].as_str().unwrap().to_owned()
        };
        let rows = dump.rows("team_membership");
        let live = rows.iter().filter(|row| row.get("_deleted").is_none());
        let mut members: Vec<_> =
            live.map(|row| (name(&row["team_id"]), row["apex_user_id"].as_u64().unwrap())).collect();
        members.sort();
        members
    };
    let expected =
        |members: &[(&str, u64)]| members.iter().map(|(team, user)| ((*team).to_owned(), *user)).collect::<Vec<_>>();
    assert_eq!(
        members(&first),
        expected(&[("acme/core", 1), ("acme/core", 2), ("acme/front", 1), ("acme/web", 1)]),
        "one user by the people file, the others by their lines"
    );
    assert_eq!(first.report.problems, ["app: CODEOWNERS: this line cannot be used: !x @acme/x"]);
    assert!(!dump(&repo).files().contains_key("teams.ndjson"));
    // A tip whose line origins are not kept.
    let tip = repo.head();
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repo.write("web/d.js", lines(9));
    repo.commit(BOB, START + 3 * DAY, "web");
    repo.git(&["branch", "old", &tip]);
    let update = |previous: &Dump| {
        dump_with(&repo, |options| {
            with(options);
            options.previous = Some(previous.folder.clone());
            std::fs::copy(&previous.state, &options.state).unwrap();
        })
    };
    let second = update(&first);
    assert!(members(&second).contains(&("acme/web".to_owned(), 2)), "{:?}", members(&second));
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    assert_eq!(members(&update(&second)), members(&first));
}

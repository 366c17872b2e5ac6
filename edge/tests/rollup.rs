//! The rollup and the statements that read it, compared with the core's metrics of the same rows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod store;

use proptest::prelude::*;
use store::{METRICS, Store, request};
use streamgage::calendar::Day;
use streamgage::metrics::Organization;
use streamgage::query::MetricsRequest;
use streamgage::schema::RESOURCES;

/// An import of rows of a resource.
#[derive(Clone, Debug)]
struct ImportedRows {
    resource: &'static str,
    rows: Vec<String>,
}

fn import_of(resource: &'static str, row: impl Strategy<Value = String> + 'static) -> BoxedStrategy<ImportedRows> {
    // Some ids appear twice in an import, some are deleted, and some are stored again later.
    let row = prop_oneof![8 => row.boxed(), 1 => (0i64..12).prop_map(|id| format!(r#"{{"id":{id},"_deleted":true}}"#))];
    proptest::collection::vec(row, 1..10).prop_map(move |rows| ImportedRows { resource, rows }).boxed()
}

fn optional(value: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    prop_oneof![3 => value.boxed(), 1 => Just("null".to_owned())].boxed()
}

fn commit() -> impl Strategy<Value = String> {
    let keys = (0i64..12, 0i64..4, 0i64..4, 0i64..40, -720i64..840);
    let hash = optional((0i64..4).prop_map(|hash| format!("\"{}\"", ["", "a", "'", "é\\n\\u0000"][hash as usize])));
    let rules = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1), hash);
    let line = || optional(prop_oneof![0i64..99, Just(9_007_199_254_740_991)].prop_map(|lines| lines.to_string()));
    let impact = optional(prop_oneof![
        (0i64..99_999).prop_map(|impact| format!("{}.{:04}", impact / 10_000, impact % 10_000)),
        Just("900719925474.0991".to_owned()),
    ]);
    (keys, rules, line(), line(), impact).prop_map(|((id, user, repo, hours, offset), rules, haloc, churn, impact)| {
        let (merge, orphan, outlier, hash) = rules;
        let date = Day::from_number(20_600 + (hours / 4) as i32);
        format!(
            r#"{{"id":{id},"apex_user_id":{user},"repo_id":{repo},"author_date":"{date}T{:02}:30:00","author_tzoffset":{},"is_merge":{merge},"is_pr_orphan":{orphan},"outlier_reason":{},"ignore_hash":{hash},"haloc":{haloc},"new_work":{haloc},"churn":{churn},"impact":{impact}}}"#,
            hours % 4 * 6,
            offset * 60,
            if outlier { "1" } else { "null" },
        )
    })
}

fn imports() -> impl Strategy<Value = Vec<ImportedRows>> {
    let id = || 0i64..4;
    let flag = || prop_oneof![Just("true"), Just("false"), Just("null")];
    let import = prop_oneof![
        6 => import_of("commits", commit()),
        1 => import_of("users", (id(), flag()).prop_map(|(id, hidden)| format!(r#"{{"id":{id},"hidden_from_reports":{hidden}}}"#))),
        1 => import_of("repos", (id(), flag(), 0usize..4, proptest::collection::vec(0i64..4, 0..3)).prop_map(|(id, blocked, name, tags)| {
            let name = ["\"tokio\"", "\"Übung\"", "null", "\"a'b_%\""][name];
            format!(r#"{{"id":{id},"blocked":{blocked},"name":{name},"tags":{tags:?}}}"#)
        })),
        1 => import_of("teams", (id(), optional(id().prop_map(|id| id.to_string()))).prop_map(|(id, parent)| format!(r#"{{"id":{id},"parent":{parent}}}"#))),
        1 => import_of("team_membership", (0i64..9, id(), id(), prop::bool::weighted(0.8)).prop_map(|(id, user, team, contributor)| {
            let kind = if contributor { "contributor" } else { "viewer" };
            format!(r#"{{"id":{id},"apex_user_id":{user},"team_id":{team},"membership_type":"{kind}"}}"#)
        })),
    ];
    proptest::collection::vec(import, 1..12)
}

fn query() -> impl Strategy<Value = String> {
    let ids = || {
        proptest::collection::vec(0i64..5, 0..3)
            .prop_map(|ids| ids.iter().map(|id| format!("{id},")).collect::<String>() + ",")
    };
    let one = || (0i64..5).prop_map(|id| id.to_string());
    let filter = prop_oneof![
        one().prop_map(|id| format!("apex_user_id={id}")),
        ids().prop_map(|ids| format!("apex_user_id__in={ids}")),
        one().prop_map(|id| format!("team_id={id}")),
        ids().prop_map(|ids| format!("team_id__in={ids}")),
        Just("include_nested_teams=true".to_owned()),
        one().prop_map(|id| format!("repo_id={id}")),
        ids().prop_map(|ids| format!("repo_id__in={ids}")),
        ids().prop_map(|ids| format!("repo_id_not__in={ids}")),
        one().prop_map(|id| format!("repo_tag_id={id}")),
        ids().prop_map(|ids| format!("repo_tag_id__in={ids}")),
        (0usize..5).prop_map(|name| format!("repo_name={}", ["KIO", "übu", "_", "%25", "'"][name])),
    ];
    (proptest::collection::vec(filter, 0..4), prop::bool::ANY, 0i32..12, 0i32..12).prop_map(
        |(filters, week, from, days)| {
            let start = Day::from_number(20_598 + from);
            let end = Day::from_number(20_598 + from + days);
            let resolution = if week { "week" } else { "period" };
            format!("start_date={start}&end_date={end}&resolution={resolution}&{}", filters.join("&"))
        },
    )
}

/// Returns the core's organization of the same rows.
fn organization(imports: &[ImportedRows]) -> Organization {
    let mut organization = Organization::default();
    for (resource, row) in imports.iter().flat_map(|import| import.rows.iter().map(|row| (import.resource, row))) {
        let read = match resource {
            "commits" => organization.commits.read_text(row),
            "users" => organization.users.read_text(row),
            "repos" => organization.repos.read_text(row),
            "teams" => organization.teams.read_text(row),
            _ => organization.memberships.read_text(row),
        };
        read.unwrap();
    }
    organization
}

const CELLS: &str = "SELECT * FROM rollup ORDER BY day, apex_user_id, repo_id";
/// Counts by flag and duplicates: the maintained values, and the same calculated from commits.
const TALLY: &str = "SELECT * FROM commit_count WHERE count <> 0";
const DUPLICATES: &str = "SELECT id FROM commits WHERE is_duplicate ORDER BY id";
const NEW_WORK: &str = "SELECT * FROM new_work_count WHERE count <> 0 ORDER BY new_work";
const COUNTED_NEW_WORK: &str =
    "SELECT new_work, COUNT(*) FROM commits WHERE new_work IS NOT NULL GROUP BY 1 ORDER BY 1";
const DAYS: &str = "SELECT * FROM day_count WHERE count <> 0";
/// Of dates that are written as the index has them.
const COUNTED_DAYS: &str = "SELECT 'author_date', substr(author_date, 1, 10), COUNT(*) FROM commits WHERE author_date > '' GROUP BY 2 \
     UNION ALL SELECT 'author_local_date', substr(author_local_date, 1, 10), COUNT(*) FROM commits WHERE author_local_date > '' \
     GROUP BY 2";
const FOUND_TALLY: &str = "SELECT repo_id, apex_user_id, is_duplicate, coalesce(is_merge, 1), coalesce(is_pr_orphan, 1), \
     iif(outlier_reason IS NULL, 0, 1) AS is_outlier, coalesce(is_weekday, 0), COUNT(*), nullif(outlier_reason IS NOT NULL, 0) \
     FROM commits GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7";
const FOUND_DUPLICATES: &str = "SELECT id FROM commits AS t WHERE id > (SELECT MIN(id) FROM commits WHERE ignore_hash = t.ignore_hash) ORDER BY id";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any imports, changes and deletions, the rollup and the counts by flag are those of the remaining commits,
    /// imported in any order.
    #[test]
    fn the_rollup_depends_only_on_the_stored_commits(imports in imports()) {
        let store = Store::new();
        for import in &imports {
            let (rows, changed) = store.import(import.resource, &import.rows.join("\n"));
            prop_assert_eq!(rows, import.rows.len() as u64);
            prop_assert!(changed <= rows);
            // Repeating the import changes nothing.
            prop_assert_eq!(store.import(import.resource, &import.rows.join("\n")), (rows, 0));
        }
        prop_assert_eq!(store.rows(DUPLICATES), store.rows(FOUND_DUPLICATES));
        prop_assert_eq!(store.rows(TALLY), store.rows(FOUND_TALLY));
        prop_assert_eq!(store.rows(DAYS), store.rows(COUNTED_DAYS));
        prop_assert_eq!(store.rows(NEW_WORK), store.rows(COUNTED_NEW_WORK));
        let fresh = Store::new();
        // One at a time, in reverse order.
        for id in store.rows("SELECT id FROM commits ORDER BY id DESC") {
            let id = id.trim_matches(['[', ']']);
            fresh.import("commits", &store.get(&format!("/v3/customer/core/commits/{id}/")));
        }
        prop_assert_eq!(store.rows(CELLS), fresh.rows(CELLS));
        prop_assert_eq!(store.rows(TALLY), fresh.rows(TALLY));
        prop_assert_eq!(store.rows(DAYS), fresh.rows(DAYS));
        prop_assert_eq!(store.rows(NEW_WORK), fresh.rows(NEW_WORK));
        prop_assert_eq!(store.rows("SELECT * FROM scratch"), Vec::<String>::new());
    }

    #[test]
    fn metrics_agree_with_the_core(imports in imports(), queries in proptest::collection::vec(query(), 1..12)) {
        let store = Store::new();
        for import in &imports {
            store.import(import.resource, &import.rows.join("\n"));
        }
        let table = organization(&imports).table();
        let today = Day::parse("2026-09-01").unwrap();
        for query in queries {
            let answer = table.evaluate(&MetricsRequest::parse(&query, today).unwrap());
            prop_assert_eq!(store.get(&format!("{METRICS}?{query}")), serde_json::to_string(&answer).unwrap(), "{}", query);
        }
    }
}

#[test]
fn metrics_use_the_index_of_their_users() {
    let store = Store::new();
    let plan_of = |query: &str| {
        let range = "start_date=2026-05-01&end_date=2026-06-01&resolution=week";
        store.plans(&request("GET", &format!("{METRICS}?{range}{query}")), b"").concat()
    };
    for query in ["", "&repo_id=1", "&repo_tag_id=1&repo_name=x"] {
        let plan = plan_of(query);
        assert!(plan.contains("SEARCH rollup USING PRIMARY KEY (day>? AND day<?)"), "{plan}");
        assert!(!plan.contains("commits"), "{plan}");
    }
    for query in ["&apex_user_id=1", "&team_id=1", "&team_id__in=1,2&include_nested_teams=true&apex_user_id__in=1,2"] {
        let plan = plan_of(query);
        let index = "SEARCH rollup USING COVERING INDEX rollup_by_user (apex_user_id=? AND day>? AND day<?)";
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("commits"), "{plan}");
    }
}

#[test]
fn imports_scan_no_table() {
    let store = Store::new();
    for resource in RESOURCES {
        let request = request("POST", &format!("/import/{}", resource.name));
        for plan in store.plans(&request, b"{\"id\":1,\"_deleted\":true}") {
            for table in ["commits", "rollup", "old", "sibling", "first", resource.name] {
                assert!(plan.lines().all(|step| !step.starts_with(&format!("SCAN {table}"))), "{plan}");
            }
        }
    }
}

//! Tests of list requests over a small organization.

use super::column::Column;
use super::relations::Relations;
use super::*;
use crate::query::{Condition, ListRequest, Node, Predicate, Subject};
use crate::schema::{COMMITS, REPOS, RESOURCES, Relation, Resource, TAGS, TEAM_MEMBERSHIP, TEAMS, USER_ALIAS, USERS};
use proptest::prelude::*;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

const NONE: [i64; 0] = [];

fn rows(resource: &'static Resource, lines: &[&str]) -> Rows {
    let mut rows = RowsBuilder::new(resource);
    for line in lines {
        rows.add_text(line).unwrap();
    }
    rows.build()
}

fn organization() -> Store {
    let mut store = Store::default();
    store.insert(rows(&TAGS, &[r#"{"id":1,"name":"Back"}"#, r#"{"id":2,"name":"back-end"}"#]));
    store.insert(rows(
        &REPOS,
        &[
            r#"{"id":1,"name":"one","tags":[2,1],"oldest_commit_date":"2020-01-01"}"#,
            r#"{"id":2,"name":"two","tags":[1],"blocked":true,"oldest_commit_date":"2020-01-01"}"#,
            r#"{"id":3,"name":"three"}"#,
        ],
    ));
    store.insert(rows(
        &TEAMS,
        &[
            r#"{"id":10,"name":"A","visibility":"SHOW"}"#,
            r#"{"id":11,"name":"B","parent":10,"visibility":"HIDE"}"#,
            r#"{"id":12,"name":"C","parent":11}"#,
            r#"{"id":13,"name":"D","parent":14}"#,
            r#"{"id":14,"name":"E","parent":13}"#,
        ],
    ));
    store.insert(rows(
        &USERS,
        &[
            r#"{"id":3,"name":"éa","email":"c@x","alias_count":2}"#,
            r#"{"id":1,"name":"Ann","email":"a@x","alias_count":null}"#,
            r#"{"id":2,"name":"bob","hidden_from_reports":true}"#,
            r#"{"id":4,"email":"d@x","created_at":"2021-01-01T00:00:00.000001"}"#,
            r#"{"id":5,"name":"gone"}"#,
            r#"{"id":5,"_deleted":true}"#,
            r#"{"id":1,"name":"Anna","email":"a@x","alias_count":null}"#,
        ],
    ));
    store.insert(rows(
        &TEAM_MEMBERSHIP,
        &[
            r#"{"id":1,"apex_user_id":1,"team_id":10}"#,
            r#"{"id":2,"apex_user_id":1,"team_id":11}"#,
            r#"{"id":3,"apex_user_id":2,"team_id":10}"#,
            r#"{"id":4,"apex_user_id":1,"team_id":10,"membership_type":"viewer"}"#,
        ],
    ));
    store.insert(rows(
        &USER_ALIAS,
        &[
            r#"{"id":1,"apex_user_id":1,"name":"ann","email":"n@x"}"#,
            r#"{"id":2,"apex_user_id":1,"name":"annie"}"#,
            r#"{"id":3,"apex_user_id":3,"email":"e@x"}"#,
            r#"{"id":4,"name":"ann"}"#,
        ],
    ));
    store.insert(rows(
        &COMMITS,
        &[
            r#"{"id":1,"apex_user_id":1,"repo_id":1,"author_date":"2021-06-04T23:59:59.5","author_local_date":"2021-06-05T01:00:00","hexsha":"aa","message":"Fix Éclair","ignore_hash":"h","impact":1.5,"haloc":5,"risk":0.1}"#,
            r#"{"id":2,"apex_user_id":2,"repo_id":2,"author_date":"2021-06-06","author_local_date":"2021-06-06T23:59:59","hexsha":"ab","message":"fix 100%_","ignore_hash":"h","outlier_reason":1,"impact":-0.25,"haloc":null}"#,
            r#"{"id":3,"apex_user_id":3,"repo_id":3,"author_date":"2021-06-07","author_local_date":"2021-06-07","hexsha":"B","is_merge":true,"impact":2}"#,
            r#"{"id":4,"apex_user_id":9,"repo_id":1,"author_date":"2021-06-04","is_pr_orphan":true,"is_merge":null,"risk":-0.0}"#,
        ],
    ));
    store
}

/// Returns the count and the ids on the page.
fn find_in(store: &Store, resource: &'static Resource, query: &str) -> (u64, Vec<i64>) {
    let request = ListRequest::parse(resource, query).unwrap();
    let found = list(&request, store);
    let rows = store.rows(resource).unwrap();
    (found.count, found.positions.iter().map(|&position| rows.id(position)).collect())
}

fn ids(resource: &'static Resource, query: &str) -> Vec<i64> {
    let (count, ids) = find_in(&organization(), resource, query);
    assert_eq!(count, ids.len() as u64);
    ids
}

/// Returns the ids that match a `filters`.
fn expression(resource: &'static Resource, text: &str) -> Vec<i64> {
    let mut query = String::from("filters=");
    crate::query::encode_form(text, &mut query);
    ids(resource, &query)
}

#[test]
fn the_later_row_counts_and_a_row_can_delete() {
    assert_eq!(ids(&USERS, ""), [1, 2, 3, 4]);
    assert_eq!(ids(&USERS, "name=Anna"), [1]);
    assert_eq!(ids(&USERS, "name=Ann"), NONE);
    assert_eq!(list(&ListRequest::parse(&USERS, "").unwrap(), &Store::default()), ListResult::default());
}

#[test]
fn invalid_rows_are_left_out() {
    let mut builder = RowsBuilder::new(&TAGS);
    let mut read = |line: &str| builder.add_text(line);
    assert!(read(r#"{"id":1,"name":"a"}"#).is_ok());
    assert!(read(r#"{"id":2,"name":3}"#).is_err());
    assert!(read(r#"{"id":3,"name":"c"}"#).is_ok());
    let rows = builder.build();
    assert_eq!((rows.positions(), rows.find(3), rows.find(2)), (&[0, 1][..], Some(1), None));
    assert_eq!(rows.text(1, 1), Some("c"));
}

#[test]
fn comparisons_with_null() {
    assert_eq!(ids(&USERS, "alias_count=0"), [2, 4]);
    assert_eq!(ids(&USERS, "alias_count!=0"), [1, 3]);
    assert_eq!(ids(&USERS, "alias_count__gt!=1"), [1, 2, 4]);
    assert_eq!(ids(&USERS, "alias_count__lt=1e30"), [2, 3, 4]);
    assert_eq!(ids(&USERS, "alias_count__gt!=1e30"), [1, 2, 3, 4]);
    assert_eq!(ids(&COMMITS, "outlier_reason__isnull=true"), [1, 3, 4]);
    assert_eq!(ids(&COMMITS, "outlier_reason__isnull!=true"), [2]);
    assert_eq!(ids(&COMMITS, "outlier_reason__in!=,"), [1, 2, 3, 4]);
    assert_eq!(ids(&COMMITS, "outlier_reason__in=,"), NONE);
    assert_eq!(ids(&COMMITS, "filters=~(outlier_reason__in%3D,)"), [1, 2, 3, 4]);
    assert_eq!(ids(&COMMITS, "filters=~(outlier_reason__in%3D1e30)"), [2]);
    assert_eq!(ids(&COMMITS, "haloc=0"), [3, 4]);
    assert_eq!(ids(&COMMITS, "is_merge=false"), [1, 2]);
    assert_eq!(ids(&COMMITS, "is_merge!=false"), [3, 4]);
}

#[test]
fn comparisons_of_every_kind() {
    assert_eq!(ids(&COMMITS, "impact__gte=-0.25&impact__lt=1.50001"), [1, 2, 4]);
    assert_eq!(ids(&COMMITS, "impact=1.50"), [1]);
    assert_eq!(ids(&COMMITS, "risk__gte=0&risk__lt=0.11"), [1, 4]);
    assert_eq!(ids(&COMMITS, "risk=.1"), [1]);
    assert_eq!(ids(&COMMITS, "author_date__gt=2021-06-04T23:59:59.499999"), [1, 2, 3]);
    assert_eq!(ids(&COMMITS, "author_date=2021-06-05T01:59:59.5%2B02:00"), [1]);
    assert_eq!(ids(&USERS, "created_at=2021-01-01T00:00:00.000001Z"), [4]);
    assert_eq!(ids(&COMMITS, "hexsha__in=B,aa,x"), [1, 3]);
    assert_eq!(ids(&COMMITS, "id__in!=1,3"), [2, 4]);
}

#[test]
fn text() {
    assert_eq!(ids(&USERS, "name__startswith=a"), NONE);
    assert_eq!(ids(&USERS, "name__startswith=A"), [1]);
    assert_eq!(ids(&USERS, "name__icontains=A"), [1, 3]);
    assert_eq!(ids(&USERS, "name__icontains=É"), [3]);
    assert_eq!(ids(&USERS, "name__icontains!=a"), [2, 4]);
    assert_eq!(ids(&COMMITS, "message=éCLAIR"), [1]);
    assert_eq!(ids(&COMMITS, "message=%25_"), [2]);
    assert_eq!(ids(&COMMITS, "message__startswith!=Fix"), [2, 3, 4]);
}

#[test]
fn matches_do_not_cross_the_ends_of_texts() {
    let lines = [
        r#"{"id":1,"name":"aba"}"#,
        r#"{"id":2,"name":"b"}"#,
        r#"{"id":3}"#,
        r#"{"id":4,"name":""}"#,
        r#"{"id":5,"name":"éab"}"#,
        r#"{"id":6,"name":"é"}"#,
    ];
    let mut store = Store::default();
    store.insert(rows(&USERS, &lines));
    for (part, found) in
        [("ab", &[1, 5][..]), ("bab", &[]), ("ba", &[1]), ("b", &[1, 2, 5]), ("é", &[5, 6]), ("bé", &[])]
    {
        let query = format!("name__icontains={part}");
        assert_eq!(find_in(&store, &USERS, &query).1, found, "{part}");
    }
    assert_eq!(find_in(&store, &USERS, "search=\"").1, [1, 2, 4, 5, 6]);
}

#[test]
fn search_is_in_any_of_the_fields() {
    assert_eq!(ids(&USERS, "search=x+A"), [1, 3]);
    assert_eq!(ids(&USERS, "search=d@"), [4]);
    assert_eq!(ids(&COMMITS, "search=FIX,ab"), [2]);
    // All texts contain the empty text, but a null does not.
    assert_eq!(ids(&COMMITS, "search=\""), [1, 2, 3]);
}

#[test]
fn flags() {
    assert_eq!(ids(&COMMITS, "smart_dedupe=true"), [1, 3, 4]);
    assert_eq!(ids(&COMMITS, "smart_dedupe=true&id__gt=1"), [3, 4]);
    assert_eq!(ids(&COMMITS, "remove_excluded=true"), [1, 3, 4]);
    assert_eq!(ids(&COMMITS, "exclude_weekends=true"), [3, 4]);
    assert_eq!(ids(&COMMITS, "exclude_outliers=true"), [1, 3, 4]);
    assert_eq!(ids(&COMMITS, "exclude_pr_orphans=true"), [1, 2, 3]);
    assert_eq!(ids(&COMMITS, "exclude_merge=true"), [1, 2]);
    assert_eq!(ids(&COMMITS, "exclude_blocked=true"), [1, 4]);
    assert_eq!(ids(&COMMITS, "apply_default_filters=true"), [1]);
    assert_eq!(ids(&COMMITS, "apply_default_filters=false&smart_dedupe=no"), [1, 2, 3, 4]);
    assert_eq!(ids(&COMMITS, "normalize_authors=true"), [1, 2, 3, 4]);
}

#[test]
fn a_row_matches_once_for_each_joined_row() {
    assert_eq!(ids(&USERS, "team_member=10"), [1, 1, 2]);
    assert_eq!(ids(&USERS, "team_member=10&team__name=B"), [1, 1]);
    assert_eq!(ids(&USERS, "team_member=10&team__isnull=false"), [1, 1, 1, 1, 1, 1, 2]);
    assert_eq!(ids(&USERS, "team__isnull=true"), [3, 4]);
    assert_eq!(ids(&USERS, "alias_name__icontains=ann&team_member=11"), [1, 1]);
    assert_eq!(ids(&USERS, "alias_email__icontains=X"), [1, 3]);
    assert_eq!(ids(&REPOS, "tags__name__icontains=BACK"), [1, 1, 2]);
    assert_eq!(ids(&COMMITS, "repo_tags__in=1,2,7"), [1, 1, 2, 4, 4]);
    assert_eq!(ids(&COMMITS, "repo_tags__in=2"), [1, 4]);
}

#[test]
fn a_negated_join_requires_that_no_row_matches() {
    assert_eq!(ids(&USERS, "team_member!=11"), [2, 3, 4]);
    assert_eq!(ids(&USERS, "team__isnull!=true"), [1, 2]);
    assert_eq!(ids(&USERS, "team__isnull!=false"), [3, 4]);
    assert_eq!(ids(&USERS, "alias_name!=ann"), [2, 3, 4]);
    assert_eq!(ids(&COMMITS, "repo_tags__in!=2"), [2, 3]);
    assert_eq!(ids(&COMMITS, "repo_tags__in!=,"), [1, 2, 3, 4]);
}

#[test]
fn teams_and_their_ancestors() {
    assert_eq!(ids(&TEAMS, "ancestor_id=10"), [10, 11, 12]);
    assert_eq!(ids(&TEAMS, "ancestor_id!=11"), [10, 13, 14]);
    assert_eq!(ids(&TEAMS, "ancestor_id=13"), [13, 14]);
    assert_eq!(ids(&TEAMS, "ancestor_id=1e30"), NONE);
    assert_eq!(ids(&TEAMS, "is_visible=true"), [10]);
    assert_eq!(ids(&TEAMS, "is_visible=false"), [11, 12, 13, 14]);
    assert_eq!(ids(&TEAMS, "is_visible!=true"), [11, 12, 13, 14]);
    assert_eq!(ids(&TEAMS, "parent__isnull=true"), [10]);
}

#[test]
fn expressions() {
    assert_eq!(expression(&USERS, "(id=1) | (id=3) & (name__icontains=a)"), [1, 3]);
    // The framework treats a negation at the start differently.
    assert_eq!(expression(&USERS, "~(id=1) | (id=3)"), [1]);
    assert_eq!(expression(&USERS, "(id=3) | ~(id=1)"), [2, 3, 4]);
    // An unknown result is no match, negated or not; but `!` is true for null.
    assert_eq!(expression(&USERS, "~(alias_count=2)"), [2, 4]);
    assert_eq!(expression(&USERS, "(alias_count!=2)"), [1, 2, 4]);
    assert_eq!(expression(&USERS, "~(alias_count!=2)"), [3]);
    // A query without conditions is true, negated or not.
    assert_eq!(expression(&USERS, "~(bogus=1)"), [1, 2, 3, 4]);
    assert_eq!(expression(&USERS, "~(bogus=1) | (id=1)"), NONE);
}

#[test]
fn expressions_with_joins() {
    assert_eq!(expression(&USERS, "(team_member=10) | (id=3)"), [1, 1, 2, 3]);
    assert_eq!(expression(&USERS, "(team_member=10) | (team__name=B)"), [1, 1, 1, 2]);
    assert_eq!(expression(&USERS, "(team_member=10) & (team__name=B)"), [1, 1]);
    // Each membership of another team matches; users without a team do not.
    assert_eq!(expression(&USERS, "~(team_member=10)"), [1]);
    assert_eq!(expression(&USERS, "(id__lt=4) & ~(team_member=10)"), [1]);
    assert_eq!(expression(&USERS, "~(id__lt=3) & (team_member=10)"), [1, 3, 4]);
    assert_eq!(expression(&USERS, "(team__isnull=true) | (alias_name=ann)"), [1, 1, 1, 3, 4]);
    // The tags of a commit are joined through its repository, and only the last of these joins is shared.
    assert_eq!(expression(&COMMITS, "(repo_tags__in=2) & (id__gt=0) | (repo_tags__in=2)"), [1, 4]);
    assert_eq!(expression(&COMMITS, "(repo_tags__in=2) & (repo_tags__in!=1) | (repo_tags__in=2)"), [1, 1, 4, 4]);
}

#[test]
fn is_orderable() {
    assert_eq!(ids(&USERS, "ordering=name"), [1, 2, 3, 4]);
    assert_eq!(ids(&USERS, "ordering=-name"), [4, 3, 2, 1]);
    assert_eq!(ids(&USERS, "ordering=alias_count"), [2, 4, 3, 1]);
    assert_eq!(ids(&USERS, "ordering=-alias_count"), [1, 3, 2, 4]);
    assert_eq!(ids(&USERS, "ordering=-alias_count,-id"), [1, 3, 4, 2]);
    assert_eq!(ids(&COMMITS, "ordering=hexsha"), [3, 1, 2, 4]);
    assert_eq!(ids(&COMMITS, "ordering=-impact"), [3, 1, 4, 2]);
    assert_eq!(ids(&COMMITS, "ordering=risk"), [4, 1, 2, 3]);
    assert_eq!(ids(&COMMITS, "ordering=-is_merge,-id"), [4, 3, 2, 1]);
    assert_eq!(ids(&USERS, "ordering=-id&team_member=10"), [2, 1, 1]);
}

#[test]
fn the_first_of_many_rows_are_in_order() {
    // Enough rows for the worse ones to be dropped several times.
    let lines: Vec<String> =
        (0..5_000u64).map(|id| format!(r#"{{"id":{id},"alias_count":{}}}"#, id * 1_237 % 5_000)).collect();
    let mut store = Store::default();
    store.insert(rows(&USERS, &lines.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut by_count: Vec<i64> = (0..5_000).collect();
    by_count.sort_by_key(|id| id * 1_237 % 5_000);
    let page = |query: &str| find_in(&store, &USERS, query).1;
    assert_eq!(page("ordering=alias_count&limit=7&offset=3"), by_count[3..10]);
    by_count.reverse();
    assert_eq!(page("ordering=-alias_count&limit=500"), by_count[..500]);
    assert_eq!(page("ordering=-id&limit=3"), [4_999, 4_998, 4_997]);
    assert_eq!(page("ordering=hidden_from_reports,-alias_count&limit=2&offset=1000"), by_count[1_000..1_002]);
}

#[test]
fn pages_of_repeated_rows() {
    let store = organization();
    let page = |query: &str| find_in(&store, &USERS, query);
    assert_eq!(page("team__isnull=false&limit=2"), (4, vec![1, 1]));
    assert_eq!(page("team__isnull=false&limit=2&offset=2"), (4, vec![1, 2]));
    assert_eq!(page("team__isnull=false&limit=2&offset=3"), (4, vec![2]));
    assert_eq!(page("team__isnull=false&offset=4"), (4, vec![]));
    assert_eq!(page("team__isnull=false&limit=2&offset=1&ordering=-name"), (4, vec![1, 1]));
    assert_eq!(page("limit=1&offset=1&ordering=-id"), (4, vec![3]));
    assert_eq!(page("offset=9223372036854775807&ordering=name"), (4, vec![]));
}

#[test]
fn objects() {
    let store = organization();
    let find = |query: &str, id| find_object(&ListRequest::parse(&USERS, query).unwrap(), &store, id);
    assert_eq!(find("", 3), Some(0));
    assert_eq!(find("fields=id&limit=1&offset=9", 1), Some(6));
    assert_eq!(find("name=x", 3), None);
    assert_eq!(find("", 5), None);
}

#[test]
fn nested_rows_of_other_resources() {
    let store = organization();
    let nested_ids = |resource: &'static Resource, name: &str, id: i64| -> Vec<i64> {
        let shown = resource.nested.iter().find(|nested| nested.name == name).unwrap();
        let rows = store.rows(resource).unwrap();
        let others = store.rows(shown.resource).unwrap();
        nested_rows(shown, rows, rows.find(id).unwrap(), &store).iter().map(|&position| others.id(position)).collect()
    };
    assert_eq!(nested_ids(&USERS, "teams", 1), [10, 11]);
    assert_eq!(nested_ids(&USERS, "teams", 3), NONE);
    assert_eq!(nested_ids(&REPOS, "tags", 1), [1, 2]);
    assert_eq!(nested_ids(&TEAM_MEMBERSHIP, "apex_user", 3), [2]);
    assert_eq!(nested_ids(&TEAM_MEMBERSHIP, "team", 2), [11]);
    for resource in RESOURCES {
        for nested in resource.nested {
            assert!(resource.position(nested.after).is_some(), "{}", nested.name);
            assert!(nested.fields.iter().all(|name| nested.resource.position(name).is_some()), "{}", nested.name);
        }
    }
}

#[test]
fn rows_are_shown_from_their_own_text() {
    struct One(&'static str);
    impl RowTexts for One {
        fn row_text(&self, _: &Resource, _: usize) -> &str {
            self.0
        }
    }
    let line = r#"{"z":1,"name":"a","i\u0064":7,"name":"b\u006f","y":[ 1 , {"b":2}],"z": 2}"#;
    let mut store = Store::default();
    store.insert(rows(&TAGS, &[line]));
    for (query, expected) in [
        ("", r#"{"id":7,"name":"bo","org_id":null,"y":[ 1 , {"b":2}],"z":2}"#),
        ("omit=id,name,org_id", r#"{"y":[ 1 , {"b":2}],"z":2}"#),
        ("fields=org_id,name", r#"{"name":"bo","org_id":null}"#),
        ("fields=", "{}"),
    ] {
        let mut written = String::new();
        write_row(&ListRequest::parse(&TAGS, query).unwrap(), &store, &One(line), 0, &mut written);
        assert_eq!(written, expected, "{query}");
    }
}

#[test]
fn only_the_required_resources_are_read() {
    let names = |resource: &'static Resource, query: &str| -> Vec<&str> {
        required_resources(&ListRequest::parse(resource, query).unwrap()).iter().map(|resource| resource.name).collect()
    };
    assert_eq!(names(&COMMITS, "id=1"), ["commits"]);
    assert_eq!(
        names(&COMMITS, "apply_default_filters=1&remove_excluded=1&repo_tags__in=1"),
        ["commits", "repos", "users"]
    );
    assert_eq!(names(&USERS, "fields=id"), ["users"]);
    assert_eq!(names(&USERS, "fields=id&team__name!=x"), ["users", "team_membership", "teams"]);
    assert_eq!(names(&USERS, ""), ["users", "team_membership", "teams"]);
    assert_eq!(names(&REPOS, "omit=tags&tags__name=x"), ["repos", "tags"]);
}

/// Counts the matches of a row by trying each combination of joined rows.
fn naive_times(request: &ListRequest, store: &Store, position: usize) -> u64 {
    let rows = store.rows(request.resource).unwrap();
    let relations = Relations::new(store);
    let owner = rows.integers(relations::owner(request.resource))[position];
    let items = |relation: Relation| -> Vec<i64> {
        relations.all(relation).iter().filter(|(other, _)| *other == owner).map(|&(_, item)| item).collect()
    };
    let mut combinations: Vec<Vec<Option<i64>>> = vec![vec![]];
    for join in &request.filter.joins {
        let mut joined: Vec<Option<i64>> = items(join.relation).into_iter().map(Some).collect();
        if joined.is_empty() && join.outer {
            joined.push(None);
        }
        let extended = combinations.iter().flat_map(|combination| {
            joined.iter().map(move |&item| combination.iter().copied().chain([item]).collect())
        });
        combinations = extended.collect();
    }
    let truth = |condition: &Condition, combination: &[Option<i64>]| -> Option<bool> {
        let test = &condition.predicate;
        let plain = match (condition.subject, condition.join) {
            (Subject::Filter(of), Some(join)) => match combination[join] {
                Some(item) => relations.truth(of, test, item),
                None => test.test_integer(None),
            },
            (Subject::Filter(of), None) => {
                let items = items(of.relation().unwrap());
                let none = *test == Predicate::Null(true) && items.is_empty();
                Some(none || items.iter().any(|&item| relations.truth(of, test, item) == Some(true)))
            }
            (Subject::Field(field), _) if matches!(rows.column(field), Column::Texts(_)) => {
                test.test_text(rows.text(field, position))
            }
            (Subject::Field(field), _) => test.test_integer(rows.integer(field, position)),
            other => panic!("{other:?}"),
        };
        if condition.negated { Some(plain != Some(true)) } else { plain }
    };
    let is_found = |combination: &Vec<Option<i64>>| {
        // False is 0, true is 2, and unknown lies between.
        let mut stack: Vec<u8> = vec![];
        for node in &request.filter.nodes {
            let (of, negated, all) = match node {
                Node::Condition(condition) => {
                    stack.push(truth(condition, combination).map_or(1, |truth| u8::from(truth) * 2));
                    continue;
                }
                Node::All { of: 0, .. } | Node::Any { of: 0, .. } => (0, false, true),
                Node::All { of, negated } => (*of, *negated, true),
                Node::Any { of, negated } => (*of, *negated, false),
            };
            let parts = stack.split_off(stack.len() - of);
            let joined = if all { parts.into_iter().min().unwrap_or(2) } else { parts.into_iter().max().unwrap_or(0) };
            stack.push(if negated { 2 - joined } else { joined });
        }
        stack == [2]
    };
    combinations.iter().filter(|combination| is_found(combination)).count() as u64
}

fn condition() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("id"),
        Just("id__lt"),
        Just("alias_count"),
        Just("name__icontains"),
        Just("team_member"),
        Just("team__id"),
        Just("team__name"),
        Just("team__isnull"),
        Just("alias_name__startswith"),
        Just("alias_email"),
        Just("bogus"),
    ];
    let value =
        prop_oneof![Just("1"), Just("2"), Just("10"), Just("11"), Just("a"), Just("B"), Just("true"), Just("0")];
    (name, value, any::<bool>()).prop_map(|(name, value, negated)| {
        let is_number = matches!(name, "id" | "id__lt" | "alias_count" | "team_member" | "team__id");
        let value = if is_number && value.parse::<i64>().is_err() { "10" } else { value };
        format!("{name}{}={value}", if negated { "!" } else { "" })
    })
}

proptest! {
    #[test]
    fn the_evaluator_agrees_with_a_search_through_all_combinations(
        terms in proptest::collection::vec((any::<bool>(), proptest::collection::vec(condition(), 1..3), any::<bool>()), 1..5),
    ) {
        let mut text = String::new();
        for (negated, conditions, is_and) in &terms {
            if !text.is_empty() {
                text.push(if *is_and { '&' } else { '|' });
            }
            if *negated {
                text.push('~');
            }
            text.push_str(&format!("({})", conditions.join("%26")));
        }
        let mut query = String::from("filters=");
        crate::query::encode_form(&text, &mut query);
        let request = match ListRequest::parse(&USERS, &query) {
            Ok(request) => request,
            Err(errors) => {
                prop_assert!(format!("{errors}").contains("Too many"), "{errors}");
                return Ok(());
            }
        };
        let store = organization();
        let rows = store.rows(&USERS).unwrap();
        let expected: Vec<i64> = rows
            .positions()
            .iter()
            .flat_map(|&position| vec![rows.id(position); naive_times(&request, &store, position) as usize])
            .collect();
        let (count, found) = find_in(&store, &USERS, &format!("{query}&limit=1000"));
        prop_assert_eq!(count, expected.len() as u64);
        prop_assert_eq!(&found[..], &expected[..found.len()]);
        prop_assert_eq!(found.len(), expected.len().min(1000));
    }

    #[test]
    fn texts_are_looked_through_at_once(texts in proptest::collection::vec("[abé]{0,4}", 0..150), part in "[ABÉX]{0,3}") {
        let lines: Vec<String> =
            texts.iter().enumerate().map(|(id, text)| format!(r#"{{"id":{id},"name":"{text}"}}"#)).collect();
        let rows = rows(&TAGS, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let Column::Texts(column) = rows.column(1) else { panic!("no text") };
        for (at, text) in texts.iter().enumerate() {
            let holds = column.find(&part).holding(at / 64 * 64) & 1 << (at % 64) != 0;
            prop_assert_eq!(holds, text.to_uppercase().contains(&part), "{} {}", text, part);
        }
    }

    /// More rows than bits of a word, in any order, some repeated and some deleted.
    #[test]
    fn many_rows_are_filtered_and_ordered(
        lines in proptest::collection::vec((0i64..200, -1i64..3, "[abB]{0,2}|null", 0u8..20), 60..150),
        (limit, offset) in (1usize..100, 0usize..150),
        (number, text, descending) in (0i64..3, "[ab]", any::<bool>()),
    ) {
        let mut last = alloc::collections::BTreeMap::new();
        let mut sent = Vec::new();
        for (id, aliases, name, deleted) in lines {
            let value = |text: &str| if text == "null" { text.into() } else { format!("\"{text}\"") };
            let aliases = (aliases >= 0).then_some(aliases);
            let number = aliases.map_or("null".into(), |aliases| format!("{aliases}"));
            sent.push(if deleted == 0 {
                last.remove(&id);
                format!(r#"{{"id":{id},"_deleted":true}}"#)
            } else {
                last.insert(id, (aliases, (name != "null").then(|| name.clone())));
                format!(r#"{{"id":{id},"alias_count":{number},"name":{}}}"#, value(&name))
            });
        }
        let mut store = Store::default();
        store.insert(rows(&USERS, &sent.iter().map(String::as_str).collect::<Vec<_>>()));
        let mut expected: Vec<(i64, Option<i64>, Option<String>)> =
            last.into_iter().map(|(id, (aliases, name))| (id, aliases, name)).collect();
        expected.retain(|(_, aliases, name)| {
            aliases.is_some_and(|aliases| aliases >= number)
                || name.as_ref().is_some_and(|name| name.contains(&text.to_uppercase()) || name.contains(&text))
        });
        expected.sort_by(|one, other| {
            let key = |row: &(i64, Option<i64>, Option<String>)| (row.2.is_none(), row.2.clone(), row.1.is_none(), row.1);
            let order = key(one).cmp(&key(other));
            (if descending { order.reverse() } else { order }).then(one.0.cmp(&other.0))
        });
        let sign = if descending { "-" } else { "" };
        let found = find_in(&store, &USERS, &format!(
            "filters=(alias_count__gte%253D{number})|(name__icontains%253D{text})&ordering={sign}name,{sign}alias_count&limit={limit}&offset={offset}"
        ));
        let ids: Vec<i64> = expected.iter().map(|row| row.0).skip(offset).take(limit).collect();
        prop_assert_eq!(found, (expected.len() as u64, ids));
    }

    #[test]
    fn pages_are_parts_of_the_whole(limit in 1usize..6, offset in 0usize..12, at in 0usize..4) {
        let order = ["", "&ordering=-name", "&ordering=alias_count,-email", "&ordering=-id"][at];
        let store = organization();
        let (count, all) = find_in(&store, &USERS, &format!("team__isnull=false&alias_name__icontains=a{order}"));
        let (same, page) = find_in(
            &store,
            &USERS,
            &format!("team__isnull=false&alias_name__icontains=a{order}&limit={limit}&offset={offset}"),
        );
        prop_assert_eq!(count, same);
        prop_assert_eq!(page, all.into_iter().skip(offset).take(limit).collect::<Vec<_>>());
    }
}

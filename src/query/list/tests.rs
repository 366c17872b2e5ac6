//! Tests of parsing list requests. Their results are tested with the evaluator.

use super::*;
use crate::query::IdSet;
use crate::schema::{
    COMMITS, FilterTarget, Lookup, RESOURCES, Relation, TAGS, TEAM_MEMBERSHIP, TEAMS, USERS, resource,
};
use alloc::string::{String, ToString};
use proptest::prelude::*;
use std::format;
use std::vec;

fn parse(resource: &'static Resource, query: &str) -> ListRequest {
    ListRequest::parse(resource, query).unwrap()
}

/// Returns the 400 body of a query.
fn body(resource: &'static Resource, query: &str) -> String {
    let errors = ListRequest::parse(resource, query).unwrap_err();
    serde_json::to_string(&errors).unwrap()
}

/// Returns the predicate of a query with one condition.
fn only(resource: &'static Resource, query: &str) -> Condition {
    let conditions: Vec<Condition> = parse(resource, query).filter.conditions().cloned().collect();
    assert_eq!(conditions.len(), 1, "{query}");
    conditions[0].clone()
}

fn test(query: &str) -> Predicate {
    only(&COMMITS, query).predicate
}

#[test]
fn whole_numbers_are_truncated_toward_zero() {
    assert_eq!(test("id=1.9"), Predicate::Equal(1));
    assert_eq!(test("haloc__lt=12.5"), Predicate::AtMost(11));
    assert_eq!(test("haloc__gt=-0.5"), Predicate::AtLeast(1));
    assert_eq!(test("haloc__gte=-1.5"), Predicate::AtLeast(-1));
    assert_eq!(test("haloc__lte=+1e1+"), Predicate::AtMost(10));
    assert_eq!(test("id__in=3,,1.5,1"), Predicate::OneOf([1, 3].into_iter().collect()));
    assert_eq!(test("id__in=,"), Predicate::OneOf(IdSet::default()));
}

#[test]
fn numbers_beyond_64_bits_compare_as_numbers() {
    assert_eq!(test("id=1e30"), Predicate::Never);
    assert_eq!(test("id__lt=1e30"), Predicate::Always);
    assert_eq!(test("id__gte=1e30"), Predicate::Never);
    assert_eq!(test("id__gt=-1e30"), Predicate::Always);
    assert_eq!(test("id__lte=-1e30"), Predicate::Never);
    assert_eq!(test("id__gt=9223372036854775807"), Predicate::Never);
    assert_eq!(test("id__lt=-9223372036854775808"), Predicate::Never);
    assert_eq!(test("id__in=1e30,2"), Predicate::OneOf([2].into_iter().collect()));
    assert_eq!(test("id__in=1e30,-1e30"), Predicate::Never);
    let too_large = r#"{"id__in!":["Ensure this value is less than or equal to 1e+50."]}"#;
    assert_eq!(body(&COMMITS, "id__in!=1,2e50"), too_large);
    assert_eq!(test("id__lt=1e50"), Predicate::Always);
}

#[test]
fn impact_is_compared_exactly() {
    assert_eq!(test("impact=1.2345"), Predicate::Equal(12_345));
    assert_eq!(test("impact=1.23456"), Predicate::Never);
    assert_eq!(test("impact__gt=1.23456"), Predicate::AtLeast(12_346));
    assert_eq!(test("impact__gte=1.23456"), Predicate::AtLeast(12_346));
    assert_eq!(test("impact__lt=1.23456"), Predicate::AtMost(12_345));
    assert_eq!(test("impact__lte=-1.23456"), Predicate::AtMost(-12_346));
    assert_eq!(test("impact__lt=1"), Predicate::AtMost(9_999));
}

#[test]
fn other_numbers_are_doubles() {
    let double = |text| OrderedDouble::from(&crate::number::Number::parse(text).unwrap());
    assert_eq!(test("risk__gt=0.1"), Predicate::Number(Comparison::Greater, double("0.1")));
    assert_eq!(test("risk=-0"), test("risk=0"));
}

#[test]
fn date_times_are_compared_by_the_microsecond() {
    assert_eq!(test("author_date=1970-01-01T00:00:01.000002"), Predicate::Equal(1_000_002));
    assert_eq!(test("author_date__gt=1970-01-01+01:00:00%2B01:00"), Predicate::AtLeast(1));
    assert_eq!(test("author_date__lt=+1970-01-02+"), Predicate::AtMost(86_400_000_000 - 1));
    // An unencoded + stands for a space.
    assert_eq!(
        body(&COMMITS, "author_date=2021-01-01T00:00:00+01:00"),
        r#"{"author_date":["Enter a valid date/time."]}"#
    );
}

#[test]
fn text_is_trimmed_and_compared() {
    assert_eq!(only(&USERS, "name=+a+").predicate, Predicate::Text("a".into()));
    assert_eq!(only(&USERS, "name__icontains=é").predicate, Predicate::Contains("É".into()));
    assert_eq!(only(&USERS, "name__startswith=é").predicate, Predicate::StartsWith("é".into()));
    assert_eq!(parse(&USERS, "name=+"), parse(&USERS, ""));
    assert_eq!(body(&USERS, "name__startswith=%00"), r#"{"name__startswith":["Null characters are not allowed."]}"#);
    assert_eq!(test("hexsha__in=b,a,+a"), Predicate::TextOneOf(vec!["a".into(), "b".into()]));
}

#[test]
fn messages_are_searched_by_both_names() {
    assert_eq!(test("message=fix"), Predicate::Contains("FIX".into()));
    assert_eq!(test("message__icontains=fix"), Predicate::Contains("FIX".into()));
    assert_eq!(parse(&COMMITS, "message__icontains!=fix"), parse(&COMMITS, "message!=fix"));
}

#[test]
fn booleans_are_lenient() {
    for value in ["true", "TRUE", "1"] {
        assert_eq!(test(&format!("is_merge={value}")), Predicate::Equal(1), "{value}");
        assert_eq!(test(&format!("outlier_reason__isnull={value}")), Predicate::Null(true), "{value}");
    }
    assert_eq!(test("is_merge=False"), Predicate::Equal(0));
    for value in ["yes", "+true", "t", ""] {
        assert_eq!(parse(&COMMITS, &format!("is_merge={value}&smart_dedupe={value}")), parse(&COMMITS, ""), "{value}");
    }
}

#[test]
fn unsupported_lookups_are_ignored() {
    for query in [
        "new_work__bogus=x",
        "id__exact=x",
        "id__isnull=true",
        "haloc__in=x",
        "is_merge__gt=1",
        "id!!=x",
        "!=x",
        "id__=x",
        "extracted_tags__startswith=x",
        "repo_tags=x",
        "smart_dedupe!=true",
        "search__icontains=x",
    ] {
        assert_eq!(parse(&COMMITS, query), parse(&COMMITS, ""), "{query}");
    }
    assert_eq!(parse(&USERS, "team__gt=x&smart_dedupe=true"), parse(&USERS, ""));
}

#[test]
fn fields_of_referenced_objects() {
    let subject = |query: &str| only(&COMMITS, query).subject;
    let (first, second) = (subject("repo__name=a"), subject("user_alias__apex_user__name=a"));
    assert_eq!(subject("repo__name__icontains!=a"), first);
    let Subject::Referenced(field) = second else { panic!("{second:?}") };
    let (reference, resource, next) = field.follow(&COMMITS).unwrap();
    assert_eq!((reference.field, resource.name), ("user_alias_id", "user_alias"));
    let Subject::Referenced(field) = next else { panic!("{next:?}") };
    let (reference, resource, next) = field.follow(resource).unwrap();
    assert_eq!((reference.field, resource.name, next), ("apex_user_id", "users", Subject::Field(1)));
    assert_eq!(body(&COMMITS, "repo__id=x&repo=x"), r#"{"repo":["Enter a number."],"repo__id":["Enter a number."]}"#);
    // Related rows of the object, of which there may be several, are not reached.
    for query in ["repo__nope=1", "repo__tags=1", "user_alias__apex_user__alias_name=a", "repo__name__nope=a"] {
        assert_eq!(parse(&COMMITS, query), parse(&COMMITS, ""), "{query}");
    }
}

#[test]
fn the_last_of_a_repeated_parameter_counts() {
    assert_eq!(parse(&COMMITS, "id=x&id=1"), parse(&COMMITS, "id=1"));
    assert_eq!(parse(&COMMITS, "id=x&id="), parse(&COMMITS, ""));
    assert_eq!(body(&COMMITS, "id=1&id!=x&id=2"), r#"{"id!":["Enter a number."]}"#);
}

#[test]
fn errors_come_in_the_order_of_the_resource() {
    let query =
        "search=%00&repo_tags__in=x&author_date__lt=y&new_work__gt!=x&new_work__gt=x&id__in=,x&id=abc&is_merge=x";
    let errors = ListRequest::parse(&COMMITS, query).unwrap_err();
    let names: Vec<&str> = errors.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["id", "id__in", "author_date__lt", "new_work__gt", "new_work__gt!", "repo_tags__in", "search"]);
}

#[test]
fn equivalent_requests_are_equal() {
    for (one, other) in [
        ("name=a&id__gt=4", "id__gte=5&name=a"),
        ("id__gt=4&id__gte=5", "id__gt=4"),
        ("id__gt=4&id__gte=8&id__lt=10&id__lte=11", "id__gte=8&id__lte=9"),
        ("id__gt!=4&id__gte!=8&id__lt!=3&id__lte!=1", "id__gt!=4&id__lt!=3"),
        ("filters=(id%253D1%2526name%253Da)", "name=a&id=1"),
        ("filters=(id%253D1)%26(name%253Da)", "filters=%28id%3D1%29%20%26%20%28name%3Da%29"),
        ("search=fix,b&id=1", "id=1&search=B+FIX+b"),
        ("ordering=id,name", ""),
        ("ordering=-id,name", "ordering=-id"),
        ("ordering=name,bogus,-name,+-email", "ordering=name,-email"),
        ("fields=id,name", "fields=name,nope,id"),
        ("fields=id,name&omit=name", "fields=id"),
        ("limit=0&offset=x", "limit=100"),
    ] {
        assert_eq!(parse(&USERS, one), parse(&USERS, other), "{one} {other}");
    }
    assert_ne!(parse(&USERS, "team_member=1"), parse(&USERS, "team_member=1&team__isnull=false"));
    let defaults = "smart_dedupe=1&exclude_outliers=1&exclude_pr_orphans=1&exclude_merge=1&exclude_blocked=1&outlier_reason__isnull=1";
    assert_eq!(parse(&COMMITS, "apply_default_filters=true"), parse(&COMMITS, defaults));
}

#[test]
fn fields_and_omit() {
    let shown = |query: &str| -> Vec<&str> {
        let request = parse(&TAGS, query);
        let shown = TAGS.output_fields().enumerate().filter(|&(place, _)| request.projection.shows(place));
        shown.map(|(_, shown)| shown.name()).collect()
    };
    assert_eq!(shown(""), ["id", "name", "org_id"]);
    assert_eq!(shown("fields=org_id,id"), ["id", "org_id"]);
    assert_eq!(shown("fields=id,+name"), ["id"]);
    assert_eq!(shown("fields=id&fields=name"), ["name"]);
    assert_eq!(shown("fields="), [""; 0]);
    assert_eq!(shown("fields=nope"), [""; 0]);
    assert_eq!(shown("omit=name&omit="), ["id", "name", "org_id"]);
    assert_eq!(shown("omit=name,nope"), ["id", "org_id"]);
    assert!(!parse(&TAGS, "fields=").projection.unknown);
    let users: Vec<&str> = USERS.output_fields().map(|shown| shown.name()).collect();
    assert_eq!(users[5..8], ["created_at", "teams", "has_login"]);
    assert_eq!(resource("repos").unwrap().output_fields().filter(|shown| shown.name() == "tags").count(), 1);
}

#[test]
fn ordering_takes_orderable_fields() {
    let order = |query: &str| -> Vec<(Subject, bool)> {
        parse(&TEAMS, query).ordering.iter().map(|order| (order.subject, order.descending)).collect()
    };
    let name = Subject::Field(TEAMS.field_index("name"));
    assert_eq!(order("ordering=path,--name,+-+name,-name+"), [(name, true)]);
    assert_eq!(order("ordering=name&ordering="), []);
}

#[test]
fn search_terms() {
    let terms = |search: &str| -> Vec<String> {
        let mut encoded = String::from("search=");
        crate::query::encode_form(search, &mut encoded);
        let request = parse(&USERS, &encoded);
        let term = |condition: &Condition| match &condition.predicate {
            Predicate::Contains(term) => term.clone(),
            other => panic!("{other:?}"),
        };
        request.filter.conditions().map(term).collect()
    };
    assert_eq!(terms("b a,,c\u{a0}d"), ["A", "B", "C", "D"]);
    assert_eq!(terms(" , "), [""; 0]);
    assert_eq!(terms(r#""a b",c"#), [r#""A B""#, "C"]);
    assert_eq!(terms(r#""a b" c"#), ["A B", "C"]);
    assert_eq!(terms(r#"'a \' \\ b'"#), [r"A ' \ B"]);
    assert_eq!(terms(r#"x"a b"y"#), [r#"X"A B"Y"#]);
    assert_eq!(terms(r#"it's a"#), ["A", "IT'S"]);
    assert_eq!(terms(r#"""#), [""]);
    assert_eq!(terms(r#""a" "b"#), [r#""B"#, "A"]);
    assert_eq!(parse(&TAGS, "search=x"), parse(&TAGS, ""));
}

#[test]
fn invalid_expressions() {
    let message = |decoded: &str| format!(r#"{{"filters":["Unable to parse querystring. Decoded: '{decoded}'."]}}"#);
    assert_eq!(body(&USERS, "filters=bad"), message("bad"));
    assert_eq!(body(&USERS, "filters=()+%26+()"), message("() & ()"));
    assert_eq!(body(&USERS, "filters=(id=1"), message("(id=1"));
    assert_eq!(
        body(&USERS, "filters=(id=1)+^+(id=2)~(id=x)+%26+(&id=x"),
        concat!(
            r#"{"filters":["Invalid querystring operator. Matched: ' ^ '.","Invalid querystring operator. Matched: ''.","#,
            r#""Ending querystring must not have trailing characters. Matched: '('."]}"#
        )
    );
    assert_eq!(
        body(&USERS, "filters=(id%253Dx)|(id%253D1)|(id%253Dx)|(created_at%253Dx%2526id%253Dx)"),
        concat!(
            r#"{"filters":{"id=x":{"id":["Enter a number."]},"#,
            r#""created_at=x&id=x":{"id":["Enter a number."],"created_at":["Enter a valid date/time."]}}}"#
        )
    );
    assert_eq!(parse(&USERS, "filters="), parse(&USERS, ""));
    // Text outside of brackets is skipped, except at the end.
    assert_eq!(parse(&USERS, "filters=x(id%3D1)%26()%26(id%3D2)"), parse(&USERS, "filters=(id%3D1)%26(id%3D2)"));
}

#[test]
fn other_filters_are_ignored_beside_an_expression() {
    let request = parse(&COMMITS, "filters=(id%3D1)&id=x&normalize_authors=true&search=a&ordering=-id");
    assert_eq!(request, parse(&COMMITS, "id=1&search=a&ordering=-id"));
}

/// Formats the tree of a filter.
fn tree(filter: &Filter) -> String {
    let mut stack: Vec<String> = Vec::new();
    for node in &filter.nodes {
        let (of, negated, operator) = match node {
            Node::Condition(condition) => {
                stack.push(match &condition.predicate {
                    Predicate::Equal(operand) => operand.to_string(),
                    Predicate::Contains(part) => part.clone(),
                    test => format!("{test:?}"),
                });
                continue;
            }
            Node::All { of, negated } => (*of, *negated, " & "),
            Node::Any { of, negated } => (*of, *negated, " | "),
        };
        let parts = stack.split_off(stack.len() - of);
        stack.push(format!("{}({})", if negated { "~" } else { "" }, parts.join(operator)));
    }
    assert_eq!(stack.len(), 1);
    stack.remove(0)
}

#[test]
fn expressions_are_joined_as_the_framework_joins_queries() {
    for (sent, joined) in [
        ("(id=1) & (id=2) | (id=3)", "((1 & 2) | (3))"),
        ("(id=1) | (id=2) & (id=3)", "(((1) | (2)) & (3))"),
        ("(id=1) | ~(id=2)", "((1) | ~(2))"),
        ("~(id=1) | (id=2)", "~(~(1) | (2))"),
        ("~(id=1) & (id=2)", "~(1 & 2)"),
        ("~(id=1) & ~(id=2)", "~(1 & ~(2))"),
        ("~(bogus=1) & (bogus=2)", "~()"),
        ("(bogus=1) | (id=2)", "(() | (2))"),
    ] {
        let mut query = String::from("filters=");
        crate::query::encode_form(sent, &mut query);
        assert_eq!(tree(&parse(&USERS, &query).filter), joined, "{sent}");
    }
    assert_eq!(tree(&parse(&USERS, "filters=~(id%3D1)&search=a").filter), "~(1 & A)");
}

#[test]
fn joins() {
    let joins = |query: &str| -> Vec<(Relation, bool)> {
        parse(&USERS, query).filter.joins.iter().map(|join| (join.relation, join.outer)).collect()
    };
    use Relation::{Aliases, Memberships};
    assert_eq!(joins("team_member!=1&alias_name!=x"), []);
    assert_eq!(joins("team_member=1"), [(Memberships, false)]);
    assert_eq!(joins("team__isnull=true"), [(Memberships, true)]);
    assert_eq!(joins("team_member=1&team__name=x&alias_name=x").len(), 3);
    assert_eq!(joins("filters=(team_member%3D1)%26(team__name%3Dx)"), [(Memberships, false), (Memberships, true)]);
    assert_eq!(joins("filters=(team_member%3D1)|(team__name%3Dx)"), [(Memberships, false)]);
    assert_eq!(joins("filters=(team_member%3D1)|(id%3D1)"), [(Memberships, true)]);
    assert_eq!(joins("filters=(id%3D1)|(team_member%3D1)|(alias_name%3Da)"), [(Memberships, true), (Aliases, true)]);
    // If a query has two joins of a kind, the later one is shared.
    let later = "filters=(team__name%3Dx%2526team__isnull%3Dtrue)|(team_member%3D1)";
    let filter = parse(&USERS, later).filter;
    let places: Vec<Option<usize>> = filter.conditions().map(|condition| condition.join).collect();
    assert_eq!(places, [Some(0), Some(1), Some(1)]);
    let many = ["(team_member%3D1)"; MAX_JOINED_CONDITIONS + 1];
    assert_eq!(joins(&format!("filters={}", many.join("|"))).len(), 1);
    assert_eq!(
        body(&USERS, &format!("filters={}", many.join("%26"))),
        r#"{"filters":["Too many conditions on related objects: at most 8 can be joined."]}"#
    );
    assert_eq!(
        body(
            &COMMITS,
            &format!("filters={}", ["~(repo_tags__in%3D1)"; MAX_JOINED_CONDITIONS_OF_COMMITS + 1].join("%26"))
        ),
        r#"{"filters":["Too many conditions on related objects: at most 4 can be joined."]}"#
    );
    let contained = |most: usize| format!("filters={}", vec!["(message%3Da)"; most].join("|"));
    assert_eq!(
        parse(&COMMITS, &contained(MAX_CONTAINS_CONDITIONS)).filter.conditions().count(),
        MAX_CONTAINS_CONDITIONS
    );
    assert_eq!(
        body(&COMMITS, &contained(MAX_CONTAINS_CONDITIONS + 1)),
        r#"{"filters":["Too many conditions on parts of texts: at most 20 can be joined."]}"#
    );
    let condition = only(&USERS, "team_member=7");
    assert_eq!((condition.subject, condition.join), (Subject::Filter(FilterTarget::Team), Some(0)));
}

#[test]
fn long_requests_are_parsed_in_linear_time() {
    let ids: Vec<String> = (0..10_000).map(|id| id.to_string()).collect();
    let ids = ids.join(",");
    assert!(matches!(test(&format!("id__in={ids}")), Predicate::OneOf(set) if set.as_slice().len() == 10_000));
    let deep = |pairs: usize| vec!["~(id%3D1)|(id%3D2)%26"; pairs].concat();
    let filter = parse(&USERS, &format!("filters={}(id%3D3)", deep(249))).filter;
    assert_eq!(filter.conditions().count(), MAX_CONDITIONS - 1);
    for pairs in [250, 20_000] {
        assert_eq!(
            body(&USERS, &format!("filters={}(id%3D3)", deep(pairs))),
            r#"{"filters":["Too many conditions: at most 500 can be joined."]}"#
        );
    }
    let open = "(".repeat(100_000);
    assert!(body(&USERS, &format!("filters={open}")).contains("Unable to parse"));
    assert_eq!(parse(&USERS, &format!("filters={open}id%3D1)")).filter.conditions().count(), 0);
}

/// Parameters that are likely to be valid.
fn parameter() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        (0usize..RESOURCES.len(), 0usize..40, 0usize..9, any::<bool>()).prop_map(|(at, field, lookup, negated)| {
            let resource = RESOURCES[at];
            let names: Vec<&str> = resource
                .fields
                .iter()
                .map(|field| field.name)
                .chain(resource.filters.iter().map(|filter| filter.name))
                .collect();
            let name = names[field % names.len()];
            let suffix = Lookup::ALL[lookup].suffix();
            format!("{name}{}{suffix}{}", if suffix.is_empty() { "" } else { "__" }, if negated { "!" } else { "" })
        }),
        prop_oneof!["search", "ordering", "fields", "omit", "limit", "offset", "smart_dedupe", "apply_default_filters"]
            .prop_map(String::from),
    ];
    let value =
        prop_oneof!["[-0-9.e,]{0,6}", "(true|false|1|0)", "2021-06-0[0-9]( 10:00)?", "[a-zé \"',\\\\\u{0}-]{0,6}"];
    (name, value).prop_map(|(name, value)| {
        let mut sent = String::new();
        crate::query::encode_form(&name, &mut sent);
        sent.push('=');
        crate::query::encode_form(&value, &mut sent);
        sent
    })
}

fn query() -> impl Strategy<Value = String> {
    proptest::collection::vec(parameter(), 0..6).prop_map(|parameters| parameters.join("&"))
}

#[test]
fn canonical_text() {
    let canonical = |resource, query: &str| parse(resource, query).canonical();
    for (sent, text) in [
        ("", ""),
        ("limit=100&offset=0&ordering=id&omit=&search=,", ""),
        (
            "apply_default_filters=1",
            "exclude_blocked=true&exclude_merge=true&exclude_outliers=true&exclude_pr_orphans=true&smart_dedupe=true",
        ),
        ("is_merge=true&exclude_merge=true", "exclude_merge=true&is_merge=true"),
        ("impact__gt=-1.5&risk__lt=0.1", "impact__gte=-1.4999&risk__lt=1e-1"),
        ("id=1e30&haloc__lt=1e30&id__in=,", "haloc__lt=1e30&id__gt=1e30&id__in=%2C"),
        ("id__in=1e30&repo_tags__in=1e30,2e30", "id__gt=1e30&repo_tags__in=1e30"),
        ("author_date__lt=2021-06-01", "author_date__lte=2021-05-31T23%3A59%3A59.999999"),
        ("author_date__gt=9999-12-31T23:59:59.999999", "author_date__gte=9999-12-31T00%3A01%3A00.000000-23%3A59"),
        ("search=b+\"a\\\"\"&message=x", "message=X&search=%22A%5C%22%22+%22B%22"),
        ("ordering=-impact,haloc&limit=7&offset=9&fields=", "fields=&limit=7&offset=9&ordering=-impact%2Chaloc"),
        ("omit=id,nope&normalize_authors=1", "normalize_authors=true&omit=id"),
    ] {
        assert_eq!(canonical(&COMMITS, sent), text, "{sent}");
        assert_eq!(parse(&COMMITS, text), parse(&COMMITS, sent), "{sent}");
    }
    assert_eq!(
        canonical(&USERS, "team=1&team__isnull=0&team_member!=1e30"),
        "team__isnull=false&team_member=1&team_member%21=1e30"
    );
    assert_eq!(
        canonical(&COMMITS, "user_alias__apex_user__name!=a&repo=2&repo__id__in=1&ordering=repo__name"),
        "repo__id__in=1&repo_id=2&user_alias__apex_user__name%21=a"
    );
    assert_eq!(canonical(&TEAM_MEMBERSHIP, "ordering=-apex_user__name,team__path"), "ordering=-apex_user__name");
    assert_eq!(canonical(&TEAMS, "exclude_descendants=0&ancestorsof_id=2"), "ancestorsof_id=2");
    assert_eq!(
        canonical(&USERS, "team_member__path__descendantsin=2,1.3,,2"),
        "team_member__path__descendantsin=1.3%2C2"
    );
}

/// Finds the operand type of a parameter by its error messages.
#[test]
fn the_listed_filter_parameters_are_the_parsed_ones() {
    use crate::query::filter_parameters;
    use crate::schema::OperandType;
    for resource in RESOURCES {
        for parameter in filter_parameters(resource) {
            let ask = |value: &str| ListRequest::parse(resource, &format!("{}={value}", parameter.name));
            let message = |value: &str| ask(value).err().map(|errors| errors.to_string());
            let told = |text: &str| Some(format!("{}: {text}", parameter.name));
            let (bad, good, expected) = match parameter.operand {
                OperandType::Number => ("x", "7.5", told("Enter a number.")),
                OperandType::Numbers => ("1,x", "1,2", told("Enter a number.")),
                OperandType::DateTime => ("x", "2021-06-01", told("Enter a valid date/time.")),
                OperandType::Text | OperandType::Texts => ("%00", "x", told("Null characters are not allowed.")),
                OperandType::Boolean => ("x", "true", None),
                OperandType::Date | OperandType::Choice(_) => ("", "", told("No list has such.")),
            };
            assert_eq!(message(bad), expected, "{parameter:?}");
            let condition = ask(good).unwrap().filter.conditions().next().cloned().unwrap();
            assert_eq!(condition.negated, parameter.negated, "{parameter:?}");
        }
    }
}

/// Parts of queries, besides names.
const PIECES: &[&str] = &[
    "=",
    "!=",
    "!",
    "&",
    "&",
    "+",
    "%",
    "%zz",
    "%00",
    "%ED%A0%80",
    "%C3%A9",
    "%25",
    "é",
    "\"",
    "\\",
    ",",
    "-",
    ";",
    "__in=",
    "__in!=",
    "__gt=",
    "__lte!=",
    "__isnull=",
    "__icontains=",
    "__startswith!=",
    "1",
    "1e40",
    "-.5",
    "1,2,x",
    "true",
    "2021-06-05",
    "2021-06-05T10:00%2B02:00",
    "search=",
    "ordering=",
    "fields=",
    "omit=",
    "limit=",
    "offset=",
    "filters=",
    "&filters=(",
    "(",
    ")",
    "~(",
    ")%26(",
    ")|~(",
    ") %7C (",
    "()",
    "%28",
    "%2528",
    "%253D",
    "%2526",
];

/// Concatenated parts of queries, some repeated, up to 16 KB and more.
fn pieces() -> impl Strategy<Value = String> {
    let names = RESOURCES.iter().flat_map(|resource| {
        let fields = resource.fields.iter().map(|field| field.name);
        fields
            .chain(resource.filters.iter().map(|filter| filter.name))
            .chain(resource.flags.iter().map(|flag| flag.name()))
    });
    let names = proptest::sample::select(names.collect::<Vec<&str>>());
    let piece = prop_oneof![3 => proptest::sample::select(PIECES), 1 => names];
    let times = prop_oneof![40 => Just(1usize), 1 => 2..5_000usize];
    proptest::collection::vec((piece, times), 0..40)
        .prop_map(|pieces| pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect())
}

proptest! {
    #[test]
    fn canonical_text_parses_to_the_same_request(
        at in 0usize..RESOURCES.len(),
        plain in query(),
        terms in proptest::collection::vec((any::<bool>(), any::<bool>(), query()), 0..4),
    ) {
        let mut expression = String::new();
        for (is_and, negated, query) in &terms {
            if !expression.is_empty() {
                expression.push(if *is_and { '&' } else { '|' });
            }
            expression.push_str(if *negated { "~(" } else { "(" });
            crate::query::encode_form(&format!("{query}&"), &mut expression);
            expression.push(')');
        }
        let mut sent = plain;
        if !expression.is_empty() {
            sent.push_str("&filters=");
            crate::query::encode_form(&expression, &mut sent);
        }
        if let Ok(request) = ListRequest::parse(RESOURCES[at], &sent) {
            let canonical = request.canonical();
            prop_assert_eq!(ListRequest::parse(RESOURCES[at], &canonical), Ok(request), "{}", canonical);
        }
    }

    #[test]
    fn any_pieces_of_queries_are_answered(at in 0usize..RESOURCES.len(), query in pieces()) {
        let resource = RESOURCES[at];
        match ListRequest::parse(resource, &query) {
            Ok(request) => {
                let canonical = request.canonical();
                prop_assert_eq!(ListRequest::parse(resource, &canonical), Ok(request), "{} {}", query, canonical);
            }
            Err(errors) => prop_assert!(!errors.is_empty() && serde_json::to_string(&errors).is_ok(), "{}", query),
        }
    }

    #[test]
    fn any_query_is_parsed_without_panic(at in 0usize..RESOURCES.len(), text in any::<String>(), expression in "[~()&| a-z0-9=%_!]{0,60}") {
        let _ = ListRequest::parse(RESOURCES[at], &text);
        let _ = ListRequest::parse(RESOURCES[at], &format!("filters={expression}"));
    }

    #[test]
    fn the_order_of_parameters_means_nothing(at in 0usize..RESOURCES.len(), query in query(), seed in any::<usize>()) {
        let parameters: Vec<&str> = query.split('&').collect();
        let name = |parameter: &str| parameter.split('=').next().unwrap_or_default().to_string();
        let mut names: Vec<String> = parameters.iter().map(|parameter| name(parameter)).collect();
        names.sort();
        names.dedup();
        prop_assume!(names.len() == parameters.len());
        let mut turned = parameters.clone();
        turned.rotate_left(seed % parameters.len());
        prop_assert_eq!(ListRequest::parse(RESOURCES[at], &query), ListRequest::parse(RESOURCES[at], &turned.join("&")));
    }

    #[test]
    fn one_query_in_brackets_is_the_query(at in 0usize..RESOURCES.len(), query in query()) {
        let filters: Vec<&str> = query
            .split('&')
            .filter(|parameter| !["search", "ordering", "fields", "omit", "limit", "offset"].iter().any(|name| parameter.starts_with(name)))
            .collect();
        let plain = filters.join("&");
        prop_assume!(!plain.is_empty());
        let mut once = String::new();
        crate::query::encode_form(&plain, &mut once);
        let mut twice = String::from("filters=");
        crate::query::encode_form(&format!("({once})"), &mut twice);
        match (ListRequest::parse(RESOURCES[at], &plain), ListRequest::parse(RESOURCES[at], &twice)) {
            (Ok(plain), Ok(complex)) => prop_assert_eq!(plain.filter, complex.filter),
            (Err(plain), Err(complex)) => prop_assert_eq!(plain.to_string(), complex.to_string()),
            (plain, complex) => prop_assert!(false, "{plain:?} {complex:?}"),
        }
    }
}

//! Measures the documented examples from request text to response text, over rows in memory: `cargo bench --bench lists
//! -- DUMP [PART]` prints medians in milliseconds as a line of JSON for each example that contains PART.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{env, fs};
use streamgage::evaluate::{RowTexts, RowsBuilder, Store, aggregate, list, list_body};
use streamgage::query::{AggregateRequest, Endpoint, ListRequest, Route, route};
use streamgage::schema::{RESOURCES, Resource};

/// The requests of the vendor's pages, of the specification (§2), and of scripts.
const EXAMPLES: &[&str] = &[
    "commits/",
    "commits/?limit=50&offset=10",
    "commits/?limit=1000&offset=90000",
    "commits/?new_work__gt=100000",
    "commits/?new_work__gte=2695",
    "commits/?new_work__lt=10",
    "commits/?new_work__lte=1",
    "commits/?repo_id__in=337844",
    "commits/?repo_id=1&ordering=-author_date",
    "commits/?id__in!=1,2",
    "commits/?message__icontains=progress",
    "commits/?message=progress",
    "commits/?hexsha__startswith=ab",
    "commits/?author_date__gte=2018-06-08&author_date__lt=2018-06-15",
    "commits/?remove_excluded=true",
    "commits/?smart_dedupe=true",
    "commits/?exclude_weekends=true",
    "commits/?exclude_outliers=true",
    "commits/?exclude_pr_orphans=true&exclude_merge=true",
    "commits/?exclude_blocked=true",
    "commits/?normalize_authors=true",
    "commits/?apply_default_filters=true",
    "commits/?apply_default_filters=true&remove_excluded=true&exclude_weekends=true&ordering=-impact,id&limit=1000",
    "commits/?fields=id,new_work,churn&limit=5&ordering=-id",
    "commits/?ordering=author_local_date&omit=message",
    "commits/?ordering=hexsha",
    "commits/?search=fix+bug",
    "commits/?search=e",
    "commits/?repo_tags__in=1,2",
    "commits/?filters=(haloc__gt%253D100%2526is_merge%253Dfalse)%26~(message%253Dfix)%7C(impact__gte%253D50)",
    "commits/?filters=(repo_tags__in%253D1)%7C(haloc__lt%253D5)",
    "commits.agg/?aggregate[count]=id&aggregate[sum]=haloc,churn,impact&group_by[apex_user_id,author_local_date__date]&limit=5000",
    "commits.agg/?aggregate[count]=id&aggregate[sum]=haloc&group_by[repo_id]&apply_default_filters=true",
    "users/?id=1234567890",
    "users/?fields=id,name,email&limit=3",
    "users/?omit=email,teams",
    "users/?name__startswith=chris",
    "users/?fields=id,name&ordering=name&limit=5",
    "users/?limit=1000",
    "team_membership/?limit=1000",
    "users/?team_member=12345",
    "users/?team__name=ExampleTeam",
    "repos/?vendor_type=github",
    "repos/?vendor_type!=github",
    "teams/?name=ExampleTeam",
];

const ROUNDS: usize = 15;

fn median(mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    let mut times: Vec<Duration> = (0..ROUNDS).map(time).collect();
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

/// The lines of the dump by resource.
struct Texts(Vec<(&'static str, Vec<String>)>);

impl RowTexts for Texts {
    fn row_text(&self, resource: &Resource, position: usize) -> &str {
        let (_, lines) = self.0.iter().find(|(name, _)| *name == resource.name).unwrap();
        lines.get(position).unwrap()
    }
}

fn load(folder: &str) -> (Store, Texts) {
    let mut store = Store::default();
    let mut texts = Texts(Vec::new());
    for resource in RESOURCES {
        let path = format!("{folder}/{}.ndjson", resource.name);
        if resource.is_generic && !fs::exists(&path).unwrap_or(false) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut rows = RowsBuilder::new(resource);
        lines.iter().for_each(|line| rows.add_text(line).unwrap());
        store.insert(rows.build());
        texts.0.push((resource.name, lines));
    }
    (store, texts)
}

fn main() {
    let mut arguments = env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let (folder, part) = (arguments.next(), arguments.next().unwrap_or_default());
    let folder = folder.expect("cargo bench --bench lists -- DUMP");
    let (store, lines) = load(&folder);
    if part.is_empty() {
        let time = median(|| drop(black_box(load(&folder)))).as_secs_f64() * 1_000.0;
        println!(r#"{{"request":"load","whole":{time}}}"#);
    }
    for example in EXAMPLES.iter().filter(|example| example.contains(&part)) {
        let request = format!("/v3/customer/core/{example}");
        let (path, query) = request.split_once('?').unwrap_or((&request, ""));
        // The first request computes what all requests share: folded texts and duplicates.
        let (count, parse, find, whole) = match route(path) {
            Route::Endpoint(Endpoint::List(resource)) => {
                let parse = || ListRequest::parse(resource, black_box(query)).unwrap();
                let parsed = parse();
                (
                    list(&parsed, &store).count,
                    median(|| drop(black_box(parse()))),
                    median(|| drop(black_box(list(black_box(&parsed), &store)))),
                    median(|| drop(black_box(list_body(&parse(), &store, &lines, "https://example.com", query)))),
                )
            }
            Route::Endpoint(Endpoint::Aggregate) => {
                let parse = || AggregateRequest::parse(black_box(query)).unwrap();
                let parsed = parse();
                (
                    aggregate(&parsed, &store).count,
                    median(|| drop(black_box(parse()))),
                    median(|| drop(black_box(aggregate(black_box(&parsed), &store)))),
                    median(|| drop(black_box(serde_json::to_string(&aggregate(&parse(), &store).rows).unwrap()))),
                )
            }
            other => panic!("{other:?}"),
        };
        let [parse, find, whole] = [parse, find, whole].map(|time| time.as_secs_f64() * 1_000.0);
        println!(r#"{{"request":"{request}","count":{count},"parse":{parse},"find":{find},"whole":{whole}}}"#);
    }
}

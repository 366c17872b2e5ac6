//! Parameters of the metrics endpoint (§1).

use super::errors::{BAD_DATE, END_BEFORE_START, NOT_A_NUMBER, NULL_CHARACTER, REQUIRED, ValidationErrors, bad_choice};
use super::{IdSet, Parameters, encode_query};
use crate::calendar::Day;
use crate::schema::OperandType;
use crate::text::trim;
use alloc::{borrow::ToOwned, string::String, string::ToString, vec::Vec};

/// A parameter of the metrics endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsParameter {
    /// The name.
    pub name: &'static str,
    /// The type of the value.
    pub operand: OperandType,
    /// Reports whether a request without it is invalid.
    pub required: bool,
}

const fn parameter(name: &'static str, operand: OperandType) -> MetricsParameter {
    MetricsParameter { name, operand, required: false }
}

const fn required(name: &'static str, operand: OperandType) -> MetricsParameter {
    MetricsParameter { name, operand, required: true }
}

const BOOLEANS: &[&str] = &["true", "false"];
const RESOLUTIONS: &[&str] = &["period", "week"];

/// The parameters in documented order, which is also the order of errors.
pub const METRICS_PARAMETERS: [MetricsParameter; 14] = [
    required("start_date", OperandType::Date),
    parameter("end_date", OperandType::Date),
    parameter("include_nested_teams", OperandType::Choice(BOOLEANS)),
    required("resolution", OperandType::Choice(RESOLUTIONS)),
    parameter("apex_user_id", OperandType::Number),
    parameter("apex_user_id__in", OperandType::Numbers),
    parameter("team_id", OperandType::Number),
    parameter("team_id__in", OperandType::Numbers),
    parameter("repo_id", OperandType::Number),
    parameter("repo_id__in", OperandType::Numbers),
    parameter("repo_id_not__in", OperandType::Numbers),
    parameter("repo_tag_id", OperandType::Number),
    parameter("repo_tag_id__in", OperandType::Numbers),
    parameter("repo_name", OperandType::Text),
];

/// The largest age of a start date.
const MAX_YEARS: u32 = 3;

/// A valid metrics request, in canonical form: equivalent requests are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsRequest {
    /// The first day.
    pub start: Day,
    /// The last day.
    pub end: Day,
    /// The resolution of the rows.
    pub resolution: Resolution,
    /// Reports whether each team includes the teams nested in it.
    pub include_nested_teams: bool,
    /// Only these users: `apex_user_id` and `apex_user_id__in`.
    pub users: Option<IdSet>,
    /// Only users who are in one of each of these sets of teams: `team_id`, `team_id__in`.
    pub teams: Vec<IdSet>,
    /// Only these repositories: `repo_id` and `repo_id__in`.
    pub repos: Option<IdSet>,
    /// None of these repositories: `repo_id_not__in`.
    pub repos_not: Option<IdSet>,
    /// Only repositories with a tag of each of these sets: `repo_tag_id`, `repo_tag_id__in`.
    pub repo_tags: Vec<IdSet>,
    /// Only repositories whose name contains this text, any case.
    pub repo_name: Option<String>,
}

/// The period that a row covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A row for each week that has a commit.
    Week,
    /// One row for the range.
    Period,
}

impl MetricsRequest {
    /// Parses a query string. `today` is the current UTC date.
    ///
    /// ```
    /// use streamgage::{calendar::Day, query::MetricsRequest};
    /// let today = Day::parse("2021-07-01").ok_or("no date")?;
    /// let Err(errors) = MetricsRequest::parse("start_date=2018-06-30&include_nested_teams=yes", today) else {
    ///     return Err("should not be valid");
    /// };
    /// assert_eq!(
    ///     errors.iter().collect::<Vec<_>>(),
    ///     [
    ///         ("start_date", "Provide a valid date. Date cannot be more than 3 years prior to now."),
    ///         ("include_nested_teams",
    ///          "Provide a valid choice. 'yes' is not one of the available choices: ['true', 'false']"),
    ///         ("resolution", "This field is required."),
    ///     ],
    /// );
    /// # Ok::<(), &str>(())
    /// ```
    ///
    /// # ValidationErrors
    /// Returns the errors of all parameters, in documented order.
    pub fn parse(query_string: &str, today: Day) -> Result<MetricsRequest, ValidationErrors> {
        let parameters = Parameters::parse(query_string);
        let mut fields = ParameterReader { parameters: &parameters, errors: ValidationErrors::default() };
        let (start, end) = fields.range(today);
        let include_nested_teams = fields.choice("include_nested_teams", BOOLEANS, [true, false]);
        let meanings = [Resolution::Period, Resolution::Week];
        let resolution = fields.required("resolution").and_then(|_| fields.choice("resolution", RESOLUTIONS, meanings));
        let user = fields.id("apex_user_id");
        let users = fields.ids("apex_user_id__in");
        let teams = [fields.id("team_id"), fields.ids("team_id__in")];
        let repo = fields.id("repo_id");
        let repos = fields.ids("repo_id__in");
        let repos_not = fields.ids("repo_id_not__in");
        let repo_tags = [fields.id("repo_tag_id"), fields.ids("repo_tag_id__in")];
        let repo_name = fields.text("repo_name");
        match (start, end, resolution) {
            (Some(start), Some(end), Some(resolution)) if fields.errors.is_empty() => Ok(MetricsRequest {
                start,
                end,
                resolution,
                include_nested_teams: include_nested_teams.unwrap_or(false),
                users: both(user, users),
                teams: sets(teams),
                repos: both(repo, repos),
                repos_not: repos_not.filter(|ids| !ids.as_slice().is_empty()),
                repo_tags: sets(repo_tags),
                repo_name,
            }),
            _ => Err(fields.errors),
        }
    }

    /// Returns the query string that represents all equivalent ones. Parsed on the same day, it gives this request
    /// again.
    ///
    /// ```
    /// use streamgage::{calendar::Day, query::MetricsRequest};
    /// let today = Day::parse("2021-07-01").ok_or("no date")?;
    /// let request = MetricsRequest::parse("resolution=week&start_date=2021-06-01&team_id=07&repo_id__in=,", today);
    /// assert_eq!(
    ///     request.map_err(|errors| errors.to_string())?.canonical(),
    ///     "end_date=2021-07-01&repo_id__in=%2C&resolution=week&start_date=2021-06-01&team_id__in=7",
    /// );
    /// # Ok::<(), String>(())
    /// ```
    pub fn canonical(&self) -> String {
        let resolution = match self.resolution {
            Resolution::Week => "week",
            Resolution::Period => "period",
        };
        let mut pairs = Vec::from([
            ("start_date", self.start.to_string()),
            ("end_date", self.end.to_string()),
            ("resolution", resolution.to_owned()),
        ]);
        if self.include_nested_teams {
            pairs.push(("include_nested_teams", "true".to_owned()));
        }
        let lists =
            [("apex_user_id__in", &self.users), ("repo_id__in", &self.repos), ("repo_id_not__in", &self.repos_not)];
        pairs.extend(lists.into_iter().filter_map(|(name, ids)| Some((name, ids.as_ref()?.to_parameter()))));
        for (one, list, sets) in
            [("team_id", "team_id__in", &self.teams), ("repo_tag_id", "repo_tag_id__in", &self.repo_tags)]
        {
            pairs.extend(sets.last().map(|ids| (list, ids.to_parameter())));
            // If there are two sets, the first was a single number. No id is as large as this one.
            if let [first, _] = sets.as_slice() {
                pairs.push((one, first.as_slice().first().map_or("1e30".to_owned(), i64::to_string)));
            }
        }
        pairs.extend(self.repo_name.clone().map(|name| ("repo_name", name)));
        pairs.sort();
        encode_query(pairs.iter().map(|(name, value)| (*name, value.as_str())))
    }
}

/// Parses parameters and collects their errors.
struct ParameterReader<'a> {
    parameters: &'a Parameters<'a>,
    errors: ValidationErrors,
}

impl<'a> ParameterReader<'a> {
    fn range(&mut self, today: Day) -> (Option<Day>, Option<Day>) {
        let start = self.required("start_date").and_then(|_| self.date("start_date", today.years_before(MAX_YEARS)));
        let end = match self.parameters.value("end_date") {
            Some(_) => self.date("end_date", Day::from_number(i32::MIN)),
            // Further east it is already tomorrow in UTC. Such a day is its own end.
            None => Some(start.filter(|&start| start == today.next()).unwrap_or(today)),
        };
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            self.errors.add("end_date", END_BEFORE_START);
        }
        (start, end)
    }

    fn required(&mut self, name: &str) -> Option<&'a str> {
        let value = self.parameters.value(name);
        if value.is_none() {
            self.errors.add(name, REQUIRED);
        }
        value
    }

    fn date(&mut self, name: &str, earliest: Day) -> Option<Day> {
        self.read(name, BAD_DATE, |value| Day::parse(trim(value)).filter(|&day| day >= earliest))
    }

    fn id(&mut self, name: &str) -> Option<IdSet> {
        self.read(name, NOT_A_NUMBER, IdSet::parse_one)
    }

    fn ids(&mut self, name: &str) -> Option<IdSet> {
        self.read(name, NOT_A_NUMBER, IdSet::parse_list)
    }

    fn read<T>(&mut self, name: &str, message: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.parameters.value(name)?;
        let read = parse(value);
        if read.is_none() {
            self.errors.add(name, message);
        }
        read
    }

    fn choice<T: Copy>(&mut self, name: &str, choices: &[&str], meanings: [T; 2]) -> Option<T> {
        let value = self.parameters.value(name)?;
        let choice = choices.iter().zip(meanings).find(|(choice, _)| **choice == value);
        if choice.is_none() {
            self.errors.add(name, bad_choice(value, choices));
        }
        choice.map(|(_, meaning)| meaning)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let value = trim(self.parameters.value(name)?);
        if value.contains('\0') {
            self.errors.add(name, NULL_CHARACTER);
        }
        (!value.is_empty()).then(|| value.to_owned())
    }
}

fn both(one: Option<IdSet>, other: Option<IdSet>) -> Option<IdSet> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.intersection(&other)),
        (one, other) => one.or(other),
    }
}

fn sets(pair: [Option<IdSet>; 2]) -> Vec<IdSet> {
    pair.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;

    fn parse(query: &str) -> Result<MetricsRequest, ValidationErrors> {
        MetricsRequest::parse(query, Day::parse("2024-02-29").unwrap())
    }

    /// The 400 body of a query, as JSON.
    fn body(query: &str) -> String {
        serde_json::to_string(&parse(query).unwrap_err()).unwrap()
    }

    const GOOD: &str = "start_date=2023-01-01&resolution=week";

    #[test]
    fn the_vendors_example_error() {
        assert_eq!(
            body("start_date=2020-01-01&include_nested_teams=yes&resolution=month"),
            concat!(
                r#"{"start_date":["Provide a valid date. Date cannot be more than 3 years prior to now."],"#,
                r#""include_nested_teams":["Provide a valid choice. 'yes' is not one of the available choices: "#,
                r#"['true', 'false']"],"resolution":["Provide a valid choice. 'month' is not one of the available "#,
                r#"choices: ['period', 'week']"]}"#
            )
        );
    }

    #[test]
    fn errors_come_in_documented_order() {
        let query: Vec<String> = METRICS_PARAMETERS.iter().rev().map(|known| format!("{}=x%00", known.name)).collect();
        let errors = parse(&query.join("&")).unwrap_err();
        assert!(errors.iter().map(|(name, _)| name).eq(METRICS_PARAMETERS.map(|known| known.name)));
    }

    #[test]
    fn required_and_blank() {
        assert_eq!(
            body("resolution=week&resolution="),
            r#"{"start_date":["This field is required."],"resolution":["This field is required."]}"#
        );
        let blanks: String = METRICS_PARAMETERS.iter().skip(4).map(|known| format!("&{}=", known.name)).collect();
        assert_eq!(parse(&format!("{GOOD}&include_nested_teams=&end_date={blanks}")), parse(GOOD));
    }

    #[test]
    fn three_years_back_from_a_leap_day() {
        assert!(parse("start_date=2021-02-28&resolution=week").is_ok());
        assert!(parse("start_date=+2021-02-28%0a&resolution=week").is_ok());
        let too_old = r#"{"start_date":["Provide a valid date. Date cannot be more than 3 years prior to now."]}"#;
        assert_eq!(body("start_date=2021-02-27&resolution=week"), too_old);
        assert_eq!(body("start_date=2021-02-27&resolution=week&end_date=2020-01-01"), too_old);
        assert_eq!(body("start_date=+&resolution=week"), too_old);
    }

    #[test]
    fn end_dates() {
        let before = r#"{"end_date":["Provide a valid date. end_date cannot be before start_date."]}"#;
        assert_eq!(body("start_date=2024-03-02&resolution=week"), before);
        assert_eq!(body("start_date=2024-03-01&end_date=2024-02-29&resolution=week"), before);
        assert_eq!(body("start_date=2024-02-02&end_date=2024-02-01&resolution=week"), before);
        assert_eq!(body("start_date=2024-02-02&end_date=0001-01-01&resolution=week"), before);
        assert_eq!(
            body("start_date=2024-02-02&end_date=0000-01-01&resolution=week"),
            r#"{"end_date":["Provide a valid date. Date cannot be more than 3 years prior to now."]}"#
        );
        assert_eq!(parse(GOOD).unwrap().end.to_owned(), Day::parse("2024-02-29").unwrap());
        assert!(parse(&format!("{GOOD}&end_date=9999-12-31")).is_ok());
    }

    #[test]
    fn tomorrow_in_utc_is_its_own_end() {
        let tomorrow = Day::parse("2024-03-01").unwrap();
        for blank in ["", "&end_date="] {
            let request = parse(&format!("start_date=2024-03-01&resolution=week{blank}")).unwrap();
            assert_eq!((request.start, request.end), (tomorrow, tomorrow));
        }
    }

    #[test]
    fn parameters_on_one_field_intersect() {
        let request = parse(&format!("{GOOD}&apex_user_id=2&apex_user_id__in=1,2,3&repo_id=9&repo_id__in=1")).unwrap();
        assert_eq!(request.users.unwrap().as_slice(), [2]);
        assert_eq!(request.repos.unwrap().as_slice(), [] as [i64; 0]);
    }

    #[test]
    fn an_empty_list_matches_nothing_and_its_negation_excludes_nothing() {
        let request = parse(&format!("{GOOD}&apex_user_id__in=,&repo_id_not__in=,")).unwrap();
        assert_eq!(request.users, Some(IdSet::default()));
        assert_eq!(request.repos_not, None);
    }

    #[test]
    fn an_empty_set_beside_another_has_canonical_text() {
        for query in ["team_id=1e40&team_id__in=1", "repo_tag_id=2&repo_tag_id__in=,", "apex_user_id=1e40"] {
            let request = parse(&format!("{GOOD}&{query}")).unwrap();
            assert_eq!(parse(&request.canonical()), Ok(request), "{query}");
        }
    }

    #[test]
    fn texts_are_trimmed() {
        assert_eq!(parse(&format!("{GOOD}&repo_name=+a+b+")).unwrap().repo_name.as_deref(), Some("a b"));
        assert_eq!(parse(&format!("{GOOD}&repo_name=+")).unwrap().repo_name, None);
        assert_eq!(body(&format!("{GOOD}&repo_name=a%00")), r#"{"repo_name":["Null characters are not allowed."]}"#);
    }

    #[test]
    fn choices_are_not_trimmed() {
        assert!(body("start_date=2023-01-01&resolution=week+").contains("'week '"));
        assert!(body(&format!("{GOOD}&include_nested_teams=TRUE")).contains("'TRUE'"));
    }

    proptest! {
        #[test]
        fn any_query_is_parsed_without_panic(
            pairs in proptest::collection::vec((0usize..15, "[-0-9a-z,%+. ]{0,12}"), 0..12)
        ) {
            let name = |&index: &usize| METRICS_PARAMETERS.get(index).map_or("other", |known| known.name);
            let query: Vec<String> = pairs.iter().map(|(index, value)| format!("{}={value}", name(index))).collect();
            match parse(&query.join("&")) {
                Ok(request) => prop_assert!(request.start <= request.end),
                Err(errors) => prop_assert!(!errors.is_empty()),
            }
        }

        #[test]
        fn canonical_text_parses_to_the_same_request(
            pairs in proptest::collection::vec(
                (1usize..15, prop_oneof!["[0-3]", "[0-3,]{1,6}", "1e40|-1.5|true|false|week|period|2024-02-2[0-9]", "[a-z%+ é&]{1,4}"]),
                0..5,
            )
        ) {
            let mut query = String::from(GOOD);
            for (index, value) in &pairs {
                query += &format!("&{}={value}", METRICS_PARAMETERS.get(*index).map_or("other", |known| known.name));
            }
            if let Ok(request) = parse(&query) {
                let canonical = request.canonical();
                prop_assert_eq!(parse(&canonical), Ok(request), "{} {}", query, canonical);
            }
        }
    }
}

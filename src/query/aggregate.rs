//! Parameters of the aggregate of commits, `commits.agg` (§2).

use super::{ListRequest, Parameters, ValidationErrors};
use crate::schema::{COMMITS, Field, Kind};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A valid request for the aggregate of commits.
///
/// All filters and flags of commits apply, and pages. Rows are in ascending order of their groups. Fields that can not
/// be grouped by or aggregated are ignored [ours].
///
/// ```
/// use streamgage::query::AggregateRequest;
/// let query = "aggregate[count]=id&aggregate[sum]=haloc,nope&group_by[apex_user_id,author_local_date__date]&limit=5";
/// let request = AggregateRequest::parse(query).map_err(|errors| errors.to_string())?;
/// assert_eq!(request.columns(), ["apex_user_id", "author_local_date_date", "id_count", "haloc_sum"]);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateRequest {
    /// The filter of the commits and the requested page. Its ordering and projection have no effect.
    pub list: ListRequest,
    /// The values that the commits of a row have in common. Without groups, all commits are one row.
    pub groups: Vec<Group>,
    /// The aggregates of a row's commits.
    pub aggregates: Vec<Aggregate>,
}

/// A value that commits are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The index of the field in [`COMMITS`].
    pub field: usize,
    /// Reports whether commits are grouped by the date of a date-time.
    pub date: bool,
}

/// An aggregate of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// The index of the field in [`COMMITS`].
    pub field: usize,
    /// The function.
    pub function: AggregateFunction,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// The number of values that are not null.
    Count,
    /// The sum of the values; null if there are none.
    Sum,
}

impl AggregateRequest {
    /// Parses a query string.
    ///
    /// # ValidationErrors
    /// Returns the errors of a list of commits.
    pub fn parse(query_string: &str) -> Result<AggregateRequest, ValidationErrors> {
        let list = ListRequest::parse(&COMMITS, query_string)?;
        let parameters = Parameters::parse(query_string);
        let mut groups: Vec<Group> = Vec::new();
        for (name, _) in parameters.iter() {
            let names = name.strip_prefix("group_by[").and_then(|names| names.strip_suffix(']'));
            for group in names.into_iter().flat_map(|names| names.split(',')).filter_map(Group::find) {
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
        }
        let mut aggregates: Vec<Aggregate> = Vec::new();
        for (name, function) in
            [("aggregate[count]", AggregateFunction::Count), ("aggregate[sum]", AggregateFunction::Sum)]
        {
            let names = parameters.value(name).into_iter().flat_map(|names| names.split(','));
            for aggregate in names.filter_map(|name| Aggregate::find(name, function)) {
                if !aggregates.contains(&aggregate) {
                    aggregates.push(aggregate);
                }
            }
        }
        Ok(AggregateRequest { list, groups, aggregates })
    }

    /// Returns the column names of a row, in order.
    pub fn columns(&self) -> Vec<String> {
        self.groups.iter().map(Group::column).chain(self.aggregates.iter().map(Aggregate::column)).collect()
    }
}

/// Returns the fields that can be grouped by or aggregated, with their indexes.
fn fields() -> impl Iterator<Item = (usize, &'static Field)> {
    COMMITS.row_fields().filter(|(_, field)| !field.capabilities.is_display_only())
}

fn name(field: usize) -> &'static str {
    COMMITS.fields.get(field).map_or("", |field| field.name)
}

impl Group {
    /// Returns all groups.
    pub fn all() -> impl Iterator<Item = Group> {
        fields().filter_map(|(place, field)| match field.kind {
            Kind::DateTime => Some(Group { field: place, date: true }),
            Kind::Integer | Kind::Boolean | Kind::Text | Kind::Reference => Some(Group { field: place, date: false }),
            Kind::Decimal | Kind::Number | Kind::Ids | Kind::Json => None,
        })
    }

    /// Returns the name in `group_by`.
    pub fn name(&self) -> String {
        format!("{}{}", name(self.field), if self.date { "__date" } else { "" })
    }

    /// Returns the column name.
    pub fn column(&self) -> String {
        format!("{}{}", name(self.field), if self.date { "_date" } else { "" })
    }

    fn find(name: &str) -> Option<Group> {
        Group::all().find(|group| group.name() == name)
    }
}

impl Aggregate {
    /// Returns all aggregates of a function.
    pub fn all(function: AggregateFunction) -> impl Iterator<Item = Aggregate> {
        let is_fit = move |field: &Field| match function {
            AggregateFunction::Count => true,
            AggregateFunction::Sum => matches!(field.kind, Kind::Integer | Kind::Decimal | Kind::Number),
        };
        fields().filter(move |(_, field)| is_fit(field)).map(move |(field, _)| Aggregate { field, function })
    }

    /// Returns the name of the field.
    pub fn name(&self) -> &'static str {
        name(self.field)
    }

    /// Returns the column name.
    pub fn column(&self) -> String {
        match self.function {
            AggregateFunction::Count => format!("{}_count", self.name()),
            AggregateFunction::Sum => format!("{}_sum", self.name()),
        }
    }

    fn find(name: &str, function: AggregateFunction) -> Option<Aggregate> {
        Aggregate::all(function).find(|aggregate| aggregate.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_clients() {
        let sent = concat!(
            "aggregate%5Bcount%5D=id&aggregate%5Bsum%5D=haloc%2Cchurn%2Cimpact",
            "&group_by%5Bapex_user_id%2Cauthor_local_date__date%5D&limit=5000&exclude_merge=true"
        );
        let request = AggregateRequest::parse(sent).unwrap();
        assert_eq!(
            request.columns(),
            ["apex_user_id", "author_local_date_date", "id_count", "haloc_sum", "churn_sum", "impact_sum"]
        );
        assert_eq!((request.list.page.limit, request.list.filter.conditions().count()), (1000, 1));
    }

    #[test]
    fn unsupported_aggregates_are_ignored() {
        let columns = |query: &str| AggregateRequest::parse(query).unwrap().columns();
        assert_eq!(columns("group_by[impact,author_date,id__date,nope,extracted_tags]"), [""; 0]);
        assert_eq!(columns("group_by[repo_id]=x&group_by[is_merge,repo_id]"), ["repo_id", "is_merge"]);
        assert_eq!(columns("aggregate[sum]=message,author_date,risk&aggregate[max]=id"), ["risk_sum"]);
        assert_eq!(columns("aggregate[count]=id&aggregate[count]=hexsha,hexsha"), ["hexsha_count"]);
        assert!(AggregateRequest::parse("aggregate[count]=id&id=x").is_err());
    }
}

//! SQL expressions for the values that conditions compare.

use crate::store::computed_columns::{Form, has_folded_value};
use crate::store::table::table as rows_of;
use streamgage::query::Subject;
use streamgage::schema::{Field, FilterTarget, Kind, Missing, Resource};

/// An expression for a value, and for the form of it that `icontains` compares.
pub(super) struct Column {
    pub kind: Kind,
    pub plain: String,
    folded: String,
    /// The computed column of a text field: NULL if `upper` of the field is its folded form.
    folded_column: Option<String>,
}

impl Column {
    /// Returns the column of a field of a table.
    pub fn of_field(resource: &Resource, table: &str, field: &Field) -> Column {
        let name = field.name;
        if field.missing == Missing::Absent || has_folded_value(field) {
            let value = |name: &str| format!("({table}.filter_values ->> '$.{name}')");
            let (kind, plain) = match (field.missing, field.kind) {
                (Missing::Absent, kind) => (kind, value(name)),
                // A JSON string stands for its text.
                (_, Kind::Json) => {
                    (Kind::Text, format!("iif({table}.{name} LIKE '\"%', {table}.{name} ->> '$', {table}.{name})"))
                }
                (_, kind) => (kind, format!("{table}.{name}")),
            };
            let folded = format!("coalesce({}, upper({plain}))", value(&format!("{name}_folded")));
            return Column { kind, plain, folded, folded_column: None };
        }
        let form = Form::of(resource, field);
        let computed = form.map(|form| format!("{table}.{}", form.column(field)));
        let plain = match (form, &computed) {
            (Some(Form::Instant), Some(computed)) => format!("coalesce({computed}, {table}.{name})"),
            _ => format!("{table}.{name}"),
        };
        let folded_column = computed.filter(|_| form == Some(Form::Folded));
        let folded = match &folded_column {
            Some(computed) => format!("coalesce({computed}, upper({table}.{name}))"),
            None => format!("upper({table}.{name})"),
        };
        Column { kind: field.kind, plain, folded, folded_column }
    }

    /// Returns the column of a field of a table, or of an object that a field of it refers to; `None` for other subjects.
    pub fn of_subject(resource: &Resource, table: &str, subject: Subject) -> Option<Column> {
        let field = match subject {
            Subject::Field(index) => return Some(Column::of_field(resource, table, resource.fields.get(index)?)),
            Subject::Referenced(field) => field,
            Subject::Filter(_) | Subject::Flag(_) | Subject::Search => return None,
        };
        let (reference, other, subject) = field.follow(resource)?;
        let object = format!("{table}_object");
        let column = Column::of_subject(other, &object, subject)?;
        let id = Column::of_name(resource, table, reference.field)?.plain;
        let select =
            |column: &str| format!("(SELECT {column} FROM {} AS {object} WHERE {object}.id = {id})", rows_of(other));
        Some(Column {
            kind: column.kind,
            plain: select(&column.plain),
            folded: select(&column.folded),
            folded_column: None,
        })
    }

    /// Returns the column of the field with a name.
    pub fn of_name(resource: &Resource, table: &str, name: &str) -> Option<Column> {
        resource.fields.get(resource.position(name)?).map(|field| Column::of_field(resource, table, field))
    }

    /// Returns the column that a filter compares, of a table of related rows.
    pub fn of_related(target: FilterTarget, table: &str) -> Column {
        let text = |name: &str| Column {
            kind: Kind::Text,
            plain: format!("{table}.{name}"),
            folded: format!("coalesce({table}.{name}_folded, upper({table}.{name}))"),
            folded_column: None,
        };
        let name = |resource: &str, id: &str| Column {
            kind: Kind::Text,
            plain: format!("(SELECT name FROM {resource} WHERE id = {table}.{id})"),
            folded: format!("(SELECT coalesce(name_folded, upper(name)) FROM {resource} WHERE id = {table}.{id})"),
            folded_column: None,
        };
        // No filter searches in these texts.
        let of_team = |column: &str| Column {
            plain: format!("(SELECT {column} FROM teams WHERE id = {table}.team_id)"),
            ..Column::null()
        };
        let id = |id: &str| Column {
            kind: Kind::Integer,
            plain: format!("{table}.{id}"),
            folded: String::new(),
            folded_column: None,
        };
        match target {
            FilterTarget::AliasName => text("name"),
            FilterTarget::AliasEmail => text("email"),
            FilterTarget::Team | FilterTarget::AnyTeam => id("team_id"),
            FilterTarget::TeamName => name("teams", "team_id"),
            FilterTarget::TeamPath => of_team("path"),
            FilterTarget::TeamVisibility => of_team("visibility"),
            FilterTarget::Tag | FilterTarget::OwnTag => id("tag_id"),
            FilterTarget::TagName => name("tags", "tag_id"),
            _ => id("id"),
        }
    }

    /// Returns an expression for an integer.
    pub fn integer(expression: &str) -> Column {
        Column { kind: Kind::Integer, plain: expression.to_owned(), folded: String::new(), folded_column: None }
    }

    /// Returns the column of a related row that does not exist.
    pub fn null() -> Column {
        Column { kind: Kind::Text, plain: "NULL".to_owned(), folded: "NULL".to_owned(), folded_column: None }
    }

    /// Reports whether [`Column::contains`] can use a pattern of `LIKE`.
    pub fn uses_pattern(&self) -> bool {
        self.folded_column.is_some()
    }

    /// Returns the condition that the value contains a text. `text` and `pattern` are the parameters of the text and of
    /// its [`like_pattern`].
    pub fn contains(&self, text: &str, pattern: Option<&str>) -> String {
        match (&self.folded_column, pattern) {
            // LIKE ignores the case of ASCII, and takes half as long as creating an upper-case text of each value.
            (Some(folded), Some(pattern)) => {
                format!(
                    "CASE WHEN {folded} IS NULL THEN {} LIKE {pattern} ELSE instr({folded}, {text}) > 0 END",
                    self.plain
                )
            }
            _ => format!("instr({}, {text}) > 0", self.folded),
        }
    }
}

/// D1's limit of a pattern, in bytes.
const MAX_PATTERN: usize = 50;

/// Returns the pattern of `LIKE` that matches texts that contain a text, if D1 accepts it and no character is special.
pub(super) fn like_pattern(text: &str) -> Option<String> {
    let is_special = |byte| matches!(byte, b'%' | b'_' | 0);
    (text.len() + 2 <= MAX_PATTERN && !text.bytes().any(is_special)).then(|| format!("%{text}%"))
}

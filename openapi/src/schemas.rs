//! JSON schemas of parameters, rows and responses.

use crate::field_descriptions::field_description;
use crate::json::{Json, list, object};
use streamgage::query::{Aggregate, AggregateFunction, Group};
use streamgage::schema::{
    COMMITS, Field, Kind, MAX_INTEGER, Missing, Nested, NestedSource, OperandType, OutputField, Resource,
};

/// The greatest number that a filter of a list takes.
const MAX_NUMBER: f64 = 1e50;

/// A regular expression of the valid dates from 0001-01-01 to 9999-12-31.
const DATE: &str = concat!(
    "(([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])",
    "-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)",
);
const TIME: &str = concat!(
    "([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]+)?)?",
    "(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?)?",
);

/// Returns a reference to a component.
pub(crate) fn reference(kind: &str, name: &str) -> Json {
    object! { "$ref" => format!("#/components/{kind}/{name}") }
}

pub(crate) fn schema(name: &str) -> Json {
    reference("schemas", name)
}

/// Returns the schema of a parameter's value.
pub(crate) fn operand(operand: OperandType) -> Json {
    match operand {
        OperandType::Number => schema("Number"),
        OperandType::Numbers => object! { "type" => "array", "items" => schema("Number") },
        OperandType::Text => schema("Text"),
        OperandType::Texts => object! { "type" => "array", "items" => schema("Text") },
        OperandType::DateTime => schema("DateTime"),
        OperandType::Boolean => object! { "type" => "boolean" },
        OperandType::Date => object! { "type" => "string", "format" => "date" },
        OperandType::Choice(choices) => object! { "type" => "string", "enum" => Json::list(choices.iter().copied()) },
    }
}

/// Returns the schemas that all resources share.
pub(crate) fn common() -> Vec<(&'static str, Json)> {
    let text = |description: &'static str| object! { "type" => "string", "description" => description };
    vec![
        (
            "Number",
            object! {
                "type" => "number", "maximum" => MAX_NUMBER,
                "description" => "A number. On whole-number fields it is truncated toward zero: `id=1.5` finds 1.",
            },
        ),
        ("Text", text("Text without NUL. Surrounding white space is trimmed.").with("pattern", r"^[^\x00]*$")),
        (
            "DateTime",
            text(
                "`YYYY-MM-DD` or `YYYY-MM-DD hh:mm[:ss[.f]]`, also with `T` instead of the space, and optionally followed by `Z` or \
                 an offset. Without an offset the time is UTC, unless the description of the field says otherwise.",
            )
            .with("pattern", format!("^{DATE}{TIME}$"))
            .with("examples", list!["2021-06-09", "2021-06-09T10:42:07"]),
        ),
        (
            "Detail",
            object! {
                "type" => "object", "required" => list!["detail"], "additionalProperties" => false,
                "properties" => object! { "detail" => object! { "type" => "string" } },
            },
        ),
        (
            "Errors",
            object! {
                "type" => "object", "minProperties" => 1,
                "description" => "The messages of each invalid parameter, by its name as sent. \
                    Errors in `filters` are grouped by the query in parentheses.",
                "additionalProperties" => object! { "anyOf" => list![
                    schema("Messages"),
                    object! {
                        "type" => "object",
                        "additionalProperties" => object! {
                            "type" => "object", "additionalProperties" => schema("Messages"),
                        },
                    },
                ]},
            },
        ),
        ("Messages", object! { "type" => "array", "minItems" => 1, "items" => object! { "type" => "string" } }),
        (
            "ImportError",
            object! {
                "type" => "object", "required" => list!["line", "field", "error"], "additionalProperties" => false,
                "properties" => object! {
                    "line" => object! { "type" => list!["integer", "null"], "minimum" => 1 },
                    "field" => object! { "type" => list!["string", "null"] },
                    "error" => object! { "type" => "string" },
                },
            },
        ),
    ]
}

/// Returns the schema of an object. No field is required, because `fields` and `omit` select fields.
pub(crate) fn row(resource: &'static Resource) -> Json {
    let shown = resource.output_fields().map(|shown| match shown {
        OutputField::Field(_, field) => (field.name, with_description(resource, field, value(field))),
        OutputField::Nested(nested) => (nested.name, nested_rows(nested)),
    });
    object! {
        "type" => "object",
        "description" => "The fields that `fields` and `omit` select, and imported fields that this schema does \
            not list.",
        "properties" => Json::object(shown.collect::<Vec<_>>()),
    }
}

/// Returns the name of the schema of an imported row.
pub(crate) fn import_row_name(resource: &Resource) -> String {
    if resource.is_generic { "ImportedGenericRow".to_owned() } else { format!("{}Row", resource.title) }
}

/// Returns the schemas of the rows of generic resources, as lists show them and as imports take them.
pub(crate) fn generic() -> [(&'static str, Json); 2] {
    let row = |description: &'static str| {
        object! {
            "type" => "object", "description" => description,
            "properties" => object! {
                "id" => object! { "type" => "integer", "minimum" => -MAX_INTEGER, "maximum" => MAX_INTEGER },
            },
            "additionalProperties" => true,
        }
    };
    [
        ("GenericRow", row("The row as it was imported, or the members that `fields` and `omit` select.")),
        (
            "ImportedGenericRow",
            row("Any object with an `id`. It is stored and shown as it is.").with("required", list!["id"]),
        ),
    ]
}

fn nested_rows(nested: &'static Nested) -> Json {
    let fields = nested.resource.fields.iter().filter(|field| nested.fields.contains(&field.name));
    let object = object! {
        "type" => "object", "required" => Json::list(nested.fields.iter().copied()), "additionalProperties" => false,
        "properties" => Json::object(fields.map(|field| (field.name, with_description(nested.resource, field, value(field))))),
    };
    match nested.source {
        NestedSource::TeamsOfUser | NestedSource::Ids => object! { "type" => "array", "items" => object },
        NestedSource::Id => object! {
            "anyOf" => list![object, object! { "type" => "null" }],
            "description" => format!("The object with the id `{}`, or null if it does not exist.", nested.after),
        },
    }
}

/// Returns the schema of an imported row, which has ids instead of nested objects. Unknown fields are kept.
pub(crate) fn import_row(resource: &'static Resource) -> Json {
    let properties = resource.fields.iter().map(|field| {
        let (least, greatest) = field.range.bounds();
        let value = match field.kind {
            Kind::Integer if field.missing != Missing::Absent => {
                value(field).with("minimum", least).with("maximum", greatest)
            }
            Kind::Decimal => value(field).with("minimum", -900_719_925_474.0).with("maximum", 900_719_925_474.0),
            _ => value(field),
        };
        (field.name, with_description(resource, field, value))
    });
    let required = resource.fields.iter().filter(|field| field.missing == Missing::Required);
    let row = object! {
        "type" => "object",
        "required" => Json::list(required.map(|field| field.name)),
        "properties" => Json::object(properties),
    };
    let dates = |name: &'static str| {
        object! { "required" => list![name], "properties" => object! { name => schema("DateTime") } }
    };
    if resource == &COMMITS { row.with("anyOf", list![dates("author_date"), dates("author_local_date")]) } else { row }
}

/// Returns the schema of a row that deletes the stored row with its id.
pub(crate) fn deletion() -> Json {
    object! {
        "type" => "object", "required" => list!["id", "_deleted"],
        "description" => "Deletes the row with this id.",
        "properties" => object! {
            "id" => object! { "type" => "integer", "minimum" => -MAX_INTEGER, "maximum" => MAX_INTEGER },
            "_deleted" => object! { "const" => true },
        },
    }
}

fn with_description(resource: &Resource, field: &Field, value: Json) -> Json {
    let about = field_description(resource.name, field.name).map(sentence);
    match about {
        Some(text) => value.with("description", text),
        None => value,
    }
}

/// Adds a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}

/// Returns the schema of a field's values. Optional fields may be null.
fn value(field: &Field) -> Json {
    // Fields that only some rows have are kept as they came, whatever their type.
    if field.missing == Missing::Absent {
        return Json::object::<&str, Json>([]);
    }
    let nullable = field.missing != Missing::Required;
    let name = match field.kind {
        Kind::Integer | Kind::Reference => "integer",
        Kind::Decimal | Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Text => "string",
        Kind::DateTime => {
            let date = schema("DateTime");
            return if nullable {
                object! { "anyOf" => list![date, object! { "type" => "null" }] }
            } else {
                date
            };
        }
        Kind::Ids => {
            let id = object! { "type" => "integer", "minimum" => -MAX_INTEGER, "maximum" => MAX_INTEGER };
            // An object with the id is accepted, because rows show objects.
            let shown = object! {
                "type" => "object", "required" => list!["id"], "properties" => object! { "id" => id.clone() },
            };
            return object! { "type" => list!["array", "null"], "items" => object! { "anyOf" => list![id, shown] } };
        }
        Kind::Json => return Json::object::<&str, Json>([]),
    };
    let name = if nullable { list![name, "null"] } else { name.into() };
    object! { "type" => name }
}

/// Returns the schema of a row of the aggregate.
pub(crate) fn aggregate_row() -> Json {
    let field = |place: usize| COMMITS.fields.get(place);
    let groups = Group::all().filter_map(|group| {
        let value = match field(group.field)? {
            _ if group.date => object! { "type" => list!["string", "null"], "format" => "date" },
            field => value(field),
        };
        Some((group.column(), value))
    });
    let counts = Aggregate::all(AggregateFunction::Count)
        .map(|aggregate| (aggregate.column(), object! { "type" => "integer", "minimum" => 0 }));
    let sums = Aggregate::all(AggregateFunction::Sum).filter_map(|aggregate| {
        let kind = if field(aggregate.field)?.kind == Kind::Integer { "integer" } else { "number" };
        Some((aggregate.column(), object! { "type" => list![kind, "null"] }))
    });
    object! {
        "type" => "object", "additionalProperties" => false,
        "description" => "The requested groups, then the requested aggregates.",
        "properties" => Json::object(groups.chain(counts).chain(sums).collect::<Vec<_>>()),
    }
}

/// Returns the schema of a page.
pub(crate) fn page(row: Json) -> Json {
    let link =
        |what: &'static str| object! { "type" => list!["string", "null"], "format" => "uri", "description" => what };
    object! {
        "type" => "object", "required" => list!["count", "next", "previous", "results"],
        "additionalProperties" => false,
        "properties" => object! {
            "count" => object! {
                "type" => "integer", "minimum" => 0, "description" => "The number of rows on all pages.",
            },
            "next" => link("The URL of the next page; null on the last page."),
            "previous" => link("The URL of the previous page; null on the first page."),
            "results" => object! { "type" => "array", "items" => row },
        },
    }
}

/// Returns the schema of the result of a metrics request.
pub(crate) fn metrics() -> Json {
    let number = |what: &'static str| object! { "type" => "number", "description" => what };
    let row = object! {
        "type" => "object", "additionalProperties" => false,
        "required" => list!["active_days", "commit_count", "total_impact", "total_efficiency"],
        "properties" => object! {
            "period_start_date" => object! {
                "type" => "string", "format" => "date",
                "description" => "The Monday of the week, even if it is before `start_date`; only with \
                    `resolution=week`.",
            },
            "active_days" => number("Coding days per active user and week."),
            "commit_count" => number("Commits per coding day."),
            "total_impact" => number("Impact per active user and week."),
            "total_efficiency" => number("The percentage of added or edited lines that are not churn, or 100.0 if there are no lines."),
        },
    };
    object! {
        "type" => "object", "required" => list!["count", "results"], "additionalProperties" => false,
        "properties" => object! {
            "count" => object! { "type" => "integer", "minimum" => 0, "description" => "The number of rows." },
            "results" => object! {
                "type" => "array", "items" => row,
                "description" => "Oldest first, without weeks that have no commits.",
            },
        },
    }
}

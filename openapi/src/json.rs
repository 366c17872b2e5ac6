//! JSON values whose objects keep the order of their members, and which may contain JSON text.
//!
//! `serde_json::Value` would keep the order with its feature `preserve_order`. Cargo would enable the feature in the command
//! line as well, which relies on sorted members to write canonical rows.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Json {
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(Cow<'static, str>),
    List(Vec<Json>),
    #[serde(serialize_with = "members")]
    Object(Vec<(Cow<'static, str>, Json)>),
    /// JSON text.
    Raw(Box<RawValue>),
}

fn members<S: Serializer>(members: &[(Cow<'static, str>, Json)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
}

/// `object! { "name" => value, … }`
macro_rules! object {
    ($($name:expr => $value:expr),* $(,)?) => {
        $crate::json::Json::Object(vec![
            $((::std::borrow::Cow::from($name), $crate::json::Json::from($value))),*
        ])
    };
}

/// `list![value, …]`
macro_rules! list {
    ($($value:expr),* $(,)?) => {
        $crate::json::Json::List(vec![$($crate::json::Json::from($value)),*])
    };
}

pub(crate) use {list, object};

impl Json {
    /// Returns JSON text unchanged, and invalid text as null.
    pub fn raw(text: &str) -> Json {
        RawValue::from_string(text.to_owned()).map_or_else(|_| Json::null(), Json::Raw)
    }

    /// Serializes a value.
    pub fn serialized(value: &impl Serialize) -> Json {
        serde_json::value::to_raw_value(value).map_or_else(|_| Json::null(), Json::Raw)
    }

    pub fn null() -> Json {
        Json::Raw(RawValue::NULL.to_owned())
    }

    pub fn list<T: Into<Json>>(values: impl IntoIterator<Item = T>) -> Json {
        Json::List(values.into_iter().map(Into::into).collect())
    }

    pub fn object<N: Into<Cow<'static, str>>, T: Into<Json>>(members: impl IntoIterator<Item = (N, T)>) -> Json {
        Json::Object(members.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Adds a member to an object.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Json>) -> Json {
        if let Json::Object(members) = &mut self {
            members.push((name.into(), value.into()));
        }
        self
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Flag(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Json {
        Json::Whole(value)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Json {
        Json::Number(value)
    }
}

impl From<&'static str> for Json {
    fn from(text: &'static str) -> Json {
        Json::Text(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::Text(text.into())
    }
}

impl From<Vec<Json>> for Json {
    fn from(values: Vec<Json>) -> Json {
        Json::List(values)
    }
}

//! JSON that is put together: its objects keep their order, and what is JSON text already goes in as it is.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A value.
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
    Written(Box<RawValue>),
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
    /// JSON text as it is; none, as null.
    pub fn written(text: &str) -> Json {
        RawValue::from_string(text.to_owned()).map_or_else(|_| Json::null(), Json::Written)
    }

    /// What serializes, as it does.
    pub fn of(value: &impl Serialize) -> Json {
        serde_json::value::to_raw_value(value).map_or_else(|_| Json::null(), Json::Written)
    }

    pub fn null() -> Json {
        Json::Written(RawValue::NULL.to_owned())
    }

    /// A list of these.
    pub fn list<T: Into<Json>>(values: impl IntoIterator<Item = T>) -> Json {
        Json::List(values.into_iter().map(Into::into).collect())
    }

    /// An object of these members.
    pub fn object<N: Into<Cow<'static, str>>, T: Into<Json>>(members: impl IntoIterator<Item = (N, T)>) -> Json {
        Json::Object(members.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// An object of one more member.
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

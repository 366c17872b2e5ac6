//! Values as JSON text and back: what is kept, what front and keeper hand to each other, what the database found.
//!
//! What is read was mostly written by this, if by another version of it. All else reads as `None`, and counts as absent.

use std::fmt::Write;
use streamgage::json::{Reader, Value, unescape, write_text};

/// What can be written as JSON, and read again.
pub(crate) trait Json: Sized {
    /// Writes it.
    fn write_json(&self, out: &mut String);

    /// Reads it where it comes next.
    fn read_json(from: &mut Reader<'_>) -> Option<Self>;
}

pub(crate) fn to_text(value: &impl Json) -> String {
    let mut text = String::new();
    value.write_json(&mut text);
    text
}

/// Reads a text that is one value and nothing more.
pub(crate) fn from_text<T: Json>(text: &str) -> Option<T> {
    let mut reader = Reader::new(text);
    let value = T::read_json(&mut reader)?;
    reader.end().ok()?;
    Some(value)
}

/// Text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_text(text, &mut quoted);
    quoted
}

/// The text of each element of a list.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let mut reader = Reader::new(text);
    let mut elements = Vec::new();
    let is_list = reader.elements(&mut elements).ok()?;
    reader.end().ok()?;
    is_list.then_some(elements)
}

/// Begins a list.
pub(crate) fn begin(from: &mut Reader<'_>) -> Option<()> {
    from.begin(b'[').then_some(())
}

/// The next element of the list that was begun.
pub(crate) fn item<T: Json>(from: &mut Reader<'_>) -> Option<T> {
    if from.more().ok()? { T::read_json(from) } else { None }
}

/// That the list ends here.
pub(crate) fn end(from: &mut Reader<'_>) -> Option<()> {
    from.more().is_ok_and(|more| !more).then_some(())
}

/// Writes one more element of a list; `out` ends with its bracket, or with the element before.
pub(crate) fn add(value: &impl Json, out: &mut String) {
    if !out.ends_with('[') {
        out.push(',');
    }
    value.write_json(out);
}

/// Writes and reads a struct as the list of its fields: without their names, and without the code that finds them.
macro_rules! as_list {
    ($name:ident { $($field:ident),+ }) => {
        impl $crate::codec::Json for $name {
            fn write_json(&self, out: &mut String) {
                out.push('[');
                $($crate::codec::add(&self.$field, out);)+
                out.push(']');
            }

            fn read_json(from: &mut ::streamgage::json::Reader<'_>) -> Option<Self> {
                $crate::codec::begin(from)?;
                let value = $name { $($field: $crate::codec::item(from)?),+ };
                $crate::codec::end(from)?;
                Some(value)
            }
        }
    };
}

/// Writes and reads an enum as the list of its variant's name and fields.
macro_rules! as_tagged_list {
    ($name:ident { $($variant:ident $({ $($field:ident),+ })?),+ }) => {
        impl $crate::codec::Json for $name {
            fn write_json(&self, out: &mut String) {
                match self {
                    $($name::$variant $({ $($field),+ })? => {
                        out.push_str(concat!("[\"", stringify!($variant), "\""));
                        $($($crate::codec::add($field, out);)+)?
                    })+
                }
                out.push(']');
            }

            fn read_json(from: &mut ::streamgage::json::Reader<'_>) -> Option<Self> {
                $crate::codec::begin(from)?;
                let value = match from.element().ok()?? {
                    $(concat!("\"", stringify!($variant), "\"") => {
                        $name::$variant $({ $($field: $crate::codec::item(from)?),+ })?
                    })+
                    _ => return None,
                };
                $crate::codec::end(from)?;
                Some(value)
            }
        }
    };
}

pub(crate) use {as_list, as_tagged_list};

macro_rules! numbers {
    ($($number:ident),+) => {
        $(impl Json for $number {
            fn write_json(&self, out: &mut String) {
                // Writing into a String can't fail.
                let _ = write!(out, "{self}");
            }

            fn read_json(from: &mut Reader<'_>) -> Option<Self> {
                from.value().ok()?.parse::<i64>().ok()?.try_into().ok()
            }
        })+
    };
}

// What they parse is JSON already, and of that they take whole numbers alone.
numbers!(i32, i64, u8, u16, u32, u64, usize);

impl Json for bool {
    fn write_json(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        from.value().ok()?.parse().ok()
    }
}

impl Json for String {
    fn write_json(&self, out: &mut String) {
        write_text(self, out);
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        match Value::of(from.value().ok()?) {
            Value::Text(text) => Some(unescape(text)?.into_owned()),
            _ => None,
        }
    }
}

impl<T: Json> Json for Option<T> {
    fn write_json(&self, out: &mut String) {
        match self {
            Some(value) => value.write_json(out),
            None => out.push_str("null"),
        }
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        if from.null() { Some(None) } else { T::read_json(from).map(Some) }
    }
}

fn write_list<T: Json>(values: &[T], out: &mut String) {
    out.push('[');
    values.iter().for_each(|value| add(value, out));
    out.push(']');
}

impl<T: Json> Json for Vec<T> {
    fn write_json(&self, out: &mut String) {
        write_list(self, out);
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        begin(from)?;
        let mut values = Vec::new();
        while from.more().ok()? {
            values.push(T::read_json(from)?);
        }
        Some(values)
    }
}

impl<T: Json, const LENGTH: usize> Json for [T; LENGTH] {
    fn write_json(&self, out: &mut String) {
        write_list(self, out);
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        Vec::read_json(from)?.try_into().ok()
    }
}

impl<A: Json, B: Json> Json for (A, B) {
    fn write_json(&self, out: &mut String) {
        out.push('[');
        add(&self.0, out);
        add(&self.1, out);
        out.push(']');
    }

    fn read_json(from: &mut Reader<'_>) -> Option<Self> {
        begin(from)?;
        let value = (item(from)?, item(from)?);
        end(from)?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    type Sample = (i64, (bool, [Option<String>; 2]));

    proptest! {
        #[test]
        fn reads_as_another_reader(text in r#"(\[-?[0-9]{1,3},\[(true|false),\[(null|"[a\\u0041n]{0,6}"),"x"\]\]\]|[\[\]", 01truefalsn-]{0,14})"#) {
            // Of a minus with a zero the other makes a fraction.
            prop_assume!(!text.contains("-0"));
            prop_assert_eq!(from_text::<Sample>(&text), serde_json::from_str(&text).ok());
            prop_assert_eq!(from_text::<Vec<Vec<u8>>>(&text), serde_json::from_str(&text).ok());
            prop_assert_eq!(from_text::<Option<bool>>(&text), serde_json::from_str(&text).ok());
        }

        #[test]
        fn writes_as_another_writer(sample in any::<Sample>(), bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(to_text(&sample), serde_json::to_string(&sample).unwrap());
            prop_assert_eq!(from_text(&to_text(&sample)), Some(sample));
            prop_assert_eq!(to_text(&bytes), serde_json::to_string(&bytes).unwrap());
            prop_assert_eq!(from_text(&to_text(&bytes)), Some(bytes));
        }

        #[test]
        fn elements_are_those_of_another_reader(text in r#"(\[ ?(("a\]"|[0-9], ?\[\{?\}?\])? ?,?){0,3}\]|[\[\]", 01]{0,10})"#) {
            let expected: Option<Vec<&RawValue>> = serde_json::from_str(&text).ok();
            prop_assert_eq!(elements(&text), expected.map(|row| row.into_iter().map(RawValue::get).collect()));
        }
    }

    #[test]
    fn numbers_that_do_not_fit() {
        assert_eq!(from_text::<u8>("255"), Some(255));
        assert_eq!(from_text::<i64>("-9223372036854775808"), Some(i64::MIN));
        for text in ["256", "-1", "1.0", "1e1", "\"1\"", "null", "true", "[1]", "01", "+1", ""] {
            assert_eq!(from_text::<u8>(text), None, "{text}");
        }
    }
}

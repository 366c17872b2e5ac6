//! Commits as metrics read them.

use super::{Record, Records};
use crate::calendar::{DateTime, Day};
use crate::schema::{COMMITS, Range, Resource, RowError, Value, field_spec};
use alloc::boxed::Box;
use core::hash::{Hash, Hasher};
use streamgage_kernel::row::RowScanner;

/// A commit, reduced to what metrics need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// The author.
    pub apex_user_id: i64,
    /// The repository.
    pub repo_id: i64,
    /// The calendar day in the author's local time.
    pub day: Day,
    /// Merges are not counted.
    pub is_merge: bool,
    /// Commits of pull requests that were never merged are not counted.
    pub is_pr_orphan: bool,
    /// Outliers, commits with an `outlier_reason`, are not counted.
    pub is_outlier: bool,
    /// Of the commits that share an `ignore_hash`, only the first is counted.
    pub ignore_hash: Option<IgnoreHash>,
    /// Lines of code, added or edited.
    pub haloc: i64,
    /// The number of these lines that rework recent ones of the same author.
    pub churn: i64,
    /// Impact, in ten-thousandths.
    pub impact: i64,
}

/// A text that is only compared. Most are short enough to need no allocation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IgnoreHash(Repr);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Repr {
    /// The length, and the bytes padded with zeros.
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

/// The vendor's hashes have twelve digits.
const SHORT: usize = 14;

impl IgnoreHash {
    /// Copies a part of a text.
    fn of_part(text: &[u8], from: usize, to: usize) -> Option<IgnoreHash> {
        let length = to.checked_sub(from)?;
        let Some(bytes) = text.get(from..).and_then(|rest| rest.first_chunk::<SHORT>()).filter(|_| length <= SHORT)
        else {
            return text.get(from..to).map(IgnoreHash::from);
        };
        // A copy of variable length would be a call.
        let mut own = *bytes;
        own.iter_mut().enumerate().for_each(|(place, byte)| *byte = if place < length { *byte } else { 0 });
        Some(IgnoreHash(Repr::Short(length as u8, own)))
    }
}

impl Hash for IgnoreHash {
    // Hashes words, because hashing any number of bytes needs much more code.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (bytes, length) = match &self.0 {
            Repr::Short(length, bytes) => (bytes.as_slice(), usize::from(*length)),
            Repr::Long(bytes) => (&**bytes, bytes.len()),
        };
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| state.write_u64(u64::from_le_bytes(*word)));
        let rest = rest.iter().fold(length as u64, |rest, &byte| rest << 8 | u64::from(byte));
        state.write_u64(rest);
    }
}

impl From<&[u8]> for IgnoreHash {
    fn from(text: &[u8]) -> IgnoreHash {
        let mut bytes = [0; SHORT];
        IgnoreHash(match bytes.get_mut(..text.len()) {
            Some(own) => {
                own.copy_from_slice(text);
                Repr::Short(text.len() as u8, bytes)
            }
            None => Repr::Long(text.into()),
        })
    }
}

impl From<&str> for IgnoreHash {
    fn from(text: &str) -> IgnoreHash {
        IgnoreHash::from(text.as_bytes())
    }
}

/// Returns the calendar day of a commit in its author's local time (§1, §4).
///
/// The day comes from `author_local_date` as written, otherwise from `author_date` moved by `author_tzoffset` (seconds
/// east of UTC), otherwise from `author_date` as written, with its own offset if it has one.
///
/// ```
/// use streamgage::{calendar::{DateTime, Day}, metrics::author_day};
/// let date = DateTime::parse("2016-07-31T00:53:12");
/// assert_eq!(author_day(None, date, Some(-25_200)), Day::parse("2016-07-30"));
/// assert_eq!(author_day(date, None, Some(-25_200)), Day::parse("2016-07-31"));
/// ```
pub fn author_day(
    author_local_date: Option<DateTime>,
    author_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
) -> Option<Day> {
    let local_date = author_local_date.or_else(|| Some(author_date?.at_offset(author_tzoffset)));
    local_date.map(|date| date.written_day())
}

/// Returns the [`author_day`] of a commit.
///
/// # Errors
/// Returns an error for a commit without an author date. Every reader of commits refuses it (§4).
pub fn require_author_day(
    author_local_date: Option<DateTime>,
    author_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
) -> Result<Day, RowError> {
    author_day(author_local_date, author_date, author_tzoffset)
        .ok_or_else(|| RowError::new("author_date", "is required, or author_local_date"))
}

/// The fields of a commit before its day is known.
#[derive(Debug, Default)]
pub struct CommitDraft {
    commit: Commit,
    author_date: Option<DateTime>,
    author_local_date: Option<DateTime>,
    author_tzoffset: Option<i64>,
}

const ID: usize = COMMITS.field_index("id");
const APEX_USER_ID: usize = COMMITS.field_index("apex_user_id");
const REPO_ID: usize = COMMITS.field_index("repo_id");
const AUTHOR_DATE: usize = COMMITS.field_index("author_date");
const AUTHOR_LOCAL_DATE: usize = COMMITS.field_index("author_local_date");
const AUTHOR_TZOFFSET: usize = COMMITS.field_index("author_tzoffset");
const COMMITTER_TZOFFSET: usize = COMMITS.field_index("committer_tzoffset");
const IS_MERGE: usize = COMMITS.field_index("is_merge");
const IS_PR_ORPHAN: usize = COMMITS.field_index("is_pr_orphan");
const OUTLIER_REASON: usize = COMMITS.field_index("outlier_reason");
const IGNORE_HASH: usize = COMMITS.field_index("ignore_hash");
const HALOC: usize = COMMITS.field_index("haloc");
const CHURN: usize = COMMITS.field_index("churn");
const IMPACT: usize = COMMITS.field_index("impact");

impl Record for Commit {
    const RESOURCE: &'static Resource = &COMMITS;
    type Draft = CommitDraft;

    #[inline]
    fn set(draft: &mut CommitDraft, place: usize, value: Value<'_>) {
        let commit = &mut draft.commit;
        match place {
            APEX_USER_ID => commit.apex_user_id = value.integer().unwrap_or(0),
            REPO_ID => commit.repo_id = value.integer().unwrap_or(0),
            AUTHOR_DATE => draft.author_date = value.date_time(),
            AUTHOR_LOCAL_DATE => draft.author_local_date = value.date_time(),
            AUTHOR_TZOFFSET => draft.author_tzoffset = value.integer(),
            IS_MERGE => commit.is_merge = value == Value::Boolean(true),
            IS_PR_ORPHAN => commit.is_pr_orphan = value == Value::Boolean(true),
            OUTLIER_REASON => commit.is_outlier = value != Value::Null,
            IGNORE_HASH => commit.ignore_hash = value.text().map(IgnoreHash::from),
            HALOC => commit.haloc = value.integer().unwrap_or(0),
            CHURN => commit.churn = value.integer().unwrap_or(0),
            IMPACT => commit.impact = value.decimal().unwrap_or(0),
            _ => {}
        }
    }

    fn finish(draft: CommitDraft) -> Result<Commit, RowError> {
        let day = require_author_day(draft.author_local_date, draft.author_date, draft.author_tzoffset)?;
        Ok(Commit { day, ..draft.commit })
    }
}

/// Reads commits from their text, and of each only what metrics need.
///
/// Takes plain rows only. [`Records::read_text`](super::Records::read_text) reads all others, several times slower: see
/// `npm run bench -- text`.
#[derive(Clone, Debug)]
pub struct CommitReader(RowScanner);

impl Default for CommitReader {
    fn default() -> CommitReader {
        let fields = COMMITS.fields.iter().enumerate();
        CommitReader(RowScanner::new(fields.map(|(index, field)| field_spec(field, is_needed(index)))))
    }
}

impl CommitReader {
    /// Reads the commit that a text begins with, and returns the length of its row, which is UTF-8 up to there.
    ///
    /// Returns `None` if the row is not plain or invalid.
    pub fn read(&mut self, text: &[u8], commits: &mut Records<Commit>) -> Option<usize> {
        let length = self.0.read(text)?;
        let integer = |field| self.0.integer(field);
        let date_time = |field| {
            let (written, _) = self.0.date_time(field)?;
            Some(DateTime { written, microsecond: 0, offset: None })
        };
        let is_true = |field| integer(field) == Some(1);
        let count = |field| integer(field).map_or(Some(0), |count| Some(count).filter(|&count| count >= 0));
        let is_offset = |field| integer(field).is_none_or(|offset| Range::WithinDay.contains(offset));
        if !is_offset(AUTHOR_TZOFFSET) || !is_offset(COMMITTER_TZOFFSET) {
            return None;
        }
        let commit = Commit {
            apex_user_id: integer(APEX_USER_ID)?,
            repo_id: integer(REPO_ID)?,
            day: author_day(date_time(AUTHOR_LOCAL_DATE), date_time(AUTHOR_DATE), integer(AUTHOR_TZOFFSET))?,
            is_merge: is_true(IS_MERGE),
            is_pr_orphan: is_true(IS_PR_ORPHAN),
            is_outlier: integer(OUTLIER_REASON).is_some(),
            ignore_hash: match self.0.text(IGNORE_HASH) {
                Some(span) if span.is_escaped => return None,
                Some(span) => Some(IgnoreHash::of_part(text, span.begin, span.end)?),
                None => None,
            },
            haloc: count(HALOC)?,
            churn: count(CHURN)?,
            impact: integer(IMPACT).unwrap_or(0),
        };
        commits.insert(integer(ID)?, commit);
        Some(length)
    }
}

/// Reports whether metrics need a field of commits.
fn is_needed(field: usize) -> bool {
    matches!(
        field,
        ID | APEX_USER_ID
            | REPO_ID
            | AUTHOR_DATE
            | AUTHOR_LOCAL_DATE
            | AUTHOR_TZOFFSET
            // Only its range is checked.
            | COMMITTER_TZOFFSET
            | IS_MERGE
            | IS_PR_ORPHAN
            | OUTLIER_REASON
            | IGNORE_HASH
            | HALOC
            | CHURN
            | IMPACT
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String, vec::Vec};
    use proptest::prelude::*;

    fn sorted(commits: &Records<Commit>) -> Vec<(i64, Commit)> {
        commits.sorted().into_iter().map(|(id, commit)| (id, commit.clone())).collect()
    }

    fn fast(text: &str) -> Option<(Vec<(i64, Commit)>, usize)> {
        let mut commits = Records::default();
        let length = CommitReader::default().read(text.as_bytes(), &mut commits)?;
        Some((sorted(&commits), length))
    }

    fn carefully(text: &str) -> Option<Vec<(i64, Commit)>> {
        let mut commits = Records::<Commit>::default();
        commits.read_text(text).ok()?;
        Some(sorted(&commits))
    }

    const USUAL: &str = r#"{"id":1,"hexsha":"bc64","apex_user_id":7,"repo_id":3,"author_date":"2016-07-31T00:53:12","author_tzoffset":-25200,"is_merge":false,"outlier_reason":null,"ignore_hash":"bc64194be17b","haloc":1708,"impact":16.6,"message":"Let's\n\"go\" \u00e9é","extracted_tags":[],"other":7}"#;

    #[test]
    fn usual_rows_are_read_fast_at_any_end_of_the_text() {
        let (commits, length) = fast(&format!("{USUAL},{{")).unwrap();
        assert_eq!((Some(commits), length), (carefully(USUAL), USUAL.len()));
        let spaced = USUAL.replace("\":", "\": ").replace(",\"", ", \"");
        assert_eq!(fast(&spaced).map(|(commits, _)| commits), carefully(USUAL));
        // The second row has the order of the first, with and without text after it.
        let (mut reader, mut commits) = (CommitReader::default(), Records::default());
        for row in [USUAL, USUAL, &spaced, &spaced, USUAL] {
            for behind in [0, 80] {
                let text = format!("{row}{}", "\n".repeat(behind));
                assert_eq!(reader.read(text.as_bytes(), &mut commits), Some(row.len()));
                assert_eq!(Some(sorted(&commits)), carefully(USUAL));
            }
        }
        assert_eq!(reader.read(USUAL.replace('\u{e9}', "\u{fe}").as_bytes(), &mut commits), Some(USUAL.len()));
        let mut bytes = USUAL.as_bytes().to_vec();
        bytes.iter_mut().filter(|byte| **byte == 0xc3).for_each(|byte| *byte = 0xff);
        bytes.extend([b' '; 80]);
        assert_eq!(reader.read(&bytes, &mut commits), None, "is not UTF-8");
    }

    #[test]
    fn invalid_rows_and_rows_that_delete_are_left_to_serde() {
        for (from, to) in [
            ("\"id\":1", "\"id\":null"),
            ("\"id\":1,", ""),
            ("\"id\":1,", "\"_deleted\":true,\"id\":1,"),
            ("2016-07-31", "2016-02-30"),
            ("00:53:12", "24:00:00"),
            ("1708", "01708"),
            ("1708", "1708.0"),
            ("1708", "9007199254740992"),
            ("1708", "\"1708\""),
            ("16.6", "16.60001"),
            ("16.6", "1e2"),
            ("16.6", "."),
            ("\\u00e9", "\\ud83d"),
            ("\\u00e9", "\\x"),
            ("\\n", "\n"),
            ("false", "falsy"),
            ("bc64194be17b", "a\\n"),
            ("7}", "7"),
            ("[]", "[1]"),
        ] {
            let row = USUAL.replace(from, to);
            assert_ne!(row, USUAL);
            assert_eq!(fast(&row), None, "{row}");
            // Text after an incomplete row is no part of it.
            if row.ends_with('}') {
                assert_eq!(fast(&format!("{row}{}", " ".repeat(80))), None, "{row}");
            }
        }
    }

    proptest! {
        /// A row that is read fast gives the same commit as one that is read carefully.
        #[test]
        fn both_readers_agree(
            members in proptest::collection::vec(
                (any::<prop::sample::Index>(), prop_oneof![
                    "-?[0-9]{1,3}(\\.[0-9]{0,6})?", "[0-9]{14,18}", "-?[0-9]{1,13}\\.[0-9]{1,5}", "true|false|null",
                    r#""[a-z"é ]{0,20}(\\[nu"/x0-9d]{1,6})?[a-z]{0,20}""#,
                    "\"[0-2][0-9]{3}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-6][0-9]:[0-6][0-9])?\"", "\\[1?\\]", " 1", "1e3", "-0",
                ]), 0..10),
            end in "\\}?,?[}\"a]{0,2}",
        ) {
            let date = r#""author_date":"2024-02-29T23:59:59""#;
            let required = ["id", "apex_user_id", "repo_id"].map(|name| format!("\"{name}\":1"));
            let others = members.iter().map(|(index, value)| format!("\"{}\":{value}", index.get(COMMITS.fields).name));
            let members: Vec<String> = required.into_iter().chain([date.into()]).chain(others).collect();
            let text = format!("{{{}{end}", members.join(","));
            let spaced = format!("{{{}{end}", members.join(", ").replacen("\":", "\": ", 3));
            // Rows near the end of the text, and rows like or unlike the one before, take different paths.
            let behind = " ".repeat(80);
            for text in [&text, &spaced, &format!("{text}{behind}"), &format!("{spaced}{behind}")] {
                for before in ["", USUAL, r#"{"other": 1, "repo_id": 1, "id": 7, "apex_user_id": 1}"#] {
                    let (mut reader, mut commits) = (CommitReader::default(), Records::default());
                    reader.read(format!("{before}{behind}").as_bytes(), &mut Records::default());
                    if let Some(length) = reader.read(text.as_bytes(), &mut commits) {
                        let row = text.get(..length);
                        prop_assert_eq!(Some(sorted(&commits)), row.and_then(carefully), "{} after {}", text, before);
                    }
                }
            }
        }

        #[test]
        fn each_second_of_the_calendar(number in -62_135_596_800i64..253_402_300_800) {
            let (day, second) = (i32::try_from(number.div_euclid(86_400)).unwrap(), number.rem_euclid(86_400));
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let date = format!("{}T{hour:02}:{minute:02}:{second:02}", Day::from_number(day));
            let text = format!(r#"{{"id":1,"apex_user_id":1,"repo_id":1,"author_local_date":"{date}"}}"#);
            prop_assert_eq!(fast(&text).unwrap().0[0].1.day.number(), day);
        }
    }
}

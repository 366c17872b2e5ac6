//! Reads CODEOWNERS files, in GitHub's format.

use crate::objects::Objects;
use crate::problems::Problems;
use crate::tree::regular_files;
use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};
use gix::glob::Pattern;
use gix::glob::pattern::Case;
use gix::glob::wildmatch::Mode;

/// The places of the file. The first that exists counts.
const PLACES: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// The teams that own files.
#[derive(Debug, Default)]
pub(crate) struct CodeOwners(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    /// True for patterns such as `docs/*`, which do not match files in subfolders.
    is_shallow: bool,
    teams: Vec<String>,
}

impl CodeOwners {
    /// Reads the file of a tree.
    pub fn read(objects: &mut Objects<'_>, tree: ObjectId, problems: &mut Problems) -> CodeOwners {
        let found = regular_files(objects, tree, b"CODEOWNERS").unwrap_or_default();
        let place = PLACES.iter().find_map(|place| found.iter().find(|(path, _)| path == place.as_bytes()));
        let Some(text) = place.and_then(|(_, id)| objects.read(id).ok()) else {
            problems.add("no CODEOWNERS file can be read".to_owned());
            return CodeOwners::default();
        };
        let (owners, unusable) = CodeOwners::parse(&text);
        for line in unusable {
            problems.add(format!("CODEOWNERS: this line cannot be used: {line}"));
        }
        owners
    }

    /// Parses a file. Returns the lines that cannot be used, too.
    fn parse(text: &[u8]) -> (CodeOwners, Vec<String>) {
        let mut rules = Vec::new();
        let mut unusable = Vec::new();
        for line in text.lines().map(<[u8]>::trim) {
            // GitLab's sections begin with a bracket.
            if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"[") || line.starts_with(b"^[") {
                continue;
            }
            let (pattern, owners) = split(line);
            let parsed = if pattern.starts_with(b"!") { None } else { Pattern::from_bytes_without_negation(pattern) };
            let Some(parsed) = parsed else {
                unusable.push(line.to_str_lossy().into_owned());
                continue;
            };
            let owners = owners.to_str_lossy();
            let owners = owners.split_whitespace().take_while(|owner| !owner.starts_with('#'));
            let teams = owners.filter_map(|owner| owner.strip_prefix('@').filter(|owner| owner.contains('/')));
            rules.push(Rule {
                is_shallow: pattern.ends_with(b"/*"),
                pattern: parsed,
                teams: teams.map(str::to_owned).collect(),
            });
        }
        (CodeOwners(rules), unusable)
    }

    /// Returns the teams that own a file, by the last rule that matches it.
    pub fn teams(&self, path: &[u8]) -> &[String] {
        let CodeOwners(rules) = self;
        rules.iter().rev().find(|rule| rule.matches(path)).map(|rule| rule.teams.as_slice()).unwrap_or_default()
    }
}

impl Rule {
    fn matches(&self, path: &[u8]) -> bool {
        let matches = |path: &[u8], is_folder: bool| {
            let name = path.rfind_byte(b'/').map(|slash| slash.saturating_add(1));
            let path = BStr::new(path);
            let mode = Mode::NO_MATCH_SLASH_LITERAL;
            self.pattern.matches_repo_relative_path(path, name, Some(is_folder), Case::Sensitive, mode)
        };
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let mut folders = slashes.filter_map(|(slash, _)| path.get(..slash));
        matches(path, false) || (!self.is_shallow && folders.any(|folder| matches(folder, true)))
    }
}

/// Splits a line at the first space that no backslash precedes.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let mut is_escaped = false;
    let end = line.iter().position(|byte| {
        let is_end = byte.is_ascii_whitespace() && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    line.split_at_checked(end.unwrap_or(line.len())).unwrap_or((line, b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_matches_names_the_teams() {
        let text = b"# comment\n\
            *            @acme/all @someone someone@x.org\n\
            *.js         @acme/web  # the page\n\
            /build/logs/ @acme/ops\n\
            docs/*       @acme/docs\n\
            apps/        @acme/apps @acme/all\n\
            /apps/github\n\
            **/secret    @acme/ops\n\
            /with\\ space @acme/space\n\
            !not         @acme/none\n\
            [Section] @acme/none\n";
        let (owners, unusable) = CodeOwners::parse(text);
        for (path, expected) in [
            ("a.rs", "acme/all"),
            ("deep/a.js", "acme/web"),
            ("build/logs/x/y.txt", "acme/ops"),
            ("deep/build/logs/y.txt", "acme/all"),
            ("docs/a.md", "acme/docs"),
            ("docs/deep/a.md", "acme/all"),
            ("x/apps/a.js", "acme/apps acme/all"),
            ("apps/github/a.js", ""),
            ("a/secret/b/c", "acme/ops"),
            ("with space", "acme/space"),
        ] {
            assert_eq!(owners.teams(path.as_bytes()).join(" "), expected, "{path}");
        }
        assert_eq!(unusable, ["!not         @acme/none"]);
    }
}

//! Decides which files are not code.

use gix_attributes::search::{MetadataCollection, Outcome};
use gix_attributes::{Search, StateRef};
use globset::{Glob, GlobSet, GlobSetBuilder};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The reason why a changed file is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// A submodule.
    Submodule,
    /// A symbolic link.
    SymbolicLink,
    /// A pointer to a file in Git LFS.
    LfsPointer,
    /// A file with a NUL byte, or with the attribute `-diff` or `binary`.
    Binary,
    /// A file with the attribute `linguist-generated`.
    Generated,
    /// A file with the attribute `linguist-vendored`.
    Vendored,
    /// A file on the built-in list of generated and vendored files.
    CommonlyGenerated,
    /// A file that `--exclude` names.
    ExcludedByOption,
    /// A file that no `--include` names.
    NotIncluded,
}

impl Exclusion {
    /// Describes the files, for a summary.
    pub fn label(self) -> &'static str {
        match self {
            Exclusion::Submodule => "submodules",
            Exclusion::SymbolicLink => "symbolic links",
            Exclusion::LfsPointer => "LFS pointers",
            Exclusion::Binary => "binary",
            Exclusion::Generated => "generated (.gitattributes)",
            Exclusion::Vendored => "vendored (.gitattributes)",
            Exclusion::CommonlyGenerated => "commonly generated or vendored",
            Exclusion::ExcludedByOption => "excluded by --exclude",
            Exclusion::NotIncluded => "without a match of --include",
        }
    }
}

/// Generated and vendored files that are common enough to leave out everywhere.
///
/// A pattern without a slash names files and folders at any depth, a pattern that ends in `/**` all files of a folder.
pub const COMMONLY_GENERATED: &[&str] = &[
    "**/node_modules/**",
    "**/bower_components/**",
    "**/vendor/**",
    "**/third_party/**",
    "**/thirdparty/**",
    "**/Godeps/**",
    "**/Pods/**",
    "**/Carthage/**",
    "**/.yarn/**",
    "**/__snapshots__/**",
    "**/*.snap",
    "**/package-lock.json",
    "**/npm-shrinkwrap.json",
    "**/yarn.lock",
    "**/pnpm-lock.yaml",
    "**/bun.lock",
    "**/deno.lock",
    "**/Cargo.lock",
    "**/Gemfile.lock",
    "**/Pipfile.lock",
    "**/poetry.lock",
    "**/pdm.lock",
    "**/uv.lock",
    "**/composer.lock",
    "**/mix.lock",
    "**/pubspec.lock",
    "**/Podfile.lock",
    "**/Package.resolved",
    "**/packages.lock.json",
    "**/gradle.lockfile",
    "**/flake.lock",
    "**/go.sum",
    "**/*.min.js",
    "**/*.min.css",
    "**/*.js.map",
    "**/*.css.map",
    "**/*.pb.go",
    "**/*.pb.cc",
    "**/*.pb.h",
    "**/*_pb2.py",
    "**/*_pb2_grpc.py",
    "**/*_pb.js",
    "**/*_pb.d.ts",
    "**/*.g.dart",
    "**/*.freezed.dart",
    "**/*.designer.cs",
    "**/*.Designer.cs",
    "**/*.generated.*",
    "**/*_generated.*",
    "**/zz_generated.*",
];

const ATTRIBUTES: [&str; 3] = ["diff", "linguist-generated", "linguist-vendored"];

/// The choice of files.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileRules {
    search: Search,
    collection: MetadataCollection,
    common: GlobSet,
    include: Option<GlobSet>,
    exclude: GlobSet,
    pub all_files: bool,
}

impl FileRules {
    /// Makes rules from globs and the `.gitattributes` files of a tree, the root's first.
    ///
    /// # Errors
    /// Returns the glob that is not valid, and why.
    pub fn new(
        attributes: &[(Vec<u8>, Vec<u8>)],
        include: &[String],
        exclude: &[String],
        all_files: bool,
    ) -> Result<FileRules, String> {
        let mut collection = MetadataCollection::default();
        let mut search = Search::default();
        let mut add = |bytes: &[u8], folder: Option<&str>| {
            let source = folder.map_or_else(|| "[builtin]".into(), |folder| Path::new(folder).join(".gitattributes"));
            let root = folder.map(|_| Path::new(""));
            // Only a malformed path could fail here, and a rule for such a path matches no file.
            let _ = search.add_patterns_buffer(bytes, source, root, &mut collection, folder.is_none_or(str::is_empty));
        };
        add(b"[attr]binary -diff -merge -text", None);
        let mut sorted: Vec<_> = attributes.iter().collect();
        sorted.sort_by_key(|(path, _)| path.iter().filter(|byte| **byte == b'/').count());
        for (path, bytes) in sorted {
            let path = String::from_utf8_lossy(path);
            add(bytes, Some(path.strip_suffix("/.gitattributes").unwrap_or_default()));
        }
        Ok(FileRules {
            search,
            collection,
            common: globs(COMMONLY_GENERATED)?,
            include: if include.is_empty() { None } else { Some(globs(include)?) },
            exclude: globs(exclude)?,
            all_files,
        })
    }
}

fn globs<S: AsRef<str>>(patterns: &[S]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns.iter().map(AsRef::as_ref) {
        let failed = |error: globset::Error| format!("{pattern}: {error}");
        // As in .gitignore, a pattern without a slash matches at any depth, and a folder stands for its files.
        let anchored = pattern.strip_prefix('/').unwrap_or(pattern);
        let depth = if pattern.trim_end_matches('/').contains('/') { "" } else { "**/" };
        let base = anchored.trim_end_matches('/');
        for whole in [format!("{depth}{base}"), format!("{depth}{base}/**")] {
            let glob = globset::GlobBuilder::new(&whole).literal_separator(true).build().map_err(failed)?;
            set.add(Glob::clone(&glob));
        }
    }
    set.build().map_err(|error| error.to_string())
}

/// The decision for one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The reason why the path's files are not counted.
    pub excluded: Option<Exclusion>,
    /// True for the attribute `-diff`: git compares no lines.
    pub is_binary: bool,
}

/// Decides for paths, and remembers the decisions.
pub(crate) struct Decider<'a> {
    rules: &'a FileRules,
    outcome: Outcome,
    decisions: FxHashMap<Box<[u8]>, Decision>,
}

impl<'a> Decider<'a> {
    pub fn new(rules: &'a FileRules) -> Self {
        let mut outcome = Outcome::default();
        outcome.initialize_with_selection(&rules.collection, ATTRIBUTES);
        Decider { rules, outcome, decisions: FxHashMap::default() }
    }

    pub fn decide(&mut self, path: &[u8]) -> Decision {
        if let Some(decision) = self.decisions.get(path) {
            return *decision;
        }
        let decision = self.decide_anew(path);
        self.decisions.insert(path.into(), decision);
        decision
    }

    fn decide_anew(&mut self, path: &[u8]) -> Decision {
        let rules = self.rules;
        self.outcome.reset();
        rules.search.pattern_matching_relative_path(
            gix::bstr::BStr::new(path),
            gix::glob::pattern::Case::Sensitive,
            Some(false),
            &mut self.outcome,
        );
        let (mut diff, mut generated, mut vendored) = (None, None, None);
        for found in self.outcome.iter_selected() {
            let state = match found.assignment.state {
                StateRef::Set => Some(true),
                StateRef::Unset => Some(false),
                StateRef::Value(value) => Some(value.as_bstr() != "false"),
                StateRef::Unspecified => None,
            };
            match found.assignment.name.as_str() {
                "diff" => diff = state,
                "linguist-generated" => generated = state,
                _ => vendored = state,
            }
        }
        let text = String::from_utf8_lossy(path);
        let is_binary = diff == Some(false);
        let by_default = || match (generated, vendored) {
            _ if is_binary => Some(Exclusion::Binary),
            (Some(true), _) => Some(Exclusion::Generated),
            (_, Some(true)) => Some(Exclusion::Vendored),
            (None, None) if rules.common.is_match(text.as_ref()) => Some(Exclusion::CommonlyGenerated),
            _ => None,
        };
        let excluded = if rules.exclude.is_match(text.as_ref()) {
            Some(Exclusion::ExcludedByOption)
        } else if rules.include.as_ref().is_some_and(|include| !include.is_match(text.as_ref())) {
            Some(Exclusion::NotIncluded)
        } else if rules.all_files {
            None
        } else {
            by_default()
        };
        Decision { excluded, is_binary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(rules: &FileRules, path: &str) -> Option<Exclusion> {
        Decider::new(rules).decide(path.as_bytes()).excluded
    }

    #[test]
    fn common_generated_files_are_excluded_unless_all_files_are_wanted() {
        let rules = FileRules::new(&[], &[], &[], false).unwrap();
        for path in ["Cargo.lock", "a/b/yarn.lock", "node_modules/x/index.js", "go/vendor/m/m.go", "www/app.min.js"] {
            assert_eq!(excluded(&rules, path), Some(Exclusion::CommonlyGenerated), "{path}");
        }
        for path in ["src/lock.rs", "vendors.txt", "src/vendor.rs", "min.js"] {
            assert_eq!(excluded(&rules, path), None, "{path}");
        }
        assert_eq!(excluded(&FileRules::new(&[], &[], &[], true).unwrap(), "Cargo.lock"), None);
    }

    #[test]
    fn attributes_of_deeper_folders_win() {
        let attributes = [
            (
                b"sub/.gitattributes".to_vec(),
                b"*.c -linguist-generated\n/top.h linguist-vendored=true\n*.bin diff\n".to_vec(),
            ),
            (
                b".gitattributes".to_vec(),
                b"*.c linguist-generated\n*.bin binary\nCargo.lock -linguist-generated\n".to_vec(),
            ),
        ];
        let rules = FileRules::new(&attributes, &[], &[], false).unwrap();
        assert_eq!(excluded(&rules, "a.c"), Some(Exclusion::Generated));
        assert_eq!(excluded(&rules, "x/a.c"), Some(Exclusion::Generated));
        assert_eq!(excluded(&rules, "sub/a.c"), None);
        assert_eq!(excluded(&rules, "sub/top.h"), Some(Exclusion::Vendored));
        assert_eq!(excluded(&rules, "sub/x/top.h"), None);
        assert_eq!(excluded(&rules, "a.bin"), Some(Exclusion::Binary));
        assert_eq!(excluded(&rules, "sub/a.bin"), None);
        assert_eq!(excluded(&rules, "Cargo.lock"), None, "an attribute overrides the built-in list");
    }

    #[test]
    fn globs_include_and_exclude() {
        let include = ["src".to_owned(), "*.ts".to_owned()];
        let exclude = ["src/old/".to_owned(), "*_test.rs".to_owned()];
        let rules = FileRules::new(&[], &include, &exclude, false).unwrap();
        assert_eq!(excluded(&rules, "src/a.rs"), None);
        assert_eq!(excluded(&rules, "www/deep/a.ts"), None);
        assert_eq!(excluded(&rules, "README.md"), Some(Exclusion::NotIncluded));
        assert_eq!(excluded(&rules, "src/old/a.rs"), Some(Exclusion::ExcludedByOption));
        assert_eq!(excluded(&rules, "src/a_test.rs"), Some(Exclusion::ExcludedByOption));
        assert!(FileRules::new(&[], &["[".to_owned()], &[], false).is_err());
    }
}

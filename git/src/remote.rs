//! The name and address of a repository.

use std::path::Path;

/// The identity of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Identifies the repository from run to run.
    pub key: String,
    pub name: String,
    /// The web address, if a remote is known.
    pub url: Option<String>,
    pub vendor: &'static str,
}

impl Remote {
    pub fn of(repository: &gix::Repository) -> Remote {
        let address = repository.config_snapshot().string("remote.origin.url").map(|url| url.to_string());
        let folder = repository.workdir().unwrap_or_else(|| repository.git_dir());
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        Remote::new(address.as_deref(), &folder)
    }

    fn new(address: Option<&str>, folder: &Path) -> Remote {
        if let Some((host, path)) = address.and_then(host_and_path) {
            let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
            let known = [("github", "github"), ("gitlab", "gitlab"), ("bitbucket", "bitbucket")];
            let vendor = known.iter().find(|(part, _)| host.contains(part)).map_or("git", |(_, vendor)| vendor);
            return Remote { key: format!("{host}/{path}"), name, url: Some(format!("https://{host}/{path}")), vendor };
        }
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.strip_suffix(".git").filter(|name| !name.is_empty()).unwrap_or(&name).to_owned();
        Remote { key: name.clone(), name, url: None, vendor: "git" }
    }

    /// Returns the address of the page that shows a commit.
    pub fn commit_url(&self, id: &str) -> Option<String> {
        let url = self.url.as_ref()?;
        match self.vendor {
            "github" => Some(format!("{url}/commit/{id}")),
            "gitlab" => Some(format!("{url}/-/commit/{id}")),
            "bitbucket" => Some(format!("{url}/commits/{id}")),
            _ => None,
        }
    }
}

/// Splits the address of a remote. Credentials and ports are left out.
fn host_and_path(address: &str) -> Option<(String, String)> {
    let (authority, path) = match address.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?,
        // The short form of ssh: `git@host:path`
        None => address
            .split_once(':')
            .filter(|(host, path)| !host.contains('/') && host.len() > 1 && !path.starts_with('\\'))?,
    };
    let host = authority.rsplit('@').next()?.split(':').next()?.to_lowercase();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| (host, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_repository_are_one_key() {
        for address in [
            "https://user:secret@GitHub.com/acme/app.git",
            "git@github.com:acme/app.git",
            "ssh://git@github.com:22/acme/app",
        ] {
            let remote = Remote::new(Some(address), Path::new("/x"));
            assert_eq!((remote.key.as_str(), remote.name.as_str()), ("github.com/acme/app", "app"), "{address}");
            assert_eq!(remote.commit_url("1").unwrap(), "https://github.com/acme/app/commit/1");
        }
    }

    #[test]
    fn a_repository_without_a_remote_has_the_name_of_its_folder() {
        for address in
            [None, Some("../other"), Some("/srv/git/other.git"), Some("file:///srv/other"), Some("C:\\git\\other")]
        {
            let remote = Remote::new(address, Path::new("/home/me/app.git"));
            assert_eq!((remote.key.as_str(), remote.url), ("app", None));
        }
    }
}

//! Files at names that others could have prepared: never written or emptied through a link.
//!
//! A folder such as `/tmp` lets other users create names. A link of theirs must not lead a command to a file of the user.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Creates an empty file in place of an earlier one. A link is replaced itself.
pub fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => File::create_new(path),
    }
}

/// Opens a file of this user for reading and writing, and creates it if there is none.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = no_follow(&mut options).open(path).map_err(|error| link_error(path, error))?;
    check_owned(&file.metadata()?, Metadata::is_file, "file")?;
    Ok(file)
}

/// Opens a file for reading, also through a link. A pipe or a device is an error: it may never end.
pub fn open(path: &Path) -> io::Result<File> {
    let file = no_wait(OpenOptions::new().read(true)).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a file")) }
}

/// Reads a file of this user, as long as it is not longer than `max_bytes`.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = no_follow(OpenOptions::new().read(true)).open(path).map_err(|error| link_error(path, error))?;
    check_owned(&file.metadata()?, Metadata::is_file, "file")?;
    read_at_most(file, max_bytes)
}

/// Reads to the end, as long as it comes within `max_bytes`.
pub fn read_at_most(reader: impl Read, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("longer than {max_bytes} bytes")));
    }
    Ok(bytes)
}

/// Writes a file in place of an earlier one in one step, readable by this user alone.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let mut temporary = NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.persist(path)?;
    Ok(())
}

/// Creates a folder, unless there is one of this user.
pub fn create_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_folder(path).map(|_| ()),
        created => created,
    }
}

/// Reports whether there is a folder of this user. Something else, such as a link to a folder, is an error.
pub fn check_folder(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => check_owned(&metadata, Metadata::is_dir, "folder").map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn check_owned(metadata: &Metadata, is_kind: fn(&Metadata) -> bool, kind: &str) -> io::Result<()> {
    if metadata.is_symlink() {
        return Err(io::Error::other("a link, which is not followed"));
    }
    if !is_kind(metadata) {
        return Err(io::Error::other(format!("not a {kind}")));
    }
    if !is_owned(metadata) {
        return Err(io::Error::other(format!("a {kind} of another user")));
    }
    if metadata.is_file() && has_other_names(metadata) {
        return Err(io::Error::other("a file that has another name, too"));
    }
    Ok(())
}

/// Systems report different errors for a link that is not followed.
fn link_error(path: &Path, error: io::Error) -> io::Error {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link { io::Error::other("a link, which is not followed") } else { error }
}

#[cfg(unix)]
fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
}

/// Opening a pipe must not wait for its other end.
#[cfg(unix)]
fn no_wait(options: &mut OpenOptions) -> &mut OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed())
}

#[cfg(not(unix))]
fn no_wait(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(not(unix))]
fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn is_owned(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_owned(_: &Metadata) -> bool {
    true
}

/// Reports whether a file is also reached by a hard link.
#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}

/// Reports whether a path still leads to an open file.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(found)) => identity(open) == identity(found),
        _ => false,
    }
}

#[cfg(not(unix))]
pub fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        let (victim, link) = (home.path().join("victim"), home.path().join("link"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, &link).unwrap();
        let message = "a link, which is not followed";
        assert_eq!(open_or_create(&link).unwrap_err().to_string(), message);
        assert_eq!(read(&link, 100).unwrap_err().to_string(), message);
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
        fs::remove_file(&link).unwrap();
        symlink(&victim, &link).unwrap();
        create(&link).unwrap().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        fs::remove_file(&link).unwrap();
        fs::hard_link(&victim, &link).unwrap();
        assert_eq!(open_or_create(&link).unwrap_err().to_string(), "a file that has another name, too");
        create(&link).unwrap().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");

        symlink(home.path(), home.path().join("folder")).unwrap();
        assert_eq!(create_folder(&home.path().join("folder")).unwrap_err().to_string(), message);
        assert_eq!(create_folder(&victim).unwrap_err().to_string(), "not a folder");
        assert_eq!(check_folder(&home.path().join("none")).ok(), Some(false));
    }

    #[test]
    fn long_files_are_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "1234").unwrap();
        assert_eq!(read(file.path(), 4).unwrap(), b"1234");
        assert_eq!(read(file.path(), 3).unwrap_err().to_string(), "longer than 3 bytes");
        #[cfg(unix)]
        for path in ["/dev/zero", "/dev"] {
            assert_eq!(read(Path::new(path), 3).unwrap_err().to_string(), "not a file");
            assert_eq!(open(Path::new(path)).unwrap_err().to_string(), "not a file");
        }
    }
}

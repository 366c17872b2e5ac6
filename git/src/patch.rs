//! The identity of a patch: a hash of its paths and lines.

use crate::lines::HunkText;
use gix::ObjectId;
use sha2::{Digest, Sha256};

/// Hashes the lines that change, and tells if anything but white space changes.
#[derive(Default)]
pub(crate) struct Patch {
    hash: Sha256,
    /// True if anything but white space changes.
    pub has_content: bool,
}

impl Patch {
    pub fn file(&mut self, old_path: Option<&[u8]>, path: &[u8]) {
        self.hash.update(b"\0file\0");
        self.hash.update(old_path.unwrap_or_default());
        self.hash.update(b"\0");
        self.hash.update(path);
    }

    pub fn binary(&mut self, id: Option<ObjectId>) {
        self.hash.update(b"\0binary\0");
        self.hash.update(id.as_ref().map(ObjectId::as_slice).unwrap_or_default());
    }

    pub fn finish(self) -> [u8; 16] {
        let mut short = [0; 16];
        for (byte, hashed) in short.iter_mut().zip(self.hash.finalize()) {
            *byte = hashed;
        }
        short
    }
}

impl HunkText for Patch {
    fn hunk(&mut self, old: &mut dyn Iterator<Item = &[u8]>, new: &mut dyn Iterator<Item = &[u8]>) {
        let (mut old_text, mut new_text) = (Vec::new(), Vec::new());
        let mut side = |mark: &[u8], lines: &mut dyn Iterator<Item = &[u8]>, text: &mut Vec<u8>| {
            self.hash.update(mark);
            for line in lines {
                self.hash.update(line);
                if !self.has_content {
                    text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
                }
            }
        };
        side(b"\0-\0", old, &mut old_text);
        side(b"\0+\0", new, &mut new_text);
        self.has_content = self.has_content || old_text != new_text;
    }
}

/// Ignores the lines.
pub(crate) struct NoText;

impl HunkText for NoText {
    fn hunk(&mut self, _: &mut dyn Iterator<Item = &[u8]>, _: &mut dyn Iterator<Item = &[u8]>) {}
}

//! Reads objects of one repository for one thread.

use crate::cache::Cache;
use crate::packs::{PackFiles, Packs};
use gix::ObjectId;
use gix::objs::{Find, Kind};
use std::fmt;
use std::rc::Rc;

/// An object that could not be read.
#[derive(Clone, Debug)]
pub(crate) struct ObjectError {
    pub id: ObjectId,
    pub why: String,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "object {}: {}", self.id, self.why)
    }
}

/// An object database handle with a cache: the old side of a diff is mostly the new side of the next older commit.
pub(crate) struct Objects<'a> {
    repository: gix::Repository,
    packs: Packs<'a>,
    cache: Cache<ObjectId>,
    /// Reused, because decoding needs more room than its result.
    buffer: Vec<u8>,
}

impl<'a> Objects<'a> {
    /// Opens a handle with two caches, of decoded objects and of bases in packs.
    pub fn new(repository: &gix::ThreadSafeRepository, packs: &'a PackFiles, cache_bytes: usize) -> Self {
        let repository = repository.to_thread_local();
        Objects {
            repository,
            packs: Packs::new(packs, cache_bytes),
            cache: Cache::new(cache_bytes),
            buffer: Vec::new(),
        }
    }

    /// Returns the kind of hash that the repository uses.
    pub fn hash_kind(&self) -> gix::hash::Kind {
        self.repository.object_hash()
    }

    /// Returns the content of a tree or blob.
    ///
    /// # Errors
    /// Returns an error if the object is missing or damaged.
    pub fn read(&mut self, id: &ObjectId) -> Result<Rc<Vec<u8>>, ObjectError> {
        if let Some(data) = self.cache.get(id) {
            return Ok(data);
        }
        let data = match self.packs.find(id) {
            Some(data) => data,
            None => Rc::new(self.load(id)?.1.to_vec()),
        };
        Ok(self.cache.insert(*id, data))
    }

    /// Reads an object past the cache.
    ///
    /// # Errors
    /// Returns an error if the object is missing or damaged.
    pub fn load(&mut self, id: &ObjectId) -> Result<(Kind, &[u8]), ObjectError> {
        let failed = |why: String| ObjectError { id: *id, why };
        let kind = match self.repository.objects.try_find(id, &mut self.buffer) {
            Ok(Some(data)) => data.kind,
            Ok(None) if *id == ObjectId::empty_tree(id.kind()) => {
                self.buffer.clear();
                Kind::Tree
            }
            Ok(None) => return Err(failed("missing".to_owned())),
            Err(error) => return Err(failed(error.to_string())),
        };
        Ok((kind, &self.buffer))
    }
}

//! Reads objects of one repository for one thread.

use gix::ObjectId;
use gix::objs::{Find, Kind};
use rustc_hash::FxHashMap;
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

/// An object database handle with a cache of decoded trees and blobs.
///
/// The old side of a diff is mostly the new side of the next older commit. The cache keeps two generations: reading an
/// object of the older one moves it to the younger one, and a full younger generation replaces the older one.
pub(crate) struct Objects {
    repository: gix::Repository,
    young: FxHashMap<ObjectId, Rc<Vec<u8>>>,
    old: FxHashMap<ObjectId, Rc<Vec<u8>>>,
    young_bytes: usize,
    generation_bytes: usize,
}

impl Objects {
    /// Opens a handle that keeps at most `cache_bytes` of decoded objects, and as much of the bases of packed deltas.
    pub fn new(repository: &gix::ThreadSafeRepository, cache_bytes: usize) -> Self {
        let mut repository = repository.to_thread_local();
        repository
            .objects
            .set_pack_cache(move || Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(cache_bytes)));
        Objects {
            repository,
            young: FxHashMap::default(),
            old: FxHashMap::default(),
            young_bytes: 0,
            generation_bytes: cache_bytes / 2,
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
        if let Some(data) = self.young.get(id) {
            return Ok(Rc::clone(data));
        }
        let data = match self.old.remove(id) {
            Some(data) => data,
            None => Rc::new(self.load(id)?.1),
        };
        if self.young_bytes.saturating_add(data.len()) > self.generation_bytes {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes = self.young_bytes.saturating_add(data.len());
        self.young.insert(*id, Rc::clone(&data));
        Ok(data)
    }

    /// Reads an object past the cache.
    ///
    /// # Errors
    /// Returns an error if the object is missing or damaged.
    pub fn load(&self, id: &ObjectId) -> Result<(Kind, Vec<u8>), ObjectError> {
        let failed = |why: String| ObjectError { id: *id, why };
        let mut buffer = Vec::new();
        let kind = match self.repository.objects.try_find(id, &mut buffer) {
            Ok(Some(data)) => data.kind,
            Ok(None) if *id == ObjectId::empty_tree(id.kind()) => Kind::Tree,
            Ok(None) => return Err(failed("missing".to_owned())),
            Err(error) => return Err(failed(error.to_string())),
        };
        Ok((kind, buffer))
    }
}

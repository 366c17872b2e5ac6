//! A cache of decoded objects.

use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::rc::Rc;

/// A cache with a limit in bytes.
///
/// It has two generations: a hit in the older one moves the object to the younger one, and when the younger one is full,
/// it replaces the older one.
pub(crate) struct Cache<K> {
    young: FxHashMap<K, Rc<Vec<u8>>>,
    old: FxHashMap<K, Rc<Vec<u8>>>,
    young_bytes: usize,
    generation_bytes: usize,
}

impl<K: Copy + Eq + Hash> Cache<K> {
    pub fn new(bytes: usize) -> Self {
        Cache { young: FxHashMap::default(), old: FxHashMap::default(), young_bytes: 0, generation_bytes: bytes / 2 }
    }

    pub fn get(&mut self, key: &K) -> Option<Rc<Vec<u8>>> {
        if let Some(data) = self.young.get(key) {
            return Some(Rc::clone(data));
        }
        let data = self.old.remove(key)?;
        Some(self.insert(*key, data))
    }

    pub fn insert(&mut self, key: K, data: Rc<Vec<u8>>) -> Rc<Vec<u8>> {
        if self.young_bytes.saturating_add(data.len()) > self.generation_bytes {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes = self.young_bytes.saturating_add(data.len());
        self.young.insert(key, Rc::clone(&data));
        data
    }
}

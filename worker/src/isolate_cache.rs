//! The memory of this isolate: accepted keys, the generation of the store, and bodies of responses from the database.
//! The entity tag of a response depends on the generation, so an outdated body is never found.

use std::cell::RefCell;
use std::rc::Rc;
use streamgage_edge::{ETag, KeyCache};

/// The capacity. An isolate has 128 MB.
const MAX_BODIES: usize = 128;
const MAX_BYTES: usize = 8_000_000;

/// The length of a body that would displace too many others.
const MAX_LENGTH: usize = MAX_BYTES / 4;

thread_local! {
    pub static KEYS: RefCell<KeyCache> = RefCell::default();
    /// The generation that was read last. It is a hint: each batch reads the current one.
    static GENERATION: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Bodies, the most recently used last.
    static BODIES: RefCell<Vec<(ETag, Rc<[u8]>)>> = const { RefCell::new(Vec::new()) };
}

pub fn last_generation() -> Option<String> {
    GENERATION.with_borrow(Clone::clone)
}

pub fn set_last_generation(generation: String) {
    GENERATION.set(Some(generation));
}

pub fn get_body(etag: &ETag) -> Option<Rc<[u8]>> {
    BODIES.with_borrow_mut(|bodies| {
        let index = bodies.iter().rposition(|(known, _)| known == etag)?;
        let entry = bodies.remove(index);
        let body = Rc::clone(&entry.1);
        bodies.push(entry);
        Some(body)
    })
}

/// Inserts a body and removes the least recently used ones beyond the capacity.
pub fn put_body(etag: ETag, body: &[u8]) {
    if body.len() > MAX_LENGTH {
        return;
    }
    BODIES.with_borrow_mut(|bodies| {
        bodies.retain(|(known, _)| *known != etag);
        bodies.push((etag, body.into()));
        while bodies.len() > MAX_BODIES || bodies.iter().map(|(_, body)| body.len()).sum::<usize>() > MAX_BYTES {
            bodies.remove(0);
        }
    });
}

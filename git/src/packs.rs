//! Decodes packed objects.
//!
//! The cache of `gix` keeps the results of deltas, but not the full objects that chains of deltas start from, and copies
//! objects on every access. Reading a history in the order of its commits needs most objects as bases of others. This
//! reader is for that case alone; `gix` reads whatever it does not find.

use crate::cache::Cache;
use gix::hash::oid;
use gix::odb::pack::Bundle;
use gix::odb::pack::data::entry::Header;
use std::path::Path;
use std::rc::Rc;

/// The largest object that is decoded here.
const MAX_SIZE: u64 = 1 << 30;

/// The packs of a repository and its alternates.
#[derive(Default)]
pub(crate) struct PackFiles(Vec<Bundle>);

impl PackFiles {
    /// Opens all packs. A pack that cannot be opened is left to `gix`.
    pub fn open(repository: &gix::Repository) -> Self {
        let objects = repository.objects.store_ref().path().to_owned();
        let alternates = gix::odb::alternate::resolve(objects.clone(), Path::new(".")).unwrap_or_default();
        let mut bundles = Vec::new();
        for folder in std::iter::once(objects).chain(alternates) {
            let Ok(entries) = folder.join("pack").read_dir() else { continue };
            for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
                if path.extension().is_some_and(|extension| extension == "idx") {
                    bundles.extend(Bundle::at(path, repository.object_hash()));
                }
            }
        }
        bundles.sort_by_key(|bundle| std::cmp::Reverse(bundle.index.num_objects()));
        PackFiles(bundles)
    }
}

/// Decodes packed objects for one thread.
pub(crate) struct Packs<'a> {
    files: &'a PackFiles,
    inflate: gix::zlib::Inflate,
    cache: Cache<(usize, u64)>,
    delta: Vec<u8>,
}

impl<'a> Packs<'a> {
    pub fn new(files: &'a PackFiles, cache_bytes: usize) -> Self {
        Packs { files, inflate: gix::zlib::Inflate::default(), cache: Cache::new(cache_bytes), delta: Vec::new() }
    }

    /// Returns the content of an object, or nothing if it is not packed or anything is unusual.
    pub fn find(&mut self, id: &oid) -> Option<Rc<Vec<u8>>> {
        let PackFiles(files) = self.files;
        let (pack, index, offset) = files.iter().enumerate().find_map(|(pack, bundle)| {
            let entry = bundle.index.lookup(id)?;
            Some((pack, bundle, bundle.index.pack_offset_at_index(entry)))
        })?;
        self.decode(pack, &index.pack, offset)
    }

    fn decode(&mut self, number: usize, pack: &gix::odb::pack::data::File, offset: u64) -> Option<Rc<Vec<u8>>> {
        // The deltas from the wanted object to one that is known or stored in full.
        let mut deltas = Vec::new();
        let mut next = offset;
        let mut object = loop {
            if let Some(object) = self.cache.get(&(number, next)) {
                break object;
            }
            let entry = pack.entry(next).ok().filter(|entry| entry.decompressed_size <= MAX_SIZE)?;
            let Header::OfsDelta { base_distance } = entry.header else {
                if matches!(entry.header, Header::RefDelta { .. }) {
                    return None;
                }
                let mut content = vec![0; usize::try_from(entry.decompressed_size).ok()?];
                pack.decompress_entry(&entry, &mut self.inflate, &mut content).ok()?;
                break self.cache.insert((number, next), Rc::new(content));
            };
            let base = entry.checked_base_pack_offset(base_distance)?;
            deltas.push((next, entry));
            next = base;
        };
        for (offset, entry) in deltas.into_iter().rev() {
            self.delta.resize(usize::try_from(entry.decompressed_size).ok()?, 0);
            pack.decompress_entry(&entry, &mut self.inflate, &mut self.delta).ok()?;
            object = self.cache.insert((number, offset), Rc::new(apply(&object, &self.delta)?));
        }
        Some(object)
    }
}

/// Applies a delta: instructions that copy parts of a base or insert bytes.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut delta = delta.iter();
    let base_size = size(&mut delta)?;
    let result_size = size(&mut delta).filter(|size| *size <= MAX_SIZE)?;
    if base_size != base.len() as u64 {
        return None;
    }
    let mut result = Vec::with_capacity(usize::try_from(result_size).ok()?);
    while let Some(&instruction) = delta.next() {
        if instruction & 0x80 == 0 {
            let (bytes, rest) = delta.as_slice().split_at_checked(usize::from(instruction))?;
            result.extend_from_slice(bytes);
            delta = rest.iter();
            continue;
        }
        // Each bit of the instruction tells if a byte of the offset or of the size follows.
        let mut bytes = [0_u8; 7];
        for (bit, byte) in bytes.iter_mut().enumerate() {
            if instruction & (1 << bit) != 0 {
                *byte = *delta.next()?;
            }
        }
        let [a, b, c, d, x, y, z] = bytes;
        let offset = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
        let length = match u32::from_le_bytes([x, y, z, 0]) {
            0 => 0x1_0000,
            length => usize::try_from(length).ok()?,
        };
        result.extend_from_slice(base.get(offset..offset.checked_add(length)?)?);
    }
    (result.len() as u64 == result_size).then_some(result)
}

/// Reads a size: seven bits in each byte, the lowest first.
fn size(delta: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let mut size: u64 = 0;
    for shift in (0..63).step_by(7) {
        let byte = *delta.next()?;
        size |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}

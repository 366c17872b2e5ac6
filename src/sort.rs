//! Sorting, in one instance for every type.
//!
//! The standard library makes its sort anew for each type: five kilobytes of code each, in a module that is sent over a
//! network. Where speed does not count places are sorted here instead, by a comparison behind a pointer.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

/// Sorts, and keeps the order of what is equal.
pub fn sort_by<T>(items: &mut Vec<T>, mut compare: impl FnMut(&T, &T) -> Ordering) {
    let places = order(items.len(), &mut |one, other| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    });
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(places.into_iter().filter_map(|place| taken.get_mut(place as usize)?.take()));
}

/// Sorts by whole numbers, however many items, and keeps the order of what is equal.
pub fn sort_by_key<T>(items: &mut Vec<T>, mut key: impl FnMut(&T) -> i64) {
    let mut keys: Vec<(i64, usize)> = items.iter().map(&mut key).zip(0..).collect();
    sort_places(&mut keys);
    let mut taken: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(keys.into_iter().filter_map(|(_, place)| taken.get_mut(place)?.take()));
}

/// Sorts numbers, each with its place: by both.
pub(crate) fn sort_places(numbers: &mut [(i64, usize)]) {
    numbers.sort_unstable();
}

/// Sorts by some bits of numbers, and keeps the order of those in which they are the same: by a few bits at a time, the
/// lowest first.
pub(crate) fn sort_by_bits(numbers: &mut Vec<u64>, bits: Range<u32>) {
    const AT_ONCE: usize = 11;
    let mut sorted = numbers.clone();
    for shift in bits.step_by(AT_ONCE) {
        let digit = |number: u64| (number >> shift) as usize % (1 << AT_ONCE);
        let mut starts = [0usize; 1 << AT_ONCE];
        for &number in numbers.iter() {
            starts.get_mut(digit(number)).into_iter().for_each(|count| *count += 1);
        }
        let mut start = 0;
        for count in &mut starts {
            (*count, start) = (start, start + *count);
        }
        for &number in numbers.iter() {
            let Some(start) = starts.get_mut(digit(number)) else { continue };
            sorted.get_mut(*start).into_iter().for_each(|place| *place = number);
            *start += 1;
        }
        core::mem::swap(numbers, &mut sorted);
    }
}

fn order(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<u32> {
    let mut places: Vec<u32> = (0..).take(count).collect();
    // Runs twice as long each time: the sorts of the library are 2 KB of the Worker's bundle.
    let mut length = 1;
    while length < count {
        let mut merged = Vec::with_capacity(count);
        for runs in places.chunks(2 * length) {
            let (first, second) = runs.split_at(length.min(runs.len()));
            let mut second = second.iter().copied().peekable();
            for &place in first {
                while let Some(&other) = second.peek()
                    && compare(other as usize, place as usize) == Ordering::Less
                {
                    second.next();
                    merged.push(other);
                }
                merged.push(place);
            }
            merged.extend(second);
        }
        places = merged;
        length *= 2;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_standard_library_sorts(items in proptest::collection::vec((-5i64..5, 0u8..3), 0..60)) {
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            let (mut by_key, mut by) = (items.clone(), items);
            sort_by_key(&mut by_key, |item| item.0);
            sort_by(&mut by, |one, other| one.0.cmp(&other.0));
            prop_assert_eq!(&by_key, &expected);
            prop_assert_eq!(&by, &expected);
        }

        #[test]
        fn by_bits_as_the_standard_library_sorts(
            from in 0u32..64,
            mut numbers in proptest::collection::vec(any::<u64>(), 0..60),
        ) {
            let mut expected = numbers.clone();
            expected.sort_by_key(|number| number >> from);
            sort_by_bits(&mut numbers, from..64);
            prop_assert_eq!(numbers, expected);
        }
    }
}

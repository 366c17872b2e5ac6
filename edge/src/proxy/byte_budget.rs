//! The memory of an isolate for long bodies, from the first byte that is read to the last one that is delivered.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::{Rc, Weak};

/// The greatest total length of the bodies that an isolate holds, in bytes. An isolate has 128 MB.
pub const MAX_BYTES_IN_FLIGHT: usize = 64 << 20;

/// Bodies up to this length, in bytes, are not counted, so that long ones do not delay them.
pub const MAX_UNCOUNTED_BYTES: usize = 256 << 10;

/// The time in which a body must be delivered once its memory is needed, in milliseconds. A slow reader holds memory no longer.
const MAX_DELIVERY_TIME: i64 = 120_000;

/// The long bodies in memory.
#[derive(Default)]
pub struct ByteBudget(RefCell<Vec<Weak<ReservedBytes>>>);

/// A part of a [`ByteBudget`]. It is released when the last clone is dropped.
#[derive(Clone, Debug, Default)]
pub struct Reservation(Option<Rc<ReservedBytes>>);

#[derive(Debug)]
struct ReservedBytes {
    bytes: usize,
    since: i64,
    is_revoked: Cell<bool>,
}

impl ByteBudget {
    /// Reserves memory for a body. Returns `None` while other bodies take it.
    pub fn reserve(&self, bytes: usize, now: i64) -> Option<Reservation> {
        self.replace(&Reservation::default(), bytes, now)
    }

    /// Replaces a reservation by one of another length.
    pub fn replace(&self, reservation: &Reservation, bytes: usize, now: i64) -> Option<Reservation> {
        let own = reservation.0.as_ref().map_or(0, |reserved| reserved.bytes);
        let fits = || self.bytes().saturating_sub(own).saturating_add(bytes) <= MAX_BYTES_IN_FLIGHT;
        if bytes > MAX_UNCOUNTED_BYTES && !fits() {
            self.revoke_old(now);
            if !fits() {
                return None;
            }
        }
        let since = reservation.0.as_ref().map_or(now, |reserved| reserved.since);
        Some(self.add(bytes, since))
    }

    /// Counts memory that is taken already.
    pub fn count(&self, bytes: usize, now: i64) -> Reservation {
        self.add(bytes, now)
    }

    fn add(&self, bytes: usize, since: i64) -> Reservation {
        if bytes <= MAX_UNCOUNTED_BYTES {
            return Reservation::default();
        }
        let reserved = Rc::new(ReservedBytes { bytes, since, is_revoked: Cell::new(false) });
        let mut all = self.0.borrow_mut();
        all.retain(|reserved| reserved.strong_count() > 0);
        all.push(Rc::downgrade(&reserved));
        Reservation(Some(reserved))
    }

    fn bytes(&self) -> usize {
        let all = self.0.borrow();
        let counted = all.iter().filter_map(Weak::upgrade).filter(|reserved| !reserved.is_revoked.get());
        counted.fold(0, |total, reserved| total.saturating_add(reserved.bytes))
    }

    /// Revokes the memory of bodies that were not delivered in time.
    fn revoke_old(&self, now: i64) {
        for reserved in self.0.borrow().iter().filter_map(Weak::upgrade) {
            if now.saturating_sub(reserved.since) >= MAX_DELIVERY_TIME {
                reserved.is_revoked.set(true);
            }
        }
    }
}

impl Reservation {
    fn is_revoked(&self) -> bool {
        self.0.as_ref().is_some_and(|reserved| reserved.is_revoked.get())
    }
}

/// A body, and the memory that is reserved for it.
#[derive(Clone, Debug, Default)]
pub struct ReservedBody {
    bytes: Vec<u8>,
    reservation: Reservation,
}

impl ReservedBody {
    pub fn new(bytes: Vec<u8>, reservation: Reservation) -> ReservedBody {
        ReservedBody { bytes, reservation }
    }

    /// Returns true if the body was not delivered in time, and others need its memory.
    pub fn is_revoked(&self) -> bool {
        self.reservation.is_revoked()
    }

    pub fn into_parts(self) -> (Vec<u8>, Reservation) {
        (self.bytes, self.reservation)
    }
}

impl From<Vec<u8>> for ReservedBody {
    fn from(bytes: Vec<u8>) -> ReservedBody {
        ReservedBody { bytes, reservation: Reservation::default() }
    }
}

/// Gives up the reservation.
impl From<ReservedBody> for Vec<u8> {
    fn from(body: ReservedBody) -> Vec<u8> {
        body.bytes
    }
}

impl Deref for ReservedBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for ReservedBody {
    fn eq(&self, other: &ReservedBody) -> bool {
        self.bytes == other.bytes
    }
}

/// Reservations do not distinguish responses.
impl PartialEq for Reservation {
    fn eq(&self, _: &Reservation) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1 << 20;

    #[test]
    fn memory_is_reserved_until_the_last_clone_is_dropped() {
        let budget = ByteBudget::default();
        let first = budget.reserve(31 * MB, 0).unwrap();
        let second = budget.reserve(31 * MB, 0).unwrap();
        let clone = second.clone();
        drop(second);
        assert!(budget.reserve(31 * MB, 0).is_none(), "a clone is not delivered yet");
        drop(clone);
        let third = budget.reserve(31 * MB, 0).unwrap();
        assert!(budget.reserve(31 * MB, 0).is_none());
        drop((first, third));
        assert!(budget.reserve(MAX_BYTES_IN_FLIGHT, 0).is_some());
        assert!(budget.reserve(MAX_BYTES_IN_FLIGHT + 1, 0).is_none());
        assert!(budget.reserve(usize::MAX, 0).is_none());
    }

    #[test]
    fn a_growing_body_counts_once() {
        let budget = ByteBudget::default();
        let mut body = Reservation::default();
        for megabytes in 1..=64 {
            body = budget.replace(&body, megabytes * MB, 0).unwrap();
            assert_eq!(budget.bytes(), megabytes * MB);
        }
        assert!(budget.replace(&body, 65 * MB, 0).is_none() && !body.is_revoked());
    }

    #[test]
    fn short_bodies_need_no_reservation() {
        let budget = ByteBudget::default();
        let _all = budget.reserve(MAX_BYTES_IN_FLIGHT, 0).unwrap();
        assert!(budget.reserve(MAX_UNCOUNTED_BYTES, 0).is_some());
        assert!(budget.reserve(MAX_UNCOUNTED_BYTES + 1, 0).is_none());
    }

    #[test]
    fn taken_memory_counts_beyond_the_limit() {
        let budget = ByteBudget::default();
        let _all = budget.reserve(MAX_BYTES_IN_FLIGHT, 0).unwrap();
        let more = budget.count(MB, 0);
        assert_eq!(budget.bytes(), MAX_BYTES_IN_FLIGHT + MB);
        drop(more);
        assert_eq!(budget.bytes(), MAX_BYTES_IN_FLIGHT);
    }

    #[test]
    fn a_slow_reader_loses_the_memory_that_others_need() {
        let budget = ByteBudget::default();
        let slow = budget.reserve(MAX_BYTES_IN_FLIGHT, 0).unwrap();
        assert!(budget.reserve(MB, MAX_DELIVERY_TIME - 1).is_none() && !slow.is_revoked());
        assert!(budget.reserve(MB, MAX_DELIVERY_TIME).is_some() && slow.is_revoked());
        let patient = budget.reserve(MB, MAX_DELIVERY_TIME).unwrap();
        assert!(budget.reserve(MB, 9 * MAX_DELIVERY_TIME).is_some() && !patient.is_revoked(), "nobody needs it");
    }
}

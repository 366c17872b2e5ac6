//! Coalescing of concurrent requests: the first caller sends the request, and others await its result.

use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Requests in flight, by name.
pub(super) struct SingleFlight<T> {
    flights: RefCell<HashMap<String, FlightState<T>>>,
    next_id: Cell<u64>,
}

struct FlightState<T> {
    id: u64,
    started_at: i64,
    followers: Vec<oneshot::Sender<T>>,
}

/// The role of a caller.
pub(super) enum Role<'a, T> {
    /// Sends the request.
    Leader(Flight<'a, T>),
    /// Awaits the result, for at most `limit` milliseconds. The channel is canceled if the leader goes away.
    Follower { reply: oneshot::Receiver<T>, limit: i64 },
}

/// A request in flight. Dropping it cancels the channels of all followers.
pub(super) struct Flight<'a, T> {
    flights: &'a SingleFlight<T>,
    name: &'a str,
    id: u64,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        SingleFlight { flights: RefCell::default(), next_id: Cell::new(0) }
    }
}

impl<T> SingleFlight<T> {
    /// Joins a flight, or starts one. A flight that is older than `max_age` milliseconds is replaced: its task was never
    /// dropped, but it is not executed any more.
    pub fn join<'a>(&'a self, name: &'a str, now: i64, max_age: i64) -> Role<'a, T> {
        let mut flights = self.flights.borrow_mut();
        if let Some(flight) = flights.get_mut(name) {
            let age = now.saturating_sub(flight.started_at);
            if (0..max_age).contains(&age) {
                let (sender, reply) = oneshot::channel();
                flight.followers.push(sender);
                return Role::Follower { reply, limit: max_age.saturating_sub(age) };
            }
        }
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        flights.insert(name.to_owned(), FlightState { id, started_at: now, followers: Vec::new() });
        Role::Leader(Flight { flights: self, name, id })
    }
}

impl<T> Flight<'_, T> {
    /// Ends the flight and returns the channels of its followers.
    pub fn land(self) -> Vec<oneshot::Sender<T>> {
        self.remove()
    }

    fn remove(&self) -> Vec<oneshot::Sender<T>> {
        let mut flights = self.flights.flights.borrow_mut();
        // A flight that was replaced does not end the other one.
        match flights.get(self.name) {
            Some(flight) if flight.id == self.id => {}
            _ => return Vec::new(),
        }
        flights.remove(self.name).map(|flight| flight.followers).unwrap_or_default()
    }
}

impl<T> Drop for Flight<'_, T> {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_AGE: i64 = 1_000;

    fn is_leader(role: &Role<'_, u32>) -> bool {
        matches!(role, Role::Leader(_))
    }

    #[test]
    fn a_flight_of_a_lost_task_ends_by_age() {
        let flights: SingleFlight<u32> = SingleFlight::default();
        let lost = flights.join("a", 0, MAX_AGE);
        assert!(is_leader(&lost));
        let Role::Follower { mut reply, limit } = flights.join("a", 400, MAX_AGE) else { panic!("a second flight") };
        assert_eq!(limit, 600);
        let Role::Leader(flight) = flights.join("a", MAX_AGE, MAX_AGE) else { panic!("the flight never ends") };
        assert!(reply.try_recv().is_err(), "followers of the lost flight must try again");
        // The end of the lost flight does not end its successor.
        drop(lost);
        let Role::Follower { mut reply, .. } = flights.join("a", MAX_AGE, MAX_AGE) else { panic!("a second flight") };
        for follower in flight.land() {
            follower.send(7).unwrap();
        }
        assert_eq!(reply.try_recv(), Ok(Some(7)));
        assert!(is_leader(&flights.join("a", MAX_AGE, MAX_AGE)));
    }

    #[test]
    fn a_clock_set_back_ends_a_flight() {
        let flights: SingleFlight<u32> = SingleFlight::default();
        std::mem::forget(flights.join("a", 5_000, MAX_AGE));
        assert!(is_leader(&flights.join("a", 4_000, MAX_AGE)));
    }
}

//! Coalescing of concurrent requests: the first caller sends the request, and others await its result.

use futures_channel::oneshot;
use std::cell::RefCell;
use std::collections::HashMap;

/// Requests in flight, by name.
pub(super) struct SingleFlight<T>(RefCell<HashMap<String, Vec<oneshot::Sender<T>>>>);

/// The role of a caller.
pub(super) enum Role<'a, T> {
    /// Sends the request.
    Leader(Flight<'a, T>),
    /// Awaits the result. The channel is canceled if the leader goes away.
    Follower(oneshot::Receiver<T>),
}

/// A request in flight. Dropping it cancels the channels of all followers.
pub(super) struct Flight<'a, T> {
    flights: &'a SingleFlight<T>,
    name: &'a str,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        SingleFlight(RefCell::default())
    }
}

impl<T> SingleFlight<T> {
    pub fn join<'a>(&'a self, name: &'a str) -> Role<'a, T> {
        let mut flights = self.0.borrow_mut();
        let Some(followers) = flights.get_mut(name) else {
            flights.insert(name.to_owned(), Vec::new());
            return Role::Leader(Flight { flights: self, name });
        };
        let (sender, receiver) = oneshot::channel();
        followers.push(sender);
        Role::Follower(receiver)
    }
}

impl<T> Flight<'_, T> {
    /// Ends the flight and returns the channels of its followers.
    pub fn land(self) -> Vec<oneshot::Sender<T>> {
        self.remove()
    }

    fn remove(&self) -> Vec<oneshot::Sender<T>> {
        self.flights.0.borrow_mut().remove(self.name).unwrap_or_default()
    }
}

impl<T> Drop for Flight<'_, T> {
    fn drop(&mut self) {
        self.remove();
    }
}

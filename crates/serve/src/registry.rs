//! The connections that there are: how many, and which has been idle longest.
//!
//! When one more would be too many, the one that has been idle longest is closed. When none is idle, the new one is.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

use tokio::sync::Notify;

#[cfg(test)]
mod tests;

/// All connections.
#[derive(Debug)]
pub(crate) struct Registry {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max: usize,
    state: RefCell<State>,
    /// Told when a connection has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    n: usize,
    /// By the moment at which they became idle.
    idle: BTreeMap<u64, Rc<Notify>>,
    evicted: HashSet<u64>,
    n_moments: u64,
}

/// A connection's place.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Rc<Shared>,
    evict: Rc<Notify>,
    idle_since: Option<u64>,
}

impl Registry {
    /// For at most `max` connections.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            shared: Rc::new(Shared {
                max,
                state: RefCell::default(),
                ended: Notify::new(),
            }),
        }
    }

    /// A place for a new connection. `None`: all are busy.
    pub(crate) fn enter(&self) -> Option<Place> {
        let mut state = self.shared.state.borrow_mut();
        if state.n - state.evicted.len() >= self.shared.max && !state.evict() {
            return None;
        }
        state.n += 1;
        Some(Place {
            shared: Rc::clone(&self.shared),
            evict: Rc::new(Notify::new()),
            idle_since: None,
        })
    }

    /// Closes those that have been idle longest, at most so many; how many there were. They end a little later.
    pub(crate) fn evict(&self, n_most: usize) -> usize {
        let mut state = self.shared.state.borrow_mut();
        (0..n_most).take_while(|_| state.evict()).count()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.shared.state.borrow().n
    }

    /// Waits until there is none.
    pub(crate) async fn empty(&self) {
        loop {
            let ended = self.shared.ended.notified();
            if self.len() == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl State {
    /// Closes the one that has been idle longest. `false`: none is idle.
    fn evict(&mut self) -> bool {
        let Some((moment, longest_idle)) = self.idle.pop_first() else {
            return false;
        };
        self.evicted.insert(moment);
        longest_idle.notify_one();
        true
    }
}

impl Place {
    /// From now on it may be closed for another one.
    pub(crate) fn rest(&mut self) {
        let mut state = self.shared.state.borrow_mut();
        state.n_moments += 1;
        let moment = state.n_moments;
        state.idle.insert(moment, Rc::clone(&self.evict));
        self.idle_since = Some(moment);
    }

    /// From now on it may not.
    pub(crate) fn work(&mut self) {
        if let Some(moment) = self.idle_since.take() {
            let mut state = self.shared.state.borrow_mut();
            state.idle.remove(&moment);
            state.evicted.remove(&moment);
        }
    }

    /// Waits until it is to be closed for another one.
    pub(crate) async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.work();
        self.shared.state.borrow_mut().n -= 1;
        self.shared.ended.notify_waiters();
    }
}

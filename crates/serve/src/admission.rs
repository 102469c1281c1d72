//! Who runs what, and who waits: pure bookkeeping, without a clock, a socket or a process.
//!
//! Calls wait in one queue, in their order. A *seat* is whoever can run calls: a worker process, a thread, another server.
//! The seat that runs the fewest gets the next call; of equals, the one that has been idle longest.
//!
//! **Look-ahead.** A seat whose calls take well under a millisecond is sent more than it runs at once, so that one read
//! brings it several. Such calls are *sent*, not *begun*: should the seat be lost, they go back to the head of the queue.
//! The first slow call ends it.

use std::{collections::VecDeque, time::Duration};

#[cfg(test)]
mod tests;

/// One call, from its admission to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(u64);

/// One seat: its place among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeatId(pub(crate) usize);

/// What a seat can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ability {
    /// Calls that it runs at once, at least 1.
    pub(crate) concurrency: usize,
    pub(crate) look_ahead: LookAhead,
}

/// Whether a seat says which of its calls have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookAhead {
    /// It does: more can be sent than it runs.
    Possible,
    /// It doesn't.
    Impossible,
}

/// A call that is to be sent to a seat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assignment<T> {
    pub(crate) seat: SeatId,
    pub(crate) ticket: Ticket,
    pub(crate) call: T,
    pub(crate) start: Start,
}

/// Whether a call that is sent has begun thereby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// It has: the seat has room for it.
    Now,
    /// The seat will say when.
    Announced,
}

/// Where a call was when it was withdrawn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn<T> {
    /// In the queue; now it is nowhere.
    Waiting(T),
    /// On this seat, which doesn't know yet.
    Sent { seat: SeatId, begun: bool },
    /// It has ended already.
    Nowhere,
}

/// As many calls wait as may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full<T> {
    pub(crate) call: T,
}

/// The queue and the seats.
#[derive(Debug)]
pub(crate) struct Admission<T> {
    queue: VecDeque<(Ticket, T)>,
    capacity: usize,
    seats: Vec<Seat>,
    n_admitted: u64,
    /// Counts the moments at which seats became idle.
    n_idle_moments: u64,
}

#[derive(Debug, Default)]
struct Seat {
    /// Somebody has it, whether it takes calls or not.
    is_taken: bool,
    /// `None`: it takes no calls.
    ability: Option<Ability>,
    sent: Vec<Sent>,
    pace: Pace,
    idle_since: u64,
}

#[derive(Debug)]
struct Sent {
    ticket: Ticket,
    begun: bool,
}

impl<T> Admission<T> {
    /// No seats, and room for `capacity` calls to wait.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            capacity,
            seats: Vec::new(),
            n_admitted: 0,
            n_idle_moments: 0,
        }
    }

    /// Takes a call in. Ask for [`Admission::next`] at once: what a free seat can run never counts as waiting.
    ///
    /// # Errors
    /// The call, when it would have to wait and the queue is full.
    pub(crate) fn admit(&mut self, call: T) -> Result<Ticket, Full<T>> {
        if self.queue.len() >= self.capacity && self.free_seat().is_none() {
            return Err(Full { call });
        }
        self.n_admitted += 1;
        let ticket = Ticket(self.n_admitted);
        self.queue.push_back((ticket, call));
        Ok(ticket)
    }

    /// The next call that a seat has room for.
    pub(crate) fn next(&mut self) -> Option<Assignment<T>> {
        if self.queue.is_empty() {
            return None;
        }
        let (id, start) = self.free_seat()?;
        let (ticket, call) = self.queue.pop_front()?;
        self.seats[id.0].sent.push(Sent {
            ticket,
            begun: start == Start::Now,
        });
        Some(Assignment {
            seat: id,
            ticket,
            call,
            start,
        })
    }

    /// A new seat, which takes calls from now on. It has the place of one that was lost, if there is such a place.
    pub(crate) fn open(&mut self, ability: Ability) -> SeatId {
        self.n_idle_moments += 1;
        let seat = Seat {
            is_taken: true,
            ability: Some(ability),
            idle_since: self.n_idle_moments,
            ..Seat::default()
        };
        if let Some(place) = self.seats.iter().position(|seat| !seat.is_taken) {
            self.seats[place] = seat;
            return SeatId(place);
        }
        self.seats.push(seat);
        SeatId(self.seats.len() - 1)
    }

    /// A seat takes no more calls; those that it has go on.
    pub(crate) fn close(&mut self, seat: SeatId) {
        self.seats[seat.0].ability = None;
    }

    /// A seat is gone, with all that it was sent.
    pub(crate) fn lose(&mut self, seat: SeatId) {
        self.seats[seat.0] = Seat::default();
    }

    /// Calls that a lost seat had not begun, in any order: back to the head of the queue, the oldest first. They were admitted
    /// once, so the queue may be longer than its capacity for a while.
    pub(crate) fn put_back(&mut self, calls: Vec<(Ticket, T)>) {
        for call in calls {
            self.queue.push_front(call);
        }
        // Others that were put back before may be older.
        self.queue
            .make_contiguous()
            .sort_by_key(|(ticket, _)| *ticket);
    }

    /// A seat says that it has begun a call which was sent ahead.
    pub(crate) fn begun(&mut self, seat: SeatId, ticket: Ticket) {
        if let Some(sent) = self.seats[seat.0].find(ticket) {
            sent.begun = true;
        }
    }

    /// A call on a seat has ended, after `took` of user code.
    pub(crate) fn done(&mut self, seat: SeatId, ticket: Ticket, took: Duration) {
        let seat = &mut self.seats[seat.0];
        seat.sent.retain(|sent| sent.ticket != ticket);
        seat.pace.note(took);
        if seat.sent.is_empty() {
            self.n_idle_moments += 1;
            seat.idle_since = self.n_idle_moments;
        }
    }

    /// Nobody waits for this call any more.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> Withdrawn<T> {
        if let Some(place) = self
            .queue
            .iter()
            .position(|(waiting, _)| *waiting == ticket)
        {
            let removed = self.queue.remove(place);
            return removed.map_or(Withdrawn::Nowhere, |(_, call)| Withdrawn::Waiting(call));
        }
        for (place, seat) in self.seats.iter_mut().enumerate() {
            if let Some(sent) = seat.find(ticket) {
                return Withdrawn::Sent {
                    seat: SeatId(place),
                    begun: sent.begun,
                };
            }
        }
        Withdrawn::Nowhere
    }

    /// The seat on which this call has begun.
    pub(crate) fn seat_running(&self, ticket: Ticket) -> Option<SeatId> {
        let place = self.seats.iter().position(|seat| {
            seat.sent
                .iter()
                .any(|sent| sent.ticket == ticket && sent.begun)
        });
        place.map(SeatId)
    }

    /// Empties the queue.
    pub(crate) fn take_waiting(&mut self) -> Vec<T> {
        self.queue.drain(..).map(|(_, call)| call).collect()
    }

    /// How many calls wait.
    pub(crate) fn n_waiting(&self) -> usize {
        self.queue.len()
    }

    /// How many calls are on seats.
    pub(crate) fn n_sent(&self) -> usize {
        self.seats.iter().map(|seat| seat.sent.len()).sum()
    }

    /// How many seats take calls.
    pub(crate) fn n_open(&self) -> usize {
        self.seats
            .iter()
            .filter(|seat| seat.ability.is_some())
            .count()
    }

    fn free_seat(&self) -> Option<(SeatId, Start)> {
        let open = || {
            self.seats
                .iter()
                .enumerate()
                .filter_map(|(place, seat)| Some((SeatId(place), seat, seat.ability?)))
        };
        let least = |id: SeatId, seat: &Seat| (seat.sent.len(), seat.idle_since, id);
        let with_room = open()
            .filter(|(_, seat, ability)| seat.sent.len() < ability.concurrency)
            .min_by_key(|&(id, seat, _)| least(id, seat));
        if let Some((id, ..)) = with_room {
            return Some((id, Start::Now));
        }
        open()
            .filter(|(_, seat, ability)| {
                ability.look_ahead == LookAhead::Possible
                    && seat.sent.len() < ability.concurrency + seat.pace.ahead()
            })
            .min_by_key(|&(id, seat, _)| least(id, seat))
            .map(|(id, ..)| (id, Start::Announced))
    }
}

impl Seat {
    fn find(&mut self, ticket: Ticket) -> Option<&mut Sent> {
        self.sent.iter_mut().find(|sent| sent.ticket == ticket)
    }
}

/// Calls under this gain more from one read for several than they lose by waiting for each other.
pub(crate) const FAST: Duration = Duration::from_millis(1);

/// How fast the calls of a seat are.
#[derive(Debug, Default)]
struct Pace {
    n_fast_in_a_row: u32,
}

impl Pace {
    /// So many fast ones in a row are believed.
    const BELIEVED: u32 = 8;
    /// More than this saves nothing: a read call is a few microseconds, shared by 16.
    const MAX_AHEAD: usize = 15;

    fn note(&mut self, took: Duration) {
        self.n_fast_in_a_row = if took < FAST {
            self.n_fast_in_a_row.saturating_add(1)
        } else {
            0
        };
    }

    /// How many calls may be sent beyond those that run.
    fn ahead(&self) -> usize {
        if self.n_fast_in_a_row >= Self::BELIEVED {
            Self::MAX_AHEAD
        } else {
            0
        }
    }
}

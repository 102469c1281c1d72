//! Calls that nobody waits for any more: cancelled, and given a time by which they must have ended.

use optml_wire::{ControlToWorker, RequestId};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::Exchange;
use crate::{admission::Ticket, pool::Withdrawal};

impl Exchange {
    pub(super) fn withdraw(&mut self, ticket: Ticket, why: Withdrawal) {
        let Some(flight) = self
            .flights
            .iter_mut()
            .find(|flight| flight.ticket == ticket)
        else {
            return;
        };
        flight.withdrawn = Some(why);
        let id = flight.id;
        // Also a generator that nothing interrupts is asked between two items whether anybody waits for the next one.
        if self.can_cancel || flight.is_streaming() || !flight.has_begun {
            debug!(request = id.number(), "cancelled");
            self.outbound
                .control(&ControlToWorker::Cancel(id))
                .expect("a frame of one number has no parts that could be too long");
        }
        self.set_alarm(id);
    }

    /// Says when a call that nobody waits for must have ended. Then the worker is ended, whatever else it does.
    pub(super) fn set_alarm(&mut self, id: RequestId) {
        let (can_cancel, patience, stream_idle) =
            (self.can_cancel, self.patience, self.stream_idle);
        let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == id) else {
            return;
        };
        let now = Instant::now();
        flight.must_end_by = match flight.withdrawn.filter(|_| flight.has_begun) {
            None => None,
            Some(Withdrawal::Deadline) if can_cancel || flight.is_streaming() => {
                Some(now + patience)
            }
            // Nothing else ends it.
            Some(Withdrawal::Deadline) => Some(now),
            Some(Withdrawal::ClientGone) if flight.is_streaming() => {
                Some(now + stream_idle + patience)
            }
            Some(Withdrawal::ClientGone) => Some(flight.pending.call.deadline + patience),
        };
        self.follow_alarms();
    }

    /// The earliest of all alarms is the one that counts.
    pub(super) fn follow_alarms(&mut self) {
        let earliest = self
            .flights
            .iter()
            .filter_map(|flight| flight.must_end_by)
            .min();
        self.overdue = earliest.map(|at| Box::pin(sleep_until(at)));
    }
}

//! A seat whose calls go to the program: takes them from the mailbox, and has each forwarded by a task of its own.

use std::{collections::BTreeMap, rc::Rc};

use tokio::{
    task::{AbortHandle, spawn_local},
    time::Instant,
};

use super::{forward::Forwarding, target::Target};
use crate::{
    admission::{Ability, Assignment, LookAhead, SeatId, Ticket},
    pool::{Mailbox, Pending, Pool, Withdrawal},
};

/// A seat that takes calls. It is given back when it was closed and its calls have ended.
#[derive(Debug)]
pub(super) struct Desk {
    pool: Rc<Pool>,
    seat: SeatId,
    mailbox: Rc<Mailbox>,
}

/// The place that one call takes up. Dropped, however the call ended, it is free for another.
#[derive(Debug)]
pub(super) struct Occupied {
    pool: Rc<Pool>,
    seat: SeatId,
    ticket: Ticket,
    mailbox: Rc<Mailbox>,
    began: Instant,
}

impl Desk {
    /// Opens a seat for calls to `target`.
    pub(super) fn open(pool: &Rc<Pool>, target: &Rc<Target>, concurrency: usize) -> Self {
        let ability = Ability {
            concurrency,
            look_ahead: LookAhead::Impossible,
        };
        let mailbox = Rc::new(Mailbox::default());
        // By closing its connection.
        mailbox.can_cancel.set(true);
        let seat = pool.open(ability, Rc::clone(&mailbox));
        let desk = Self {
            pool: Rc::clone(pool),
            seat,
            mailbox: Rc::clone(&mailbox),
        };
        spawn_local(desk.work(Rc::clone(target)));
        Self {
            pool: Rc::clone(pool),
            seat,
            mailbox,
        }
    }

    /// No more calls; those that there are go on.
    pub(super) fn close(self) {
        self.pool.close(self.seat);
        self.mailbox.retire();
    }

    async fn work(self, target: Rc<Target>) {
        let mut running: BTreeMap<Ticket, AbortHandle> = BTreeMap::new();
        loop {
            self.mailbox.changed().await;
            for assignment in self.mailbox.take_calls() {
                let (ticket, task) = self.begin(assignment, &target);
                running.insert(ticket, task);
            }
            for (ticket, _) in self.mailbox.take_withdrawn() {
                if let Some(task) = running.remove(&ticket) {
                    task.abort();
                }
            }
            running.retain(|_, task| !task.is_finished());
            if self.mailbox.is_retired() && running.is_empty() {
                self.pool.lose(self.seat, Vec::new());
                return;
            }
        }
    }

    fn begin(
        &self,
        assignment: Assignment<Box<Pending>>,
        target: &Rc<Target>,
    ) -> (Ticket, AbortHandle) {
        let Assignment { ticket, call, .. } = assignment;
        let forwarding = Forwarding {
            target: Rc::clone(target),
            pending: call,
            place: Occupied {
                pool: Rc::clone(&self.pool),
                seat: self.seat,
                ticket,
                mailbox: Rc::clone(&self.mailbox),
                began: Instant::now(),
            },
        };
        (ticket, spawn_local(forwarding.run()).abort_handle())
    }
}

impl Occupied {
    /// For a body that nobody reads to its end: its call is aborted.
    pub(super) fn on_left(&self) -> impl FnOnce(Withdrawal) + use<> {
        let (mailbox, ticket) = (Rc::clone(&self.mailbox), self.ticket);
        move |why| mailbox.withdraw(ticket, why)
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.pool.done(self.seat, self.ticket, self.began.elapsed());
        self.pool.dispatch();
        // A seat that was closed waits for the last of them.
        self.mailbox.wake();
    }
}

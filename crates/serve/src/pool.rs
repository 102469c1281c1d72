//! Where HTTP and the workers meet: calls come in here, and answers go back.
//!
//! [`Admission`] decides; this carries out. A call is handed to its seat's [`Mailbox`]; the task that owns the seat takes it
//! from there, and answers through the call's own [`Reply`]. Whoever submitted it holds a [`CallHandle`]; dropped before the
//! answer, it withdraws the call.
//!
//! Everything here lives on the front's one thread, and no borrow is held across an await.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout_at},
};

use crate::{
    admission::{Ability, Admission, Assignment, Full, SeatId, Ticket, Withdrawn},
    call::{Answer, Call, Refusal},
    health::Health,
};

#[cfg(test)]
mod tests;

/// A call and the way back of its answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) call: Call,
    /// Taken when it is used.
    pub(crate) reply: Option<Reply>,
    admitted: Instant,
}

/// The way back of one answer. Dropped without one, the call is refused as cancelled.
pub(crate) type Reply = oneshot::Sender<Result<Answer, Refusal>>;

/// Why a call is no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withdrawal {
    /// The client left.
    ClientGone,
    /// Its time is over: whoever runs it has to stop.
    Deadline,
}

/// What a seat's task is told.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    calls: RefCell<Vec<Assignment<Box<Pending>>>>,
    withdrawn: RefCell<Vec<(Ticket, Withdrawal)>>,
    /// A call that runs can be cancelled.
    pub(crate) can_cancel: Cell<bool>,
    is_retired: Cell<bool>,
    is_changed: Cell<bool>,
    owner: RefCell<Option<Waker>>,
}

impl Mailbox {
    /// The calls that have come.
    pub(crate) fn take_calls(&self) -> Vec<Assignment<Box<Pending>>> {
        std::mem::take(&mut *self.calls.borrow_mut())
    }

    /// The calls that are no longer wanted.
    pub(crate) fn take_withdrawn(&self) -> Vec<(Ticket, Withdrawal)> {
        std::mem::take(&mut *self.withdrawn.borrow_mut())
    }

    /// A call is no longer wanted.
    pub(crate) fn withdraw(&self, ticket: Ticket, why: Withdrawal) {
        self.withdrawn.borrow_mut().push((ticket, why));
        self.wake();
    }

    /// No more calls will come: the seat ends when it has answered those that it has.
    pub(crate) fn retire(&self) {
        self.is_retired.set(true);
        self.wake();
    }

    /// Whether the seat is to end.
    pub(crate) fn is_retired(&self) -> bool {
        self.is_retired.get()
    }

    /// Whether there is anything new; the task is woken when there is.
    pub(crate) fn poll_changed(&self, cx: &mut Context<'_>) -> bool {
        if self.is_changed.take() {
            return true;
        }
        let mut owner = self.owner.borrow_mut();
        if !owner
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *owner = Some(cx.waker().clone());
        }
        false
    }

    /// Waits for anything new.
    ///
    /// # Cancel safety
    /// A change that nobody saw is seen by the next call.
    pub(crate) async fn changed(&self) {
        poll_fn(|cx| {
            if self.poll_changed(cx) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Wakes the task that owns the seat.
    pub(crate) fn wake(&self) {
        if !self.is_changed.replace(true)
            && let Some(owner) = &*self.owner.borrow()
        {
            owner.wake_by_ref();
        }
    }
}

/// The calls of one model, and who runs them.
#[derive(Debug)]
pub(crate) struct Pool {
    admission: RefCell<Admission<Box<Pending>>>,
    mailboxes: RefCell<Vec<Option<Rc<Mailbox>>>>,
    health: Rc<Health>,
    is_draining: Cell<bool>,
    /// Calls wait at most so long, whatever their deadline.
    queue_limit: Option<Duration>,
    /// Told when a call has ended, for those who wait until none is left.
    ended: Notify,
}

impl Pool {
    /// Without seats, with room for `queue` calls to wait.
    pub(crate) fn new(queue: usize, queue_limit: Option<Duration>, health: Rc<Health>) -> Rc<Self> {
        Rc::new(Self {
            admission: RefCell::new(Admission::new(queue)),
            mailboxes: RefCell::default(),
            health,
            is_draining: Cell::new(false),
            queue_limit,
            ended: Notify::new(),
        })
    }

    /// Takes a call in, or says why not.
    pub(crate) fn submit(self: &Rc<Self>, call: Call) -> Result<CallHandle, Refusal> {
        if self.admission.borrow().n_open() == 0 {
            self.health.refusal_of_calls()?;
        }
        let (reply, answer) = oneshot::channel();
        let deadline = call.deadline;
        let admitted_at = Instant::now();
        let pending = Box::new(Pending {
            call,
            reply: Some(reply),
            admitted: admitted_at,
        });
        let admitted = self.admission.borrow_mut().admit(pending);
        let ticket = admitted.map_err(|Full { .. }| Refusal::QueueFull {
            waiting: self.n_waiting(),
        })?;
        self.dispatch();
        Ok(CallHandle {
            pool: Rc::clone(self),
            ticket,
            answer,
            admitted: admitted_at,
            wait_until: self.queue_limit.map(|limit| admitted_at + limit),
            deadline,
            is_over: false,
        })
    }

    /// Sends waiting calls to seats that have room.
    pub(crate) fn dispatch(&self) {
        loop {
            let Some(assignment) = self.admission.borrow_mut().next() else {
                return;
            };
            let mailboxes = self.mailboxes.borrow();
            let mailbox = mailboxes
                .get(assignment.seat.0)
                .and_then(Option::as_ref)
                .expect("a seat that is open has a mailbox");
            mailbox.calls.borrow_mut().push(assignment);
            mailbox.wake();
        }
    }

    /// A new seat, which takes calls from now on.
    pub(crate) fn open(&self, ability: Ability, mailbox: Rc<Mailbox>) -> SeatId {
        let seat = self.admission.borrow_mut().open(ability);
        let mut mailboxes = self.mailboxes.borrow_mut();
        if mailboxes.len() <= seat.0 {
            mailboxes.resize_with(seat.0 + 1, || None);
        }
        mailboxes[seat.0] = Some(mailbox);
        drop(mailboxes);
        self.tell_health();
        self.dispatch();
        seat
    }

    /// A seat takes no more calls; those that it has go on.
    pub(crate) fn close(&self, seat: SeatId) {
        self.admission.borrow_mut().close(seat);
        self.tell_health();
    }

    /// A seat is gone. Calls that it had not begun go back to the head of the queue.
    pub(crate) fn lose(&self, seat: SeatId, not_begun: Vec<(Ticket, Box<Pending>)>) {
        {
            let mut admission = self.admission.borrow_mut();
            admission.lose(seat);
            admission.put_back(not_begun);
        }
        if let Some(mailbox) = self.mailboxes.borrow_mut().get_mut(seat.0) {
            *mailbox = None;
        }
        self.tell_health();
        self.dispatch();
        self.ended.notify_waiters();
    }

    /// A seat has begun a call that was sent ahead.
    pub(crate) fn begun(&self, seat: SeatId, ticket: Ticket) {
        self.admission.borrow_mut().begun(seat, ticket);
    }

    /// A call has ended. Call [`Pool::dispatch`] when all that have come together are told.
    pub(crate) fn done(&self, seat: SeatId, ticket: Ticket, took: Duration) {
        self.admission.borrow_mut().done(seat, ticket, took);
        if self.is_draining.get() {
            self.ended.notify_waiters();
        }
    }

    /// Refuses all that wait, and all that come: nobody will ever run them.
    pub(crate) fn give_up(&self, refusal: &Refusal) {
        let waiting = self.admission.borrow_mut().take_waiting();
        for reply in waiting.into_iter().filter_map(|pending| pending.reply) {
            // An error: the client left.
            let _ = reply.send(Err(refusal.clone()));
        }
        self.ended.notify_waiters();
    }

    /// From now on the end of each call is told to [`Pool::idle`].
    pub(crate) fn start_draining(&self) {
        self.is_draining.set(true);
    }

    /// Waits until no call waits or runs.
    pub(crate) async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            if self.n_waiting() == 0 && self.n_sent() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// How many calls wait.
    pub(crate) fn n_waiting(&self) -> usize {
        self.admission.borrow().n_waiting()
    }

    /// How many calls are on seats.
    pub(crate) fn n_sent(&self) -> usize {
        self.admission.borrow().n_sent()
    }

    /// How many seats take calls.
    pub(crate) fn n_open(&self) -> usize {
        self.admission.borrow().n_open()
    }

    fn has_begun(&self, ticket: Ticket) -> bool {
        self.admission.borrow().seat_running(ticket).is_some()
    }

    fn tell_health(&self) {
        self.health.set_n_ready(self.n_open());
    }

    fn withdraw(&self, ticket: Ticket, why: Withdrawal) -> Withdrawn<Box<Pending>> {
        let withdrawn = self.admission.borrow_mut().withdraw(ticket);
        if let Withdrawn::Sent { seat, .. } = &withdrawn
            && let Some(Some(mailbox)) = self.mailboxes.borrow().get(seat.0)
        {
            mailbox.withdraw(ticket, why);
        }
        if matches!(withdrawn, Withdrawn::Waiting(_)) {
            self.ended.notify_waiters();
        }
        withdrawn
    }
}

/// A call that was taken in. Dropped before its answer came, it withdraws the call.
#[derive(Debug)]
#[must_use = "the answer comes through it"]
pub(crate) struct CallHandle {
    pool: Rc<Pool>,
    ticket: Ticket,
    answer: oneshot::Receiver<Result<Answer, Refusal>>,
    admitted: Instant,
    /// When it must have left the queue.
    wait_until: Option<Instant>,
    deadline: Instant,
    is_over: bool,
}

impl CallHandle {
    /// Waits for the answer, at most until the call's deadline.
    ///
    /// # Cancel safety
    /// It can be waited for again.
    pub(crate) async fn answer(&mut self) -> Result<Answer, Refusal> {
        loop {
            let wait_until = self.wait_until.filter(|at| *at < self.deadline);
            let until = wait_until.unwrap_or(self.deadline);
            match timeout_at(until, &mut self.answer).await {
                Ok(answer) => {
                    self.is_over = true;
                    return answer.unwrap_or(Err(Refusal::Cancelled));
                }
                Err(_elapsed) if wait_until.is_some() && self.pool.has_begun(self.ticket) => {
                    self.wait_until = None;
                }
                Err(_elapsed) => return Err(self.expire()),
            }
        }
    }

    /// Whether it goes on without its client: it runs, and can't be cancelled. Then its answer may still find one who has only
    /// stopped sending.
    pub(crate) fn outlives_client(&self) -> bool {
        let mailboxes = self.pool.mailboxes.borrow();
        self.pool
            .admission
            .borrow()
            .seat_running(self.ticket)
            .and_then(|seat| mailboxes.get(seat.0)?.as_ref())
            .is_some_and(|mailbox| !mailbox.can_cancel.get())
    }

    fn expire(&mut self) -> Refusal {
        self.is_over = true;
        match self.pool.withdraw(self.ticket, Withdrawal::Deadline) {
            Withdrawn::Waiting(pending) => Refusal::QueueTimeout {
                waited: pending.admitted.elapsed(),
            },
            Withdrawn::Sent { begun: false, .. } => Refusal::QueueTimeout {
                waited: self.admitted.elapsed(),
            },
            Withdrawn::Sent { begun: true, .. } | Withdrawn::Nowhere => Refusal::Deadline,
        }
    }
}

impl Drop for CallHandle {
    fn drop(&mut self) {
        if !self.is_over {
            // Where it was makes no difference any more.
            let _ = self.pool.withdraw(self.ticket, Withdrawal::ClientGone);
        }
    }
}

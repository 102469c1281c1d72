//! What `/ping` says: one value in memory, changed by those who know.
//!
//! 200 if and only if a call that came now would be given to a seat that is loaded.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use optml_contract::serving::PingCompat;

use crate::call::Refusal;

#[cfg(test)]
mod tests;

/// What a server is doing as long as no seat is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing has been started.
    Starting,
    /// Requirements are being installed.
    Installing,
    /// The model is being loaded.
    Loading,
    /// The model is being tried out.
    Warming,
    /// It was ready before, and no worker is left.
    Recovering,
    /// It will never be ready.
    Failed,
}

/// The state of the server, in memory.
#[derive(Debug)]
pub(crate) struct Health {
    rule: PingCompat,
    phase: Cell<Phase>,
    reason: RefCell<Rc<str>>,
    n_ready: Cell<usize>,
    n_wanted: Cell<usize>,
    is_draining: Cell<bool>,
    /// What the user's own check, or the application's, said last.
    own_check: RefCell<Option<Rc<str>>>,
}

impl Health {
    /// Nothing is ready yet.
    pub(crate) fn new(rule: PingCompat) -> Rc<Self> {
        Rc::new(Self {
            rule,
            phase: Cell::new(Phase::Starting),
            reason: RefCell::new("".into()),
            n_ready: Cell::new(0),
            n_wanted: Cell::new(1),
            is_draining: Cell::new(false),
            own_check: RefCell::new(None),
        })
    }

    /// The state's name, as `/ping` and the log show it.
    pub(crate) fn state(&self) -> &'static str {
        if self.is_draining.get() {
            return "draining";
        }
        if self.phase.get() == Phase::Failed {
            return "failed";
        }
        match (self.n_ready.get(), self.phase.get()) {
            (0, Phase::Starting) => "starting",
            (0, Phase::Installing) => "installing",
            (0, Phase::Warming) => "warming",
            (0, Phase::Recovering) => "recovering",
            (0, _) => "loading",
            (n_ready, _) if n_ready < self.n_wanted.get() => "degraded",
            _ if self.own_check.borrow().is_some() => "unhealthy",
            _ => "ready",
        }
    }

    /// Whether a call that came now would be dispatched.
    pub(crate) fn is_ready(&self) -> bool {
        self.n_ready.get() > 0 && !self.is_draining.get() && self.phase.get() != Phase::Failed
    }

    /// 200 or 503.
    pub(crate) fn ping_status(&self) -> u16 {
        let good = match self.rule {
            PingCompat::Strict => self.is_ready() && self.own_check.borrow().is_none(),
            PingCompat::Lenient => true,
        };
        if good { 200 } else { 503 }
    }

    /// For people: why it is 503.
    pub(crate) fn reason(&self) -> Rc<str> {
        if let Some(text) = self.own_check.borrow().as_ref() {
            return Rc::clone(text);
        }
        Rc::clone(&self.reason.borrow())
    }

    /// What is going on until a seat is ready. Once one was, a new one is loaded only to recover.
    pub(crate) fn set_phase(&self, phase: Phase, reason: &str) {
        let is_final = match self.phase.get() {
            Phase::Failed => return,
            Phase::Recovering => phase != Phase::Failed,
            Phase::Starting | Phase::Installing | Phase::Loading | Phase::Warming => false,
        };
        if !is_final {
            self.phase.set(phase);
        }
        // How the last worker ended is worth more than that there is nothing to say.
        if !is_final || !reason.is_empty() {
            *self.reason.borrow_mut() = reason.into();
        }
    }

    /// How many seats are ready.
    pub(crate) fn set_n_ready(&self, n_ready: usize) {
        self.n_ready.set(n_ready);
        if n_ready > 0 {
            // From the moment on at which none is ready any more, and not only when somebody has looked why.
            self.set_phase(Phase::Recovering, "");
        }
    }

    /// How many there should be.
    pub(crate) fn set_n_wanted(&self, n_wanted: usize) {
        self.n_wanted.set(n_wanted);
    }

    /// From now on no more.
    pub(crate) fn start_draining(&self) {
        self.is_draining.set(true);
    }

    /// Whether the server is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.get()
    }

    /// What the user's own check complained about last.
    pub(crate) fn own_check(&self) -> Option<Rc<str>> {
        self.own_check.borrow().clone()
    }

    /// What the user's own check said: a reason, or that all is well.
    pub(crate) fn set_own_check(&self, complaint: Option<&str>) {
        *self.own_check.borrow_mut() = complaint.map(Into::into);
    }

    /// Whether calls are taken in while no seat is ready: only when there was one, and is to be one again. Then they wait.
    ///
    /// # Errors
    /// What the client is told.
    pub(crate) fn refusal_of_calls(&self) -> Result<(), Refusal> {
        if self.is_draining.get() {
            return Err(Refusal::Draining);
        }
        match self.phase.get() {
            Phase::Recovering => Ok(()),
            Phase::Starting
            | Phase::Installing
            | Phase::Loading
            | Phase::Warming
            | Phase::Failed => Err(Refusal::NotReady {
                state: self.state(),
            }),
        }
    }
}

//! One process of the program, as its calls see it: where it is, the connections to it, and that it has ended.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use optml_supervise::Ended;
use tokio::{
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};

use super::{link::Kept, place::Place, plan::Plan};
use crate::{
    call::{MemoryCause, Refusal},
    worker::restarts::Restarts,
};

/// One process of the program, as its calls see it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) host: String,
    pub(super) invocations: String,
    pub(super) kept: Rc<Kept>,
    /// Bounds the connections that calls have, also while a seat that was closed still has some.
    pub(super) permits: Semaphore,
    pub(super) fate: Fate,
    /// Told when a call has met nobody.
    pub(super) suspicion: Notify,
    /// A call has been answered since somebody looked.
    pub(super) has_answered: Cell<bool>,
    restarts: Rc<RefCell<Restarts>>,
}

impl Target {
    pub(super) fn new(plan: &Plan, place: Place, restarts: Rc<RefCell<Restarts>>) -> Rc<Self> {
        let n_links = plan.limits.concurrency.get();
        Rc::new(Self {
            host: place.host(),
            place,
            invocations: plan.invocations.clone(),
            kept: Kept::new(n_links),
            permits: Semaphore::new(n_links),
            fate: Fate::default(),
            suspicion: Notify::new(),
            has_answered: Cell::new(false),
            restarts,
        })
    }

    /// A call was answered: whatever went wrong before is over.
    pub(super) fn answered(&self) {
        self.has_answered.set(true);
        self.restarts.borrow_mut().served();
    }

    /// What a call is told that got no answer, or no whole one: that the process has ended if it has, else what was seen of it.
    pub(super) async fn lost(&self, seen: String) -> Refusal {
        self.suspicion.notify_one();
        // Connections of a process are closed before its end is known.
        match timeout(SOON_KNOWN, self.fate.known()).await {
            Ok(refusal) => refusal,
            Err(_) => died(seen.into(), MemoryCause::Other),
        }
    }
}

/// Whether the process has ended, and how.
#[derive(Debug, Default)]
pub(super) struct Fate {
    end: RefCell<Option<(Arc<str>, MemoryCause)>>,
    told: Notify,
}

impl Fate {
    /// It has.
    pub(super) fn seal(&self, ended: Option<Ended>) {
        let (how, memory) = match ended {
            Some(Ended::OutOfMemory { .. }) => {
                ("out of memory".to_owned(), MemoryCause::OutOfMemory)
            }
            Some(ended) => (ended.to_string(), MemoryCause::Other),
            None => ("its end was not seen".to_owned(), MemoryCause::Other),
        };
        *self.end.borrow_mut() = Some((how.into(), memory));
        self.told.notify_waiters();
    }

    /// Waits until it has, and until what it had sent before is read.
    pub(super) async fn fulfilled(&self) -> Refusal {
        let refusal = self.known().await;
        sleep(LAST_WORDS).await;
        refusal
    }

    async fn known(&self) -> Refusal {
        loop {
            let told = self.told.notified();
            if let Some((how, memory)) = &*self.end.borrow() {
                return died(Arc::clone(how), *memory);
            }
            told.await;
        }
    }
}

fn died(how: Arc<str>, memory: MemoryCause) -> Refusal {
    Refusal::Died { how, memory }
}

/// From closed connections to the news that their process has ended.
const SOON_KNOWN: Duration = Duration::from_millis(300);
/// What an ended process has sent is in our kernel: it is read as soon as it is this task's turn.
const LAST_WORDS: Duration = Duration::from_millis(200);

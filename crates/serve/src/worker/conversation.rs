//! The task of one live worker: its conversation, and what follows that.

use std::{rc::Rc, time::Duration};

use optml_supervise::Ended;
use tokio::sync::mpsc;
use tracing::{debug, error, warn};

use crate::{
    arena::RequestSlot,
    call::{MemoryCause, Refusal},
    worker::{
        crew::Crew,
        exchange::{End, Exchange, Notice},
        keeper::{LiveEvent, Why},
        process::Process,
    },
};

/// The task of one live worker.
pub(super) struct Conversation {
    pub(super) number: u16,
    pub(super) crew: Rc<Crew>,
    pub(super) process: Process,
    pub(super) tell: mpsc::Sender<LiveEvent>,
}

impl Conversation {
    pub(super) async fn run(mut self, mut exchange: Exchange) {
        let mailbox = Rc::clone(&exchange.mailbox);
        let mut n_served = 0_u64;
        let mut was_told = false;
        let (crew, tell) = (Rc::clone(&self.crew), self.tell.clone());
        let end = exchange
            .run(&mut |notice| {
                let worn = match notice {
                    Notice::Served(n_calls) => {
                        crew.restarts.borrow_mut().served();
                        n_served += n_calls;
                        (crew.limits.n_calls.is_some_and(|limit| n_served >= limit))
                            .then_some(Why::Calls)
                    }
                    Notice::Spent => Some(Why::Spent),
                };
                if let Some(why) = worn.filter(|_| !was_told) {
                    was_told = true;
                    // Nobody listens when it is being retired already.
                    let _ = tell.try_send(LiveEvent::Replace(why));
                }
            })
            .await;
        let was_asked = mailbox.is_retired() || was_told;
        let (slots, how) = self.conclude(exchange, end).await;
        // The keeper may have let go of a worker that was retired.
        let _ = self.tell.send(LiveEvent::Ended { was_asked, how }).await;
        self.process.gone().await;
        // Only now can nothing write to them any more.
        drop(slots);
    }

    /// Ends the conversation and the process; says how that was.
    async fn conclude(&mut self, exchange: Exchange, end: End) -> (Vec<RequestSlot>, String) {
        /// From closed sockets to the end of the process: it is ending already.
        const HANGUP: Duration = Duration::from_millis(500);
        let grace = self.crew.limits.kill_grace;
        let number = self.number;
        match end {
            End::Hangup => {
                let ended = self.process.died(HANGUP).await;
                if ended.is_none() {
                    self.process.kill();
                }
                let how = ended.map_or_else(
                    || "it closed its sockets, and was killed".to_owned(),
                    |ended| ended.to_string(),
                );
                let memory = match ended {
                    Some(Ended::OutOfMemory { .. }) => MemoryCause::OutOfMemory,
                    Some(_) | None => MemoryCause::Other,
                };
                (exchange.finish(&died(&how, memory)).lent, how)
            }
            End::Bye => {
                let slots = exchange
                    .finish(&died("it ended in the middle", MemoryCause::Other))
                    .lent;
                self.process.end(grace).await;
                debug!(worker = number, "a worker has ended as it was asked to");
                (slots, "it was asked to end".to_owned())
            }
            End::Broken(fault) => {
                error!(
                    worker = number,
                    "a worker broke the protocol and is killed: {fault}"
                );
                let slots = exchange
                    .finish(&died("it broke the protocol", MemoryCause::Other))
                    .lent;
                self.process.kill();
                (slots, format!("it broke the protocol: {fault}"))
            }
            End::Overdue => {
                warn!(
                    worker = number,
                    "a call took too long: its worker is ended, its stack follows"
                );
                // Its sockets stay open: else it would end before it has shown where it was, and without its own handlers.
                let remains = exchange.finish(&died(
                    "another call of it took too long",
                    MemoryCause::Other,
                ));
                self.process.dump_stack().await;
                self.process.end(grace).await;
                drop(remains.sockets);
                (remains.lent, "a call took too long".to_owned())
            }
        }
    }
}

fn died(how: &str, memory: MemoryCause) -> Refusal {
    Refusal::Died {
        how: how.into(),
        memory,
    }
}

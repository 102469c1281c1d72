//! What a child leaves behind: found, asked to end, killed, counted.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tracing::warn;

use crate::{
    ended::{Exit, Leftovers},
    stop::{Act, Second, Stop, Wish},
    strays::Process,
};

/// A child that is gone, while what it left behind is being ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) exit: Exit,
    /// Ends the leftovers as a child is ended.
    pub(super) stop: Stop,
    /// When to stop waiting for what survives even SIGKILL.
    give_up: Option<Instant>,
    pub(super) next_look: Instant,
    known: Vec<i32>,
}

impl Ending {
    /// `exit` is all that is known so far; `grace` is for what is left.
    pub(super) fn new(exit: Exit, grace: Duration, now: Instant) -> Self {
        let mut stop = Stop::Running;
        stop.request(grace, Second::Kill, now);
        Self {
            exit,
            stop,
            give_up: None,
            next_look: now,
            known: Vec::new(),
        }
    }

    /// Somebody wants this to be over: what is left was asked when it was found.
    pub(super) fn hurry(&mut self, wish: Wish, now: Instant) {
        let act = match wish {
            Wish::AsSignal(_) | Wish::Kill => self.stop.kill(),
            Wish::Within(grace) => self.stop.request_within(grace, now),
        };
        if act == Act::Kill {
            self.next_look = now;
        }
    }

    /// Looks at what is left, and does what is due. `true`: nothing more is to be waited for.
    pub(super) fn is_over(&mut self, left: &[Process], now: Instant) -> bool {
        // How long SIGKILL may take to work: longer only for a process stuck in the kernel.
        const KILL_TAKES: Duration = Duration::from_secs(5);
        const LOOK_AGAIN: Duration = Duration::from_millis(20);
        self.next_look = now + LOOK_AGAIN;
        if left.is_empty() {
            return true;
        }
        self.stop.tick(now);
        let kill = self.stop == Stop::Killed;
        let record = &mut self.exit.leftovers;
        for process in left {
            if kill {
                process.send(Signal::KILL);
            } else if !self.known.contains(&process.pid) {
                process.send(Signal::TERM);
                process.send(Signal::CONT);
            }
            if !self.known.contains(&process.pid) {
                self.known.push(process.pid);
                record.n_found += 1;
                if record.names.len() < 5 {
                    record.names.push(process.name.clone());
                }
            }
        }
        if !kill {
            return false;
        }
        let give_up = *self.give_up.get_or_insert_with(|| {
            record.n_killed = left.len();
            now + KILL_TAKES
        });
        if give_up <= now {
            record.n_stuck = left.len();
        }
        give_up <= now
    }

    pub(super) fn say(&self) {
        let Leftovers {
            n_found,
            n_killed,
            n_stuck,
            names,
        } = &self.exit.leftovers;
        if *n_found > 0 {
            warn!(
                n_found,
                n_killed,
                n_stuck,
                names = names.join(","),
                "processes outlived the program and were ended"
            );
        }
    }
}

//! Whatever happens in whatever order: no change is lost, and no file is uploaded twice at once.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{failed, ledger, print};
use crate::sync::{
    Retry,
    ledger::{Job, Ledger, Outcome},
};

/// What can happen to a folder and to uploads.
#[derive(Debug, Clone)]
enum Step {
    /// A file is written, and the kernel says so or not.
    Write {
        file: usize,
        told: bool,
    },
    Remove {
        file: usize,
    },
    /// Somebody looks through the folder.
    Look,
    Pass {
        ms: u64,
    },
    /// What is due is released, held, or found to be fresh.
    Release {
        choice: u8,
    },
    Take,
    /// The `nth` running upload ends.
    End {
        nth: usize,
        how: How,
    },
    Finish,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Well,
    Later,
    Never,
    GivenUp,
}

fn step() -> impl Strategy<Value = Step> {
    let file = || 0..N_FILES;
    let how = prop_oneof![
        4 => Just(How::Well),
        1 => Just(How::Later),
        1 => Just(How::Never),
        1 => Just(How::GivenUp),
    ];
    prop_oneof![
        6 => (file(), any::<bool>()).prop_map(|(file, told)| Step::Write { file, told }),
        1 => file().prop_map(|file| Step::Remove { file }),
        2 => Just(Step::Look),
        4 => (0_u64..3000).prop_map(|ms| Step::Pass { ms }),
        4 => any::<u8>().prop_map(|choice| Step::Release { choice }),
        6 => Just(Step::Take),
        6 => (0_usize..4, how).prop_map(|(nth, how)| Step::End { nth, how }),
        1 => Just(Step::Finish),
    ]
}

const N_FILES: usize = 6;

/// A folder, a destination, and the ledger between them.
struct World {
    ledger: Ledger,
    now: Instant,
    /// Which content each file has, if it is there.
    files: BTreeMap<String, u64>,
    stored: BTreeMap<String, u64>,
    running: Vec<Job>,
    n_writes: u64,
    max_queued: usize,
    finishing: bool,
}

impl World {
    fn new(max_queued: usize) -> Self {
        Self {
            ledger: ledger(max_queued),
            now: Instant::now(),
            files: BTreeMap::new(),
            stored: BTreeMap::new(),
            running: Vec::new(),
            n_writes: 0,
            max_queued,
            finishing: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Write { file, told } => {
                self.n_writes += 1;
                self.files.insert(file.to_string(), self.n_writes);
                if *told {
                    self.ledger.mentioned(&file.to_string(), self.now);
                }
            }
            Step::Remove { file } => {
                self.files.remove(&file.to_string());
            }
            Step::Look => self.look(),
            Step::Pass { ms } => self.now += Duration::from_millis(*ms),
            Step::Release { choice } => self.release(*choice),
            Step::Take => self.take(),
            Step::End { nth, how } => self.end(*nth, *how),
            Step::Finish => {
                self.finishing = true;
                self.ledger.finish(self.now);
            }
        }
        assert!(self.ledger.left().n_files <= self.max_queued as u64);
        let n_timed = self.ledger.timed.len();
        let pending = self.ledger.pending.values();
        assert_eq!(
            pending.filter(|pending| pending.due.is_some()).count(),
            n_timed
        );
    }

    fn look(&mut self) {
        self.ledger.begin_look();
        for (name, content) in &self.files {
            self.ledger.found(name, &print(*content), self.now);
        }
    }

    fn release(&mut self, choice: u8) {
        for (n, name) in self.ledger.due(self.now).iter().enumerate() {
            let Some(content) = self.files.get(&**name) else {
                self.ledger.forget(name);
                continue;
            };
            let fingerprint = print(*content);
            match choice >> (2 * (n % 4)) & 0b11 {
                _ if self.ledger.is_closed(name, &fingerprint) => self.ledger.forget(name),
                0 => self.ledger.hold(name, self.now + Duration::from_secs(5)),
                1 => self.ledger.settle_again(name, self.now),
                _ => self.ledger.release(name, &fingerprint),
            }
        }
    }

    fn take(&mut self) {
        let Some(job) = self.ledger.take() else {
            return;
        };
        let is_running = self.running.iter().any(|other| other.name == job.name);
        assert!(!is_running, "two uploads of `{}` at once", job.name);
        self.running.push(job);
    }

    fn end(&mut self, nth: usize, how: How) {
        if nth >= self.running.len() {
            return;
        }
        let job = self.running.remove(nth);
        let content = self.files.get(&*job.name).copied();
        let outcome = match how {
            // At the end this would be a loss, which is said.
            How::Never if !self.finishing => failed(Retry::Never),
            How::GivenUp if !self.finishing => Outcome::GivenUp,
            How::Later => failed(Retry::Later),
            _ if content.is_none() => Outcome::Gone,
            _ if content != Some(job.fingerprint.n_bytes) => Outcome::Changed,
            _ => {
                self.stored
                    .insert(job.name.to_string(), job.fingerprint.n_bytes);
                Outcome::Stored
            }
        };
        self.ledger.end(&job, outcome, (self.now, 0));
    }

    /// The last look, and then everything goes well.
    fn settle(&mut self) {
        self.finishing = true;
        self.ledger.finish(self.now);
        self.look();
        for _ in 0..1000 {
            if self.ledger.is_idle() && self.running.is_empty() {
                return;
            }
            if self.ledger.owes_look() {
                self.look();
            }
            self.now = self.ledger.next_due().unwrap_or(self.now).max(self.now);
            self.release(u8::MAX);
            self.take();
            self.end(0, How::Well);
        }
        panic!("it never ends: {:?}", self.ledger);
    }
}

proptest! {
    #[test]
    fn no_change_is_ever_lost(
        max_queued in 1_usize..10,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(max_queued);
        for step in &steps {
            world.step(step);
        }
        world.settle();
        prop_assert_eq!(world.ledger.missing(), (vec![], 0));
        for (name, content) in &world.files {
            prop_assert_eq!(world.stored.get(name), Some(content), "{}", name);
        }
    }
}

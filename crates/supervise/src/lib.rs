//! Processes: start, watch, signal, stop and reap them, as PID 1 and as anything else; and pass on what they print.
//!
//! # Theory of operation
//!
//! [`Supervisor::start`] takes over the signals of this process, makes it the reaper of its descendants, and starts one
//! thread that lives as long as the process. That thread spawns every child (the kernel ties "kill me when my parent
//! dies" to the parent's *thread*), gives each a process group of its own, and is the only one that reaps: it peeks at
//! whatever has ended, takes the status of its own children, and buries and counts orphans.
//!
//! A stop signal (SIGTERM, SIGINT) is passed to the group of every living child; after the grace the groups are
//! killed; a second stop signal skips what is left of the grace. From the first stop signal on nothing new is spawned.
//! Other signals (SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH) are passed on and change nothing else. That is
//! [`StopPolicy::PassOn`]; a server wants [`StopPolicy::Tell`]: it hears of every stop signal, finishes what it has begun,
//! and then stops its children itself, each with a grace of its own or all of them.
//!
//! A child has ended when it *and what it left behind* are gone: descendants that outlive it are found in `/proc`,
//! asked to stop, then killed. Only then does [`Child::wait`] answer, with a named variant for every way to end. Who can't
//! wait is told: [`Supervisor::watch`] calls back when a child has started, when it has died, and when all is gone.
//!
//! What a child prints goes through a [`Pump`] to the [`Console`]: byte for byte, each stream on its own descriptor, in
//! bounded memory. The console writes from threads of its own, so that a blocked terminal or log collector delays
//! nobody but itself.
//!
//! What a child gets beyond words and variables are descriptors: an end of a socket pair, a [`sealed_file`], memory that
//! it shares with us ([`SharedRegion`]).
//!
//! A process that is to have a network, a host name or mounts of its own makes them before it has a second thread
//! ([`OnlyThread`]), and then becomes another program ([`replace_process`]).
//!
//! This crate knows nothing of SageMaker, and no other crate of ours.

pub mod capture;
pub mod command;
pub mod console;
pub mod ended;
pub mod exec_error;
pub mod memory;
pub mod namespace;
pub mod priority;
pub mod pump;
pub mod stop;
pub mod supervisor;

mod signals;
mod strays;
mod sys;
mod tail;

pub use capture::{CaptureError, Captured};
pub use command::{Command, OnStop, Stdin};
pub use console::Console;
pub use ended::{Ended, Exit, Leftovers, StopRecord};
pub use exec_error::{SpawnError, SpawnErrorKind};
pub use memory::{resident_bytes, sealed_file};
pub use namespace::{Namespace, OnlyThread};
pub use priority::raise_priority;
pub use pump::{Format, Output, Pump};
pub use signals::StopSignal;
pub use stop::{Grace, Second, StopPolicy};
pub use strays::stop_marked;
pub use supervisor::{
    Child, ChildEvent, ChildRef, ProcessSignal, Stopper, Supervisor, SupervisorError,
    replace_process,
};
pub use sys::{SharedRegion, inherited, use_static_name_services};

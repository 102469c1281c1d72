//! Worker processes: started, loaded, used, replaced, ended.
//!
//! # Theory of operation
//!
//! A keeper ([`keeper`]) is a task that lives as long as the server and sees to it that its worker is there. It prepares a process
//! ([`launch`]), waits until that has loaded the model ([`handshake`]), and hands it to a task of its own that talks to it
//! ([`exchange`]). When the worker dies the keeper starts another one, as [`restarts`] says; when the worker is to be replaced
//! (worn, spent, its code changed), the keeper loads its successor first, and only then retires it.
//!
//! Who owns what: the exchange owns sockets and calls; the process belongs to the supervisor; request slots that a worker
//! can write to are held until the process and what it left behind are gone.

mod conversation;
mod crew;
mod exchange;
mod flight;
pub(crate) mod handshake;
mod keeper;
pub(crate) mod launch;
mod outbound;
pub(crate) mod process;
pub(crate) mod restarts;

pub(crate) use self::{
    crew::{Crew, Limits, LoadFailure, Parts},
    keeper::Keeper,
};

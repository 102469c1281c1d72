//! The inference server: HTTP in front of a pool of worker processes.
//!
//! # A request's way
//!
//! ```text
//! listener -> connection -> plan, body -> pool (admission) -> mailbox -> exchange -> frame -> worker
//!                  answer <- encode   <-  reply                       <-          <- frame <-
//! ```
//!
//! Reading order: [`server`] is what a caller sees, `front` the running whole. [`http`] is HTTP as bytes, `connection` one client,
//! `problem` every way to be refused. `call` is what both sides speak of, `admission` decides who runs it, `pool` carries
//! that out. `worker` is processes, `arena` the memory that they share with us, `transcode` the default codecs at work.
//! `native` and `upstream` are the two other kinds of model: in this process, and behind a port of its own.

mod admission;
mod arena;
mod call;
mod checks;
mod connection;
mod front;
mod health;
pub mod http;
mod latch;
mod listener;
mod metrics;
mod metrics_port;
mod native;
mod plan;
mod pool;
mod port_holder;
mod problem;
mod python;
mod record;
mod registry;
mod reload;
pub mod server;
mod site;
mod stream;
mod transcode;
mod upstream;
mod worker;

pub use self::{
    listener::BindError,
    native::{Handler, HandlerError, Invocation, Reply},
    plan::PlanError,
    server::{Model, Prepare, PrepareError, ServeEnd, ServeError, Server},
};

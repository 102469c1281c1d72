//! Test support: a fake `/opt/ml`, a harness for real processes and containers, and where the recorded values are.
//!
//! Nothing here mocks anything: a [`Proc`] is a real child, with real signals and real pipes.

mod container;
mod http;
mod memory_group;
mod opt_ml;
mod proc;

use std::path::PathBuf;

pub use container::{Contained, Container, Image, Writable, busybox};
pub use http::{BodyEnd, Client, Response};
pub use memory_group::MemoryGroup;
pub use opt_ml::OptMl;
pub use proc::{Finished, Proc, Streams};

/// The recorded values of the reference implementations: `conformance/` of the repository, or `OPTML_CONFORMANCE`.
pub fn conformance() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for the tests themselves"
    )]
    let elsewhere = std::env::var_os("OPTML_CONFORMANCE");
    elsewhere.map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance")),
        PathBuf::from,
    )
}

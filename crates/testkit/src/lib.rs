//! Test support: a fake `/opt/ml`, a harness for real processes, containers and hosts, servers for object storage and the
//! faults on the way to them, and where the recorded values are.
//!
//! A [`Proc`] is a real child, with real signals and real pipes, and an [`S3`] is a real server. Two things stand in
//! for what cannot run here, and say so: [`DiscardingS3`] and [`PackageIndex`].

mod container;
mod content_hash;
mod discarding_s3;
mod fault_proxy;
mod hosts;
mod http;
mod listener;
mod memory_group;
mod message;
mod opt_ml;
mod package_index;
mod proc;
mod s3;

use std::path::PathBuf;

pub use container::{Contained, Container, Image, Writable, busybox};
pub use content_hash::ContentHash;
pub use discarding_s3::{Discarded, DiscardingS3, UploadEnd, pattern_byte};
pub use fault_proxy::{Action, FaultProxy, Rule, Seen};
pub use hosts::Hosts;
pub use http::{BodyEnd, Client, Response};
pub use memory_group::MemoryGroup;
pub use opt_ml::OptMl;
pub use package_index::{IndexFailure, PackageIndex, wheel};
pub use proc::{Finished, Proc, Streams};
pub use s3::{Object, S3};

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

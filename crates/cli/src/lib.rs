//! optml as a library: the parts of the one binary, for Rust programs that want one of them.
//!
//! [`contract`] is what a container is promised, [`supervise`] runs processes, [`train`] a whole job. With
//! `default-features = false` nothing of the command line is compiled.

pub use optml_contract as contract;
pub use optml_supervise as supervise;
#[cfg(feature = "train")]
pub use optml_train as train;

//! optml as a library: the parts of the one binary, for Rust programs that want one of them.
//!
//! [`contract`] is what a container is promised, [`supervise`] runs processes, [`train`] a whole job, [`serve`] a model of your own
//! in Rust. With `default-features = false` nothing of the command line is compiled.

#[cfg(any(feature = "cli", feature = "serve"))]
mod log;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(any(feature = "cli", feature = "serve"))]
pub mod session;

pub use optml_contract as contract;
pub use optml_supervise as supervise;
#[cfg(feature = "train")]
pub use optml_train as train;

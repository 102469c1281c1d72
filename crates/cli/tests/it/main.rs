//! The binary as a container sees it: real processes, real signals, real files. One test binary for all.
#![expect(
    clippy::unwrap_used,
    reason = "clippy allows it in test functions, but not in the functions that they share"
)]

mod checkpoints;
mod code;
mod command_line;
mod container;
mod distributed;
mod docs;
mod env;
mod failure;
mod install;
mod local;
mod local_hosts;
mod logs;
mod outcome;
mod outputs;
mod rig;
mod robustness;
mod serve;
mod signals;
mod storage;

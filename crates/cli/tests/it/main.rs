//! The binary as a container sees it: real processes, real signals, real files. One test binary for all.

mod command_line;
mod failure;
mod outcome;
mod rig;
mod signals;

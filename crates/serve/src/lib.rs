//! The inference server: HTTP in front of a pool of worker processes.

pub mod http;

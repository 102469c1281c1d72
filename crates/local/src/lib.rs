//! Plays the platform on one machine: makes the tree, runs the real `train` as a child, packs what it leaves.
//!
//! # Theory of operation
//!
//! A [`Project`] is what a folder holds; [`plan::plan`] joins it with the [`Request`] of the command line into a
//! [`LocalJob`], without touching anything. [`run_job()`] then makes a [`RunDir`], writes the tree that the platform
//! would have made ([`tree`]), runs this same binary as `train` in it ([`child`]), packs `model/` and `output/data`
//! ([`artifacts`]), and says what came out ([`summary`]). Several [`hosts`] have a tree each, reach each other by a
//! [`network`] made for them, and end together.
//!
//! The script's output is its own: it goes to our streams untouched, or, from several hosts, in whole lines that say whose
//! they are. Everything said here goes to standard error.
//!
//! No arrow to `train`: the child is a process, with real signals and a real exit code.

pub mod artifacts;
pub mod child;
pub mod config;
pub mod hosts;
pub mod network;
pub mod plan;
pub mod project;
pub mod run_dir;
pub mod run_job;
pub mod summary;
pub mod tree;

mod utc;

pub use plan::{LocalJob, PlanError, Request};
pub use project::{Project, ProjectError};
pub use run_dir::RunDir;
pub use run_job::{Caller, LocalError, Outcome, run_job};
pub use summary::Paint;

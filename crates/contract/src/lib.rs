//! What the platform promises a container, as types: variables, files, paths, exit codes.
//!
//! The paved path: build a [`Process`], find the [`Layout`], load a [`TrainingEnv`], and give the script what
//! [`Exported`] says. Nothing here starts a process, opens a connection or looks at the process environment by itself.
//!
//! Reading order: [`vars`] is the list of every variable, [`layout`] the tree of files. [`source`] gives both to the
//! readers of the three files ([`hyperparameters`], [`resources`], [`channels`]), which [`training`] puts together;
//! [`config`] is what can go wrong. [`json`], [`text`] and [`python`] are the exact spellings. [`machine`] and
//! [`cgroup`] count what there is, [`cluster`] is the one view of the hosts. [`export`] makes the script's environment, [`serving`] is the same for `serve`.
//! [`options`] are our own settings, [`failure`] and [`exit`] how a job ends.

pub mod cgroup;
pub mod channels;
pub mod cluster;
pub mod config;
pub mod exit;
pub mod export;
pub mod failure;
pub mod hyperparameters;
pub mod json;
pub mod layout;
pub mod machine;
pub mod options;
pub mod python;
pub mod resources;
pub mod serving;
pub mod setting;
pub mod source;
pub mod text;
pub mod training;
pub mod vars;

pub use self::{
    cluster::Cluster,
    config::{ConfigError, Origin},
    export::Exported,
    layout::Layout,
    serving::ServingEnv,
    source::{Process, Source},
    training::{Facts, TrainingEnv},
};

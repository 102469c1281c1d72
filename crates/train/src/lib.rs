//! One training job as one of its hosts sees it: read it, fetch and install the code, launch it, report its end.
//!
//! Reading order: [`run`] is the whole story. [`entry`] and [`launch`] say what is started, [`launcher`] by whom, [`code`]
//! and [`archive`] bring the user's code, [`install`] what it needs, [`hosts`] waits for the others, [`probe`] asks the
//! machine. With a launcher `ranks` runs the processes of this host, together with those of the others: [`link`] is how
//! hosts talk, [`ssh`] how Open MPI reaches them. [`traceback`] finds what the script said about its failure, and
//! [`report`] leaves it where the platform looks.

pub mod archive;
pub mod checkpoints;
pub mod code;
pub mod entry;
pub mod hosts;
pub mod install;
pub mod launch;
pub mod launcher;
pub mod link;
pub mod package_index;
pub mod probe;
pub mod report;
pub mod run;
pub mod scratch;
pub mod ssh;
pub mod store;
pub mod sync;
pub mod traceback;

mod failing;
mod landing;
mod outputs;
mod prepare;
mod ranks;
mod same_name;
mod stores;
mod untangle;

pub use run::Job;

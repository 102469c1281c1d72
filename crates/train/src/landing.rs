//! Brings many objects of a store below an open directory, each under its name.
//!
//! The names are somebody else's: they are checked like those of an archive, all of them before anything is fetched, and
//! files are made without ever leaving the directory.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Mutex, PoisonError},
};

use thiserror::Error;

use crate::{
    archive::{
        EntryPath, Limits, PathFault, TreeError,
        tree::{Resolution, Tree},
    },
    store::{Object, Progress, Store, StoreError},
};

/// Why not all of them are there.
#[derive(Debug, Error)]
pub(crate) enum LandingError {
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A name that no directory takes.
    #[error("the object `{name}`: {fault}")]
    Name {
        name: String,
        #[source]
        fault: PathFault,
    },
    /// A name that is a file and a folder at once, or the like.
    #[error("the object `{name}`: {fault}")]
    Clash {
        name: String,
        #[source]
        fault: TreeError,
    },
}

/// Fetches them. Gives the number of directories that were made for them.
///
/// # Errors
/// With the reason; what is below the directory then is of no use.
pub(crate) fn land(
    store: &Store,
    objects: &[Object],
    root: OwnedFd,
    progress: &Progress,
) -> Result<u64, LandingError> {
    for object in objects {
        check_name(store, object)?;
    }
    let landing = Mutex::new(Landing {
        tree: Tree::new(root, Resolution::Openat2),
        clash: None,
    });
    let open = |object: &Object| {
        let name = store.name_below(object).unwrap_or_default();
        let path = path_of(name).map_err(io::Error::other)?;
        let mut landing = landing.lock().unwrap_or_else(PoisonError::into_inner);
        landing.tree.create_file(&path, FILE_MODE).map_err(|fault| {
            let reason = io::Error::other(fault.to_string());
            landing.clash.get_or_insert((shown(name), fault));
            reason
        })
    };
    let fetched = store.download_all(objects, open, progress);
    let landing = landing.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((name, fault)) = landing.clash {
        return Err(LandingError::Clash { name, fault });
    }
    fetched?;
    Ok(landing.tree.n_implied())
}

/// Whether an object has a name that a directory takes.
///
/// # Errors
/// It has not.
pub(crate) fn check_name(store: &Store, object: &Object) -> Result<(), LandingError> {
    let name = store.name_below(object).unwrap_or_default();
    match path_of(name) {
        Ok(_) => Ok(()),
        Err(fault) => Err(LandingError::Name {
            name: shown(name),
            fault,
        }),
    }
}

struct Landing {
    tree: Tree,
    /// The first.
    clash: Option<(String, TreeError)>,
}

fn path_of(name: &str) -> Result<EntryPath, PathFault> {
    EntryPath::parse(name.as_bytes(), Limits::default().max_depth)
}

fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}

/// Objects have no mode: those that are run get their bits when they are.
const FILE_MODE: u32 = 0o644;

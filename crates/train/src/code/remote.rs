//! Code from a store: an archive that is unpacked while it arrives, a single file, or a folder of objects.

use std::{
    fs::{self, File},
    io::{self, Cursor, Read as _},
};

use camino::Utf8Path;
use ring::digest::{Context, SHA256};

use super::{CodeError, Fetched, marker::Origin};
use crate::{
    archive::{
        self, ArchiveError, ArchiveFault, EntryPath, Extracted, Kind, Limits, StagingError, Stop,
        StreamError,
        staging::Staging,
        tree::{Resolution, Tree},
    },
    landing::{self, LandingError},
    store::{Client, Object, Progress, Store, StoreError, StoreFault, StoreUrl, hex},
};

/// What is at an address.
pub(super) enum Remote {
    File(Box<Object>),
    Folder(Vec<Object>),
}

/// Code in a store, found and not yet fetched.
pub(super) struct RemoteCode {
    client: Client,
    store: Store,
    remote: Remote,
}

impl RemoteCode {
    /// Looks what is there. An address that names no object may be that of a folder.
    pub(super) fn find(client: Client, url: &StoreUrl) -> Result<Self, CodeError> {
        let store = client.open(url)?;
        let remote = if url.is_folder() {
            Remote::Folder(store.list(MAX_OBJECTS)?)
        } else {
            match store.look() {
                Ok(object) => Remote::File(Box::new(object)),
                // Who may not list is not told that there is nothing.
                Err(error) if may_be_folder(&error) => match store.list(MAX_OBJECTS) {
                    Ok(objects) if !objects.is_empty() => Remote::Folder(objects),
                    _ => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        };
        if matches!(&remote, Remote::Folder(objects) if objects.is_empty()) {
            return Err(CodeError::EmptyFolder(url.to_string()));
        }
        Ok(Self {
            client,
            store,
            remote,
        })
    }

    /// What it is, to be compared with what was unpacked before.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            location: self.store.url().to_string(),
            identity: match &self.remote {
                Remote::File(object) => object.identity(),
                Remote::Folder(objects) => identity_of(objects),
            },
        }
    }

    /// Brings it into the code directory. `scratch`: a place for what can't be unpacked while it arrives.
    pub(super) fn fetch(
        &self,
        code_dir: &Utf8Path,
        scratch: &Utf8Path,
        stop: Stop<'_>,
    ) -> Result<Fetched, CodeError> {
        match &self.remote {
            Remote::File(object) => self.fetch_file(object, code_dir, (scratch, stop)),
            Remote::Folder(objects) => self.fetch_folder(objects, code_dir),
        }
    }

    fn fetch_file(
        &self,
        object: &Object,
        code_dir: &Utf8Path,
        (scratch, stop): (&Utf8Path, Stop<'_>),
    ) -> Result<Fetched, CodeError> {
        let progress = self.client.progress("fetching the code", object.n_bytes);
        let mut reader = self.store.reader(object, &progress);
        let mut head = Vec::new();
        let head_bytes = archive::HEAD_BYTES as u64;
        reader
            .by_ref()
            .take(head_bytes)
            .read_to_end(&mut head)
            .map_err(|err| self.unread(err))?;
        let name = self.store.url().to_string();
        let kind = archive::kind_of(&head);
        if kind == Kind::Zip {
            drop(reader);
            return self.fetch_zip(object, code_dir, (scratch, &progress, stop));
        } else if !kind.is_archive() {
            drop(reader);
            let copied = self.copy(object, code_dir, &progress)?;
            return Ok(Fetched::Copied(copied));
        }
        let unpacked = archive::extract_from(
            &name,
            Cursor::new(head).chain(reader),
            code_dir.as_std_path(),
            &Limits::default(),
            stop,
        );
        unpacked.map(Fetched::Unpacked).map_err(store_fault_of)
    }

    /// A zip archive has its list of members at its end.
    fn fetch_zip(
        &self,
        object: &Object,
        code_dir: &Utf8Path,
        (scratch, progress, stop): (&Utf8Path, &Progress, Stop<'_>),
    ) -> Result<Fetched, CodeError> {
        let unwritable = |reason| CodeError::Scratch {
            folder: scratch.to_owned(),
            reason,
        };
        fs::create_dir_all(scratch).map_err(unwritable)?;
        let path = scratch.join("code.zip");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(unwritable)?;
        let fetched = self.store.download(object, &file, progress);
        let fetched = fetched.map_err(|error| local_fault_of(error, unwritable));
        let unpacked = fetched.and_then(|()| {
            let unpacked = archive::extract(
                path.as_std_path(),
                code_dir.as_std_path(),
                &Limits::default(),
                stop,
            );
            let renamed = |mut error: ArchiveError| {
                error.archive = self.store.url().to_string();
                error
            };
            Ok(Fetched::Unpacked(unpacked.map_err(renamed)?))
        });
        // The folder goes with the job; the file is large.
        let _ = fs::remove_file(&path);
        unpacked
    }

    /// A single file, under its own name.
    fn copy(
        &self,
        object: &Object,
        code_dir: &Utf8Path,
        progress: &Progress,
    ) -> Result<Extracted, CodeError> {
        let url = self.store.url();
        let name = url.file_name().unwrap_or_default();
        let unwritten = |reason| unwritten(code_dir, reason);
        let path = EntryPath::parse(name.as_bytes(), 1)
            .map_err(|fault| self.odd_name(name.to_owned(), fault.into()))?;
        let staging = Staging::new(code_dir.as_std_path())?;
        let mut tree = Tree::new(staging.open()?, Resolution::Openat2);
        let file = tree
            .create_file(&path, FILE_MODE)
            .map_err(|fault| self.odd_name(name.to_owned(), fault.into()))?;
        self.store
            .download(object, &file, progress)
            .map_err(|error| local_fault_of(error, unwritten))?;
        staging.publish()?;
        Ok(Extracted {
            n_files: 1,
            n_bytes: object.n_bytes.unwrap_or(0),
            ..Extracted::default()
        })
    }

    fn fetch_folder(&self, objects: &[Object], code_dir: &Utf8Path) -> Result<Fetched, CodeError> {
        let staging = Staging::new(code_dir.as_std_path())?;
        let n_bytes = objects.iter().filter_map(|object| object.n_bytes).sum();
        let progress = self.client.progress("fetching the code", Some(n_bytes));
        let landed = landing::land(&self.store, objects, staging.open()?, &progress);
        let n_directories = landed.map_err(|error| match error {
            LandingError::Store(error) => {
                local_fault_of(error, |reason| unwritten(code_dir, reason))
            }
            LandingError::Name { name, fault } => self.odd_name(name, fault.into()),
            LandingError::Clash { name, fault } => self.odd_name(name, fault.into()),
        })?;
        staging.publish()?;
        Ok(Fetched::Copied(Extracted {
            n_files: objects.len() as u64,
            n_directories,
            n_links: 0,
            n_bytes,
        }))
    }

    fn odd_name(&self, name: String, fault: super::CopyFault) -> CodeError {
        CodeError::Copy {
            location: self.store.url().to_string().into(),
            entry: name,
            fault,
        }
    }

    fn unread(&self, err: io::Error) -> CodeError {
        match err.downcast::<StoreError>() {
            Ok(error) => error.into(),
            Err(reason) => CodeError::Unreadable {
                location: self.store.url().to_string().into(),
                reason,
            },
        }
    }
}

/// What the store said counts, not that the unpacking did not like it.
fn store_fault_of(error: ArchiveError) -> CodeError {
    let ArchiveFault::Stream(StreamError::Read(reason)) = error.fault else {
        return error.into();
    };
    match reason.downcast::<StoreError>() {
        Ok(error) => error.into(),
        Err(reason) => CodeError::Archive(ArchiveError {
            fault: ArchiveFault::Stream(StreamError::Read(reason)),
            ..error
        }),
    }
}

/// What this machine said counts: the fault is not the store's, and it has another place.
fn local_fault_of(error: StoreError, here: impl FnOnce(io::Error) -> CodeError) -> CodeError {
    match error.fault {
        StoreFault::Local(reason) => here(reason),
        _ => error.into(),
    }
}

fn unwritten(code_dir: &Utf8Path, reason: io::Error) -> CodeError {
    CodeError::Staging(StagingError::Io {
        path: code_dir.into(),
        action: "written to",
        reason,
    })
}

fn may_be_folder(error: &StoreError) -> bool {
    matches!(
        error.fault,
        StoreFault::NotFound { .. } | StoreFault::Denied { .. }
    )
}

/// One value for the names and versions of many objects.
fn identity_of(objects: &[Object]) -> String {
    let mut all: Vec<(&str, String)> = objects
        .iter()
        .map(|object| (object.key.as_str(), object.identity()))
        .collect();
    all.sort();
    let mut sum = Context::new(&SHA256);
    for (key, identity) in all {
        for part in [key, "\0", &identity, "\0"] {
            sum.update(part.as_bytes());
        }
    }
    hex(&sum.finish().as_ref()[..16])
}

/// Objects have no mode: those that are run get their bits when they are.
const FILE_MODE: u32 = 0o644;
/// As many as an archive may have.
const MAX_OBJECTS: usize = 1_000_000;

//! Hears from the kernel where in the folder something happens: one watch a directory.
//!
//! What is heard only says where to look. A directory gets its watch before it is read, so nothing falls between the
//! two; its name is remembered here, and is forgotten when the directory is moved away or removed.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    io,
    mem::MaybeUninit,
    ops::Bound,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

use super::folder;

/// Something that happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// To a file of this name, or whatever it is.
    File(String),
    /// A directory of this name is new here.
    Folder(String),
    /// To something whose name is not UTF-8.
    Unnameable(String),
    /// The folder itself is gone.
    RootGone,
    /// Too much happened at once, and some of it was not told.
    Lost,
}

#[derive(Debug)]
pub(super) struct Watches {
    root: PathBuf,
    inotify: OwnedFd,
    names: HashMap<i32, String>,
    ids: BTreeMap<String, i32>,
    buffer: Vec<MaybeUninit<u8>>,
}

impl Watches {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// The kernel has no more of it for this user, or none at all.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            names: HashMap::new(),
            ids: BTreeMap::new(),
            buffer: vec![MaybeUninit::uninit(); BUFFER_BYTES],
        })
    }

    /// Watches a directory, from the root on; `""` is the root itself.
    ///
    /// # Errors
    /// It is gone, or the kernel grants no more watches.
    pub(super) fn add(&mut self, name: &str) -> io::Result<()> {
        let path = self.root.join(name);
        // The same directory under another name gives the same number.
        let id = inotify::add_watch(&self.inotify, path, interest(name))?;
        if let Some(before) = self.names.insert(id, name.to_owned())
            && before != name
            && self.ids.get(&before) == Some(&id)
        {
            self.ids.remove(&before);
        }
        self.ids.insert(name.to_owned(), id);
        Ok(())
    }

    pub(super) fn is_watching(&self, name: &str) -> bool {
        self.ids.contains_key(name)
    }

    /// What was heard since the last call, or as much of it as is good at a time.
    pub(super) fn read(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        let (mut left, mut ended) = (Vec::new(), Vec::new());
        let mut reader = Reader::new(&self.inotify, &mut self.buffer);
        loop {
            // What is in the buffer would be lost with it.
            if heard.len() >= HEARD_MAX && reader.is_buffer_empty() {
                break;
            }
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(_) => break,
            };
            match told(&self.names, &event) {
                Some(Told::Heard(what)) => heard.push(what),
                Some(Told::Left(name)) => left.push(name),
                Some(Told::Ended(id)) => {
                    let is_root = self.names.get(&id).is_some_and(String::is_empty);
                    heard.extend(is_root.then_some(Heard::RootGone));
                    ended.push(id);
                }
                None => {}
            }
        }
        for id in ended {
            self.forget(id);
        }
        // A directory that moved to another place in the folder is read there, and watched again, after this.
        for name in left {
            self.remove(&name);
        }
        heard
    }

    /// Watches this directory no more, nor those below it.
    pub(super) fn remove(&mut self, name: &str) {
        let is_inside = |other: &str| {
            let rest = other.strip_prefix(name);
            name.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let from = (Bound::Included(name), Bound::Unbounded);
        // `a.b` sorts between `a` and `a/b`.
        let near = self
            .ids
            .range::<str, _>(from)
            .map(|(other, id)| (other, *id));
        let near = near.take_while(|(other, _)| other.starts_with(name));
        let inside = near.filter(|(other, _)| is_inside(other));
        for id in inside.map(|(_, id)| id).collect::<Vec<_>>() {
            // The directory is gone, and its watch with it.
            let _ = inotify::remove_watch(&self.inotify, id);
            self.forget(id);
        }
    }

    fn forget(&mut self, id: i32) {
        if let Some(name) = self.names.remove(&id)
            && self.ids.get(&name) == Some(&id)
        {
            self.ids.remove(&name);
        }
    }
}

impl AsFd for Watches {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// What an event means.
enum Told {
    Heard(Heard),
    /// The directory of this name was moved away.
    Left(String),
    /// This watch is over.
    Ended(i32),
}

fn told(names: &HashMap<i32, String>, event: &Event<'_>) -> Option<Told> {
    let flags = event.events();
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Some(Told::Heard(Heard::Lost));
    }
    let folder = names.get(&event.wd())?;
    if flags.intersects(ReadFlags::IGNORED | ReadFlags::UNMOUNT | ReadFlags::MOVE_SELF) {
        return Some(Told::Ended(event.wd()));
    }
    let name = OsStr::from_bytes(event.file_name()?.to_bytes());
    if folder::is_ours(name) {
        return None;
    }
    let is_folder = flags.contains(ReadFlags::ISDIR);
    let has_left = flags.contains(ReadFlags::MOVED_FROM);
    match folder::below(folder, name) {
        Ok(name) if has_left => is_folder.then_some(Told::Left(name)),
        Ok(name) if is_folder => Some(Told::Heard(Heard::Folder(name))),
        Ok(name) => Some(Told::Heard(Heard::File(name))),
        Err(_) if has_left => None,
        Err(shown) => Some(Told::Heard(Heard::Unnameable(shown))),
    }
}

/// What is asked of the kernel. A file that is made is heard of as well: a hard link is never closed.
fn interest(name: &str) -> WatchFlags {
    let files = WatchFlags::CLOSE_WRITE | WatchFlags::CREATE | WatchFlags::MOVE;
    let how = WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW | WatchFlags::EXCL_UNLINK;
    // Any other directory is missed by the one above it.
    let itself = match name {
        "" => WatchFlags::MOVE_SELF,
        _ => WatchFlags::empty(),
    };
    files | how | itself
}

const BUFFER_BYTES: usize = 64 * 1024;
/// So many at a time, so that what was heard is acted on while more and more happens.
const HEARD_MAX: usize = 4096;

#[cfg(test)]
mod tests;

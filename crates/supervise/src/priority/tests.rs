//! It is the calling thread's, and of nobody else.

use std::thread;

use rustix::{process::getpriority_process, thread::gettid};

use super::raise_priority;

#[test]
fn only_the_calling_thread_is_changed() {
    let before = getpriority_process(Some(gettid())).unwrap();
    // Down, so that the test needs no privilege.
    let after = thread::spawn(|| {
        raise_priority(19).unwrap();
        getpriority_process(Some(gettid())).unwrap()
    });
    assert_eq!(after.join().unwrap(), 19);
    assert_eq!(getpriority_process(Some(gettid())).unwrap(), before);
}

//! Descriptors of this process stand in for those of a parent.

use std::{
    io::{Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
};

use super::inherited;

#[test]
fn it_is_the_same_descriptor_and_stays_ours() {
    let (mut near, far) = UnixStream::pair().unwrap();
    let mut again = UnixStream::from(inherited(far.as_raw_fd()).unwrap());
    drop(far);
    near.write_all(b"x").unwrap();
    let mut byte = [0];
    again.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn what_is_not_open_is_an_error() {
    assert!(inherited(-1).is_err());
    assert!(inherited(1 << 20).is_err());
}

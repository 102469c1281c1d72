use std::io;

use rustix::io::Errno;

use super::{is_remote, remedy};

#[test]
fn a_folder_without_watches_has_a_remedy() {
    let remedy = |errno: Errno| remedy(&io::Error::from(errno));
    assert!(remedy(Errno::NOSPC).contains("max_user_watches"));
    assert!(remedy(Errno::MFILE).contains("max_user_instances"));
    assert!(remedy(Errno::NOSYS).contains("local file system"));
}

#[test]
fn file_systems_of_other_machines_are_known() {
    assert!(is_remote(0x6969_i64));
    assert!(is_remote(0xFF53_4D42_u64));
    // ext4 and tmpfs.
    assert!(!is_remote(0xEF53_i64) && !is_remote(0x0102_1994_i64));
    assert!(!is_remote(-1_i64));
}

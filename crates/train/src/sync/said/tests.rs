use std::io;

use rustix::io::Errno;

use super::remedy;

#[test]
fn a_folder_without_watches_has_a_remedy() {
    let remedy = |errno: Errno| remedy(&io::Error::from(errno));
    assert!(remedy(Errno::NOSPC).contains("max_user_watches"));
    assert!(remedy(Errno::MFILE).contains("max_user_instances"));
    assert!(remedy(Errno::NOSYS).contains("local file system"));
}

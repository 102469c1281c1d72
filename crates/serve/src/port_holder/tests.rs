use super::*;

#[test]
fn an_empty_table_has_no_sockets() {
    assert!(listening_inodes("", 8080).is_empty());
}

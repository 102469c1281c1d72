use super::is_remote;

#[test]
fn file_systems_of_other_machines_are_known() {
    assert!(is_remote(0x6969_i64));
    assert!(is_remote(0xFF53_4D42_u64));
    // ext4 and tmpfs.
    assert!(!is_remote(0xEF53_i64) && !is_remote(0x0102_1994_i64));
    assert!(!is_remote(-1_i64));
}

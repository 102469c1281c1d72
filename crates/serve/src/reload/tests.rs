use super::*;

#[test]
fn no_folder_never_changes() {
    assert_eq!(fingerprint(&[]), fingerprint(&[PathBuf::from("missing")]));
}

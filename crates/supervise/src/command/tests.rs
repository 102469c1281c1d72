use std::{ffi::OsStr, fs, os::unix::fs::PermissionsExt, path::Path};

use super::find_program;

#[test]
fn finds_the_first_executable_file_on_the_path() {
    let root = tempfile::tempdir().unwrap();
    for (folder, mode) in [("a", 0o644), ("b", 0o755), ("c", 0o755)] {
        fs::create_dir(root.path().join(folder)).unwrap();
        let file = root.path().join(folder).join("tool");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    let path = ["", "a", "b", "c"]
        .map(|name| root.path().join(name).display().to_string())
        .join(":");
    let path = Some(OsStr::new(&path));
    assert_eq!(
        find_program(OsStr::new("tool"), path),
        Some(root.path().join("b/tool"))
    );
    assert_eq!(find_program(OsStr::new("other"), path), None);
    assert_eq!(
        find_program(OsStr::new("./x/other"), path).as_deref(),
        Some(Path::new("./x/other")),
        "a name with a slash is a path"
    );
}

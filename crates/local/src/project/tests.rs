use std::{fs, os::unix::fs::PermissionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::{FileKind, Project, ProjectEntry, ProjectError};

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path())
        .unwrap()
        .canonicalize_utf8()
        .unwrap();
    (folder, path)
}

#[test]
fn a_folder_is_read_once_and_sorted() {
    let (_keep, path) = folder();
    for name in ["data/b", "data/a", "data/.cache", "train"] {
        fs::create_dir_all(path.join(name)).unwrap();
    }
    for name in ["run", "README", "data/file.csv"] {
        fs::write(path.join(name), "").unwrap();
    }
    fs::set_permissions(path.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    let project = Project::load(&path).unwrap();
    let entry = |name: &str, kind| ProjectEntry {
        name: name.to_owned(),
        kind,
    };
    assert_eq!(
        project.files,
        [
            entry("README", FileKind::Plain),
            entry("run", FileKind::Executable)
        ]
    );
    assert_eq!(project.data, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((project.file, project.folder), (None, path));
}

#[test]
fn a_target_is_a_folder_or_a_script() {
    let (_keep, path) = folder();
    fs::create_dir(path.join("sub")).unwrap();
    fs::write(path.join("sub/fit.py"), "").unwrap();
    let locate = |target: &str| Project::locate(&path, Some(Utf8Path::new(target))).unwrap();
    assert_eq!(Project::locate(&path, None).unwrap(), (path.clone(), None));
    assert_eq!(locate("sub"), (path.join("sub"), None));
    assert_eq!(
        locate("sub/fit.py"),
        (path.join("sub"), Some("fit.py".to_owned()))
    );
    let missing = Project::locate(&path, Some(Utf8Path::new("nowhere"))).unwrap_err();
    assert!(matches!(missing, ProjectError::Missing { .. }), "{missing}");
}

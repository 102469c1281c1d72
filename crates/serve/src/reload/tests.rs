use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn folder() -> (TempDir, Vec<PathBuf>) {
    let folder = TempDir::new().unwrap();
    for (path, text) in [
        ("inference.py", "a"),
        ("lib/deep/model.py", "b"),
        ("settings.json", "{}"),
    ] {
        write(folder.path(), path, text);
    }
    let folders = vec![folder.path().to_owned()];
    (folder, folders)
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn nothing_changed_is_no_change() {
    let (folder, folders) = folder();
    assert_eq!(fingerprint(&folders), fingerprint(&folders));
    // Neither reading code nor running it counts.
    let before = fingerprint(&folders);
    fs::read(folder.path().join("inference.py")).unwrap();
    for path in [
        "__pycache__/inference.py",
        ".git/hook.py",
        ".hidden.py",
        "data.bin",
        "notes.txt",
        "Makefile",
    ] {
        write(folder.path(), path, "x");
        assert_eq!(fingerprint(&folders), before, "{path}");
    }
}

#[test]
fn code_that_comes_changes_or_goes_is_one() {
    let (folder, folders) = folder();
    let mut seen = vec![fingerprint(&folders)];
    let mut check = |what: &str| {
        let now = fingerprint(&folders);
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    write(folder.path(), "inference.py", "longer");
    check("another length");
    for path in ["new.py", "lib/deep/new.yaml", "lib/new.yml", "new.toml"] {
        write(folder.path(), path, "x");
        check(path);
    }
    fs::remove_file(folder.path().join("new.py")).unwrap();
    check("one file less");
    fs::rename(
        folder.path().join("new.toml"),
        folder.path().join("other.toml"),
    )
    .unwrap();
    check("another name");
    // As long as before, but later.
    let file = fs::File::options()
        .write(true)
        .open(folder.path().join("inference.py"))
        .unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1))
        .unwrap();
    check("another time");
    fs::remove_dir_all(folder.path()).unwrap();
    check("no folder");
}

#[test]
fn a_folder_that_is_not_there_is_like_none() {
    assert_eq!(fingerprint(&[]), fingerprint(&[PathBuf::from("missing")]));
}

#[test]
fn folders_that_contain_themselves_have_an_end() {
    let (folder, folders) = folder();
    symlink(folder.path(), folder.path().join("lib/again")).unwrap();
    let before = fingerprint(&folders);
    write(folder.path(), "lib/more.py", "x");
    assert_ne!(fingerprint(&folders), before);
}

#[tokio::test]
async fn it_is_looked_at_on_another_thread() {
    let (_folder, folders) = folder();
    assert_eq!(look(&folders).await, fingerprint(&folders));
}

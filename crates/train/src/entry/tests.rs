use std::fs;

use camino::Utf8Path;
use serde_json::Value;

use super::*;

#[expect(
    clippy::disallowed_methods,
    reason = "tests take the conformance folder from OPTML_CONFORMANCE"
)]
fn vectors(key: &str) -> Vec<Value> {
    let path = std::env::var_os("OPTML_CONFORMANCE").map_or_else(
        || Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance"),
        |root| Utf8Path::from_path(root.as_ref()).unwrap().to_owned(),
    );
    let text = fs::read_to_string(path.join("training/vectors.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all[key].as_array().unwrap().clone()
}

#[test]
fn names_equal_the_vectors_but_for_two() {
    let vectors = vectors("entry_point_names");
    assert!(vectors.len() >= 34);
    let mut differing = Vec::new();
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        if EntryPoint::parse(name).is_ok() != vector["ok"].as_bool().unwrap() {
            differing.push(name);
        }
    }
    assert_eq!(differing, ["./train.py", "train.py\n"]);
}

#[test]
fn kinds_equal_the_vectors() {
    let vectors = vectors("entry_point_types");
    assert!(vectors.len() >= 16);
    for vector in &vectors {
        let kind = match EntryKind::of(
            vector["name"].as_str().unwrap(),
            vector["setup_py"].as_bool().unwrap(),
        ) {
            EntryKind::Module => "PYTHON_PACKAGE",
            EntryKind::Script => "PYTHON_PROGRAM",
            EntryKind::Command => "COMMAND",
        };
        assert_eq!(kind, vector["type"], "{vector}");
    }
}

#[test]
fn a_leading_dot_slash_is_dropped_once() {
    assert_eq!(
        EntryPoint::parse("./train.py").unwrap().as_str(),
        "train.py"
    );
    check_fault("././train.py", &EntryPointFault::DotPart(".".into()));
    check_fault("./", &EntryPointFault::Empty);
    check_fault(".//train.py", &EntryPointFault::Absolute);
    check_fault("./-x.py", &EntryPointFault::FirstCharacter('-'));
}

#[test]
fn the_error_names_the_offending_part() {
    check_fault("", &EntryPointFault::Empty);
    check_fault("/abs.py", &EntryPointFault::Absolute);
    check_fault("a//b.py", &EntryPointFault::EmptyPart);
    check_fault("a/", &EntryPointFault::EmptyPart);
    check_fault("a/../b.py", &EntryPointFault::DotPart("..".into()));
    check_fault("--help", &EntryPointFault::FirstCharacter('-'));
    check_fault("+a.py", &EntryPointFault::FirstCharacter('+'));
    check_fault("a b.py", &EntryPointFault::Character(' '));
    check_fault("train.py\n", &EntryPointFault::Character('\n'));
    check_fault("é.py", &EntryPointFault::Character('é'));
    check_fault("a\0b", &EntryPointFault::Character('\0'));
}

#[track_caller]
fn check_fault(name: &str, expected: &EntryPointFault) {
    assert_eq!(
        &EntryPoint::parse(name).unwrap_err().reason,
        expected,
        "{name:?}"
    );
}

#[test]
fn the_message_reads_well() {
    let err = EntryPoint::parse("train.py\n").unwrap_err();
    insta::assert_snapshot!(err, @r"accept `train.py\n` as the entry point (`sagemaker_program`): it holds `\n`, and only ASCII letters, digits and `._+-/` are accepted");
    insta::assert_snapshot!(err.hint().unwrap(), @"name a file relative to the code directory, such as `train.py` or `src/train.sh`; any other command goes into ContainerEntrypoint");
}

#[test]
fn module_names() {
    for (name, module) in [
        ("train.py", "train"),
        ("pkg.mod", "pkg.mod"),
        ("a/b.py", "a.b"),
        ("a.py.py", "a.py"),
        ("./t.py", "t"),
    ] {
        assert_eq!(EntryPoint::parse(name).unwrap().module_name(), module);
    }
}

#[test]
fn a_pyproject_makes_a_package_only_of_what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let code_dir = Utf8Path::from_path(folder.path()).unwrap();
    let train = EntryPoint::parse("train.py").unwrap();
    let module = EntryPoint::parse("pkg.train").unwrap();
    let shell = EntryPoint::parse("train.sh").unwrap();
    let kinds = || [&train, &module, &shell].map(|entry| entry.kind_in(code_dir));

    fs::write(code_dir.join("train.py"), "").unwrap();
    assert_eq!(
        kinds(),
        [EntryKind::Script, EntryKind::Command, EntryKind::Command]
    );

    fs::write(
        code_dir.join("pyproject.toml"),
        "[tool.ruff]\nline-length = 100\n",
    )
    .unwrap();
    assert_eq!(PackageFile::find(code_dir), None);
    assert_eq!(
        kinds(),
        [EntryKind::Script, EntryKind::Command, EntryKind::Command]
    );

    fs::write(
        code_dir.join("pyproject.toml"),
        "# mine\n [project] # here\nname = \"x\"\n",
    )
    .unwrap();
    assert_eq!(PackageFile::find(code_dir), Some(PackageFile::Pyproject));
    assert_eq!(
        kinds(),
        [EntryKind::Script, EntryKind::Module, EntryKind::Command]
    );

    fs::write(code_dir.join("setup.py"), "").unwrap();
    assert_eq!(PackageFile::find(code_dir), Some(PackageFile::SetupPy));
    assert_eq!(
        kinds(),
        [EntryKind::Module, EntryKind::Module, EntryKind::Command]
    );
}

//! Where the code is.

use super::{problems, shown, *};
use crate::serving::Entry;

/// The directory that wins, and why.
#[track_caller]
fn directory(vars: &[(&str, &str)], files: &[&str]) -> String {
    shown(&Setup::vars(vars).files(files).options(), "code directory")
}

#[test]
fn the_first_directory_that_is_there_wins() {
    let submit = |value| [("SAGEMAKER_SUBMIT_DIRECTORY", value)];
    let all = [
        "/s/x.py",
        "/b/model/code/x.py",
        "/b/model/weights",
        "/b/code/x.py",
    ];
    let named = "/s (SAGEMAKER_SUBMIT_DIRECTORY)";
    assert_eq!(directory(&submit("/s"), &all), named);
    assert_eq!(directory(&submit("file:///s"), &all), named);
    assert_eq!(directory(&submit("file://localhost/s"), &all), named);
    let in_model = "/b/model/code (`code` in the model's directory)";
    assert_eq!(directory(&[], &all), in_model);
    assert_eq!(
        directory(&[], &all[2..]),
        "/b/model (the model's directory)"
    );
    assert_eq!(
        directory(&[], &all[3..]),
        "/b/code (`code` below the base directory)"
    );
    assert_eq!(directory(&[], &[]), "none (default)");
    assert_eq!(
        directory(&[("OPTML_MODEL_DIR", "/m")], &["/m/code/x.py"]),
        "/m/code (`code` in the model's directory)"
    );
}

#[test]
fn one_that_holds_the_entry_point_comes_before_one_that_does_not() {
    let weights = "/b/model/weights";
    let base = "/b/code (`code` below the base directory)";
    assert_eq!(directory(&[], &[weights, "/b/code/inference.py"]), base);
    assert_eq!(
        directory(&[], &[weights, "/b/code/inference/__init__.py"]),
        base
    );
    let program = [("SAGEMAKER_PROGRAM", "serve.py")];
    assert_eq!(directory(&program, &[weights, "/b/code/serve.py"]), base);
    // But not before one that somebody named.
    let named = [("SAGEMAKER_SUBMIT_DIRECTORY", "/s")];
    assert_eq!(
        directory(&named, &["/s/x", "/b/code/inference.py"]),
        "/s (SAGEMAKER_SUBMIT_DIRECTORY)"
    );
}

#[test]
fn every_candidate_is_told() {
    let setup =
        Setup::vars(&[("SAGEMAKER_SUBMIT_DIRECTORY", "/gone")]).files(&["/b/model/inference.py"]);
    let options = setup.options();
    let looked: Vec<_> = options
        .code
        .candidates
        .iter()
        .map(|c| (c.path.as_str(), c.is_there, c.has_entry))
        .collect();
    assert_eq!(
        looked,
        [
            ("/gone", false, false),
            ("/b/model/code", false, false),
            ("/b/model", true, true),
            ("/b/code", false, false),
        ]
    );
    assert_eq!(
        options.notes,
        ["variable `SAGEMAKER_SUBMIT_DIRECTORY` is not used: there is no directory `/gone`"]
    );
}

#[test]
fn the_entry_point_is_the_platforms_or_inference() {
    let entry = |vars: &[_]| {
        let setup = Setup::vars(vars).files(&["/b/code/x.py"]);
        setup.options().code.entry.value
    };
    let explicit = |module: &str, explicit| Entry {
        module: module.into(),
        explicit,
    };
    assert_eq!(entry(&[]), explicit("inference", false));
    assert_eq!(
        entry(&[("SAGEMAKER_PROGRAM", "")]),
        explicit("inference", false)
    );
    for program in ["x.py", "x"] {
        assert_eq!(
            entry(&[("SAGEMAKER_PROGRAM", program)]),
            explicit("x", true)
        );
    }
}

#[test]
fn a_handler_is_a_file_with_its_directory() {
    let setup = Setup::vars(&[
        ("OPTML_HANDLER", "/w/serve.py"),
        ("SAGEMAKER_PROGRAM", "x.py"),
        ("SAGEMAKER_SUBMIT_DIRECTORY", "/s"),
    ])
    .files(&["/w/serve.py"]);
    let options = setup.options();
    assert_eq!(shown(&options, "module"), "serve (OPTML_HANDLER)");
    assert_eq!(shown(&options, "code directory"), "/w (OPTML_HANDLER)");
    assert!(options.code.entry.value.explicit);
    assert_eq!(
        options.notes,
        [
            "variable `SAGEMAKER_PROGRAM` is not used: variable `OPTML_HANDLER` counts",
            "variable `SAGEMAKER_SUBMIT_DIRECTORY` is not used: the handler's own directory counts",
        ]
    );
    let beside = Setup::vars(&[("OPTML_HANDLER", "serve.py")]).files(&["serve.py"]);
    let beside = beside.options();
    assert_eq!(shown(&beside, "code directory"), ". (OPTML_HANDLER)");
    // A project file's handler is less than the platform's entry point.
    let file = [(vars::OPTML_HANDLER, "/w/serve.py")];
    let files = ["/w/serve.py", "/b/code/x.py"];
    let alone = Setup::default().file(&file).files(&files).options();
    assert_eq!(shown(&alone, "module"), "serve (`/p/optml.toml` at `/key`)");
    let below = Setup::vars(&[("SAGEMAKER_PROGRAM", "x.py")]);
    let below = below.file(&file).files(&files).options();
    assert_eq!(shown(&below, "module"), "x (SAGEMAKER_PROGRAM)");
}

#[test]
fn an_object_store_is_not_read() {
    let store = ("SAGEMAKER_SUBMIT_DIRECTORY", "s3://bucket/sourcedir.tar.gz");
    let with_code = Setup::vars(&[store]).files(&["/b/model/code/x.py"]);
    assert_eq!(
        with_code.options().notes,
        ["variable `SAGEMAKER_SUBMIT_DIRECTORY` is not used: there is `/b/model/code`"]
    );
    insta::assert_snapshot!(problems(&[store]), @"
    read variable `SAGEMAKER_SUBMIT_DIRECTORY`: `s3://bucket/sourcedir.tar.gz` is in an object store, which `serve` does not read, and there is no `/b/model/code`
      put the code into the model archive below `code/`, or into the image and name its directory
    ");
    // Others bring their code themselves, or have none.
    for (name, value) in [
        ("OPTML_EXEC", "worker"),
        ("SAGEMAKER_SERVING_MODULE", "a:b"),
    ] {
        let notes = super::options(&[store, (name, value)]).notes;
        assert_eq!(
            notes,
            [
                "variable `SAGEMAKER_SUBMIT_DIRECTORY` is not used: `serve` reads no object store, and does not need the code itself"
            ]
        );
    }
}

#[test]
fn what_cannot_be_is_refused() {
    insta::assert_snapshot!(problems(&[
        ("OPTML_HANDLER", "/w/gone.py"),
        ("OPTML_MODEL_DIR", "/gone"),
    ]), @"
    read variable `OPTML_MODEL_DIR`: there is no directory `/gone`
    read variable `OPTML_HANDLER`: there is no file `/w/gone.py`
    ");
    let text = Setup::vars(&[("OPTML_HANDLER", "/w/run.sh")]).files(&["/w/run.sh"]);
    insta::assert_snapshot!(text.problems(), @"read variable `OPTML_HANDLER`: `/w/run.sh` is not a Python file");
    insta::assert_snapshot!(problems(&[("SAGEMAKER_PROGRAM", "x.py")]), @"read variable `SAGEMAKER_PROGRAM`: there is no code directory for it: looked for `/b/model/code`, `/b/model`, `/b/code`");
    for program in [".py", "../x.py", "/abs/x.py"] {
        let setup = Setup::vars(&[("SAGEMAKER_PROGRAM", program)]).files(&["/b/code/x.py"]);
        let text = setup.problems();
        assert!(
            text.contains(&format!("`{program}` is not a module")),
            "{text}"
        );
    }
}

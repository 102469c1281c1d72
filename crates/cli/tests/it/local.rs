//! `optml local train`: a person's folder in, a model out.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use optml_testkit::{Finished, Proc};
use rustix::process::Signal;
use serde_json::Value;

use crate::rig::binary;

/// A project's folder, and the run directories that come into it.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (name, content) in files {
            let path = project.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        project
    }

    /// A copy of `examples/iris`, so that the repository stays as it is.
    fn iris() -> Self {
        let original = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/iris"));
        let files: Vec<(&str, String)> = [
            "README.md",
            "optml.toml",
            "train.py",
            "data/training/iris.csv",
        ]
        .map(|name| (name, fs::read_to_string(original.join(name)).unwrap()))
        .into();
        Self::new(
            &files
                .iter()
                .map(|(name, content)| (*name, content.as_str()))
                .collect::<Vec<_>>(),
        )
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// `optml local train WORDS…` in the folder.
    #[track_caller]
    fn start(&self, words: &[&str], variables: &[(&str, &str)]) -> Proc {
        start_in(self.folder.path(), words, variables)
    }

    #[track_caller]
    fn train(&self, words: &[&str]) -> Finished {
        self.start(words, &[]).wait()
    }

    /// The newest run.
    fn latest(&self) -> PathBuf {
        self.path(".optml/runs/latest").canonicalize().unwrap()
    }

    /// Nothing was run.
    fn is_untouched(&self) -> bool {
        !self.path(".optml").exists()
    }
}

#[track_caller]
fn start_in(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Proc {
    let words = [&["local", "train"], words].concat();
    let variables: Vec<(&str, &OsStr)> = variables
        .iter()
        .map(|(name, value)| (*name, OsStr::new(*value)))
        .collect();
    let mut command = Proc::command(binary(), words, &variables);
    command.current_dir(folder);
    Proc::start_command(command)
}

/// The files of an archive, with their content.
fn unpacked(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).unwrap()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().display().to_string(), content)
    });
    entries.collect()
}

/// The last number that the script printed as its accuracy.
fn accuracy(stdout: &str) -> f64 {
    let value = stdout
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("accuracy="));
    value.unwrap().parse().unwrap()
}

#[test]
fn the_example_trains_a_real_model() {
    let project = Project::iris();
    let folder = project.folder.path();
    // As a person would type it, from the folder above.
    let finished = start_in(
        folder.parent().unwrap(),
        &[folder.file_name().unwrap().to_str().unwrap()],
        &[],
    )
    .wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(accuracy(&finished.stdout) >= 0.95, "{}", finished.stdout);
    assert!(
        finished.stdout.contains("epoch 300/300 loss=0.0"),
        "the hyperparameters of the file: {}",
        finished.stdout
    );

    let files = unpacked(&project.latest().join("artifacts/model.tar.gz"));
    let (_, model) = files.iter().find(|(name, _)| name == "model.json").unwrap();
    let model: Value = serde_json::from_slice(model).unwrap();
    assert_eq!(model["classes"].as_array().unwrap().len(), 3);
    assert_eq!(
        model["weights"][0].as_array().unwrap().len(),
        model["features"].as_array().unwrap().len()
    );
    for text in [
        "Completed in ",
        "artifacts/model.tar.gz",
        "python train.py --epochs 300 --learning-rate 1.0",
        "training (File, 1 file)",
    ] {
        assert!(
            finished.stderr.contains(text),
            "no {text:?} in {}",
            finished.stderr
        );
    }
}

#[test]
fn standard_output_is_the_scripts_alone() {
    let script = "import sys\nprint('one')\nprint('error', file=sys.stderr)\nprint('two', end='')\nprint(repr(sys.stdin.read()), end='')\n";
    let project = Project::new(&[("train.py", script)]);
    let finished = project.train(&[]);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "one\ntwo''"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("\nerror\n"), "{}", finished.stderr);
    let failing = Project::new(&[("train.py", "print('one')\nraise SystemExit(3)")]);
    let finished = failing.train(&[]);
    assert_eq!((finished.code, &*finished.stdout), (Some(3), "one\n"));
}

#[test]
fn a_hyperparameter_that_is_wrong_is_traced_to_its_flag() {
    let project = Project::iris();
    let finished = project.train(&["--set", "learning-rate=oops"]);
    assert_eq!(
        finished.code,
        Some(2),
        "argparse's own: {}",
        finished.stderr
    );
    let end = finished.stderr.split_once("\nerror: ").unwrap().1;
    let mut lines = end.lines();
    let first = lines.next().unwrap();
    assert!(
        first.contains("training failed") && first.contains("exit 2"),
        "{end}"
    );
    let cause = lines
        .find(|line| line.trim_start().starts_with("cause:"))
        .unwrap();
    assert!(cause.contains("invalid float value: 'oops'"), "{end}");
    let hint = lines
        .find(|line| line.trim_start().starts_with("hint:"))
        .unwrap();
    for text in ["`learning-rate`", "--set", "`1.0`", "optml.toml:3"] {
        assert!(hint.contains(text), "no {text} in {hint}");
    }
    assert!(project.latest().join("algo-1/output/failure").exists());
    assert!(
        !project.latest().join("artifacts/model.tar.gz").exists(),
        "no model after a failure"
    );
}

#[test]
fn flags_win_over_the_file() {
    let script = "import os, sys\nprint(sys.argv[1:], sorted(os.listdir(os.environ['SM_CHANNEL_TRAINING'])), os.environ['SM_CHANNELS'])\n";
    let file = "[train]\nhyperparameters = { lr = 0.1, name = \"adam\" }\n[train.channels.training]\npath = \"data\"\n";
    let project = Project::new(&[
        ("train.py", script),
        ("optml.toml", file),
        ("data/a.csv", "1"),
        ("other/b.csv", "2"),
        ("one.csv", "3"),
    ]);
    let run = |words: &[&str]| {
        let finished = project.train(words);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished.stdout
    };
    assert_eq!(
        run(&[]),
        "['--lr', '0.1', '--name', 'adam'] ['a.csv'] [\"training\"]\n"
    );
    assert_eq!(
        run(&["--channel", "training=other", "--set", "lr=0.2"]),
        "['--lr', '0.2', '--name', 'adam'] ['b.csv'] [\"training\"]\n"
    );
    let absolute = format!("training={}", project.path("other").display());
    assert_eq!(
        run(&["--channel", &absolute, "--set", "text=a=b"]),
        "['--lr', '0.1', '--name', 'adam', '--text', 'a=b'] ['b.csv'] [\"training\"]\n"
    );
    // A single file is a folder that holds it.
    assert_eq!(
        run(&["--channel", "training=one.csv"]),
        "['--lr', '0.1', '--name', 'adam'] ['one.csv'] [\"training\"]\n"
    );
}

/// Nothing is run; the message starts with `error: ` and holds all of `wanted`.
#[track_caller]
fn refused(project: &Project, words: &[&str], code: i32, wanted: &[&str]) {
    let finished = project.train(words);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(code), ""),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.starts_with("error: "),
        "{}",
        finished.stderr
    );
    for text in wanted {
        assert!(
            finished.stderr.contains(text),
            "no {text:?} in {}",
            finished.stderr
        );
    }
    assert!(project.is_untouched());
}

#[test]
fn what_is_not_there_is_named_before_anything_runs() {
    let project = Project::new(&[("train.py", "print('never')"), ("notes.txt", "")]);
    refused(
        &project,
        &["--channel", "training=not-there"],
        3,
        &["`training`", "not-there", "no such folder or file"],
    );
    refused(
        &project,
        &["--channel", "one=/no/1", "--channel", "two=/no/2"],
        3,
        &["`one`", "/no/1", "`two`", "/no/2"],
    );
    refused(
        &project,
        &["no-such-project"],
        3,
        &["`no-such-project`", "No such file"],
    );
    refused(
        &project,
        &["--channel", "training"],
        2,
        &["`training`", "there is no `=`"],
    );
    refused(&project, &["--set", "=1"], 2, &["`=1`", "no name"]);
    refused(
        &project,
        &["--set", "a=1", "--set", "a=2"],
        3,
        &["`a`", "twice"],
    );
    refused(
        &project,
        &["train.py", "--", "true"],
        3,
        &["`train.py`", "command after `--`", "hint: "],
    );
    let empty = Project::new(&[("notes.txt", "")]);
    refused(
        &empty,
        &[],
        3,
        &["no `train.py`", "hint: ", "optml local train FILE"],
    );
}

#[test]
fn an_unknown_key_of_the_project_file_is_named_with_its_line() {
    let project = Project::new(&[
        ("train.py", ""),
        (
            "optml.toml",
            "[train]\nentry_point = \"train.py\"\nhyperparameter = { lr = 1 }\n",
        ),
    ]);
    let file = project.path("optml.toml");
    refused(
        &project,
        &[],
        3,
        &[
            file.to_str().unwrap(),
            "line 3",
            "`hyperparameter`",
            "`hyperparameters`",
            "hint: ",
        ],
    );
    let project = Project::new(&[
        ("train.py", ""),
        (
            "pyproject.toml",
            "[project]\nname = \"x\"\n[tool.optml.trian]\nentry_point = \"train.py\"\n",
        ),
    ]);
    refused(&project, &[], 3, &["pyproject.toml", "line 3", "`trian`"]);
    let project = Project::new(&[("train.py", ""), ("optml.toml", "[train\n")]);
    refused(&project, &[], 3, &["optml.toml", "line 1"]);
}

#[test]
fn a_command_runs_instead_of_a_script() {
    let project = Project::new(&[("data/training/a.csv", "1")]);
    let finished = project.train(&["--set", "lr=0.1", "--", "sh", "-c", "echo \"$SM_HP_LR $# $0\"; ls \"$SM_CHANNEL_TRAINING\"; echo model >\"$SM_MODEL_DIR/m\"; exit 0", "zero", "one two"]);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "0.1 1 zero\na.csv\n"),
        "{}",
        finished.stderr
    );
    assert_eq!(
        unpacked(&project.latest().join("artifacts/model.tar.gz")),
        [("m".to_owned(), b"model\n".to_vec())]
    );
    let finished = project.train(&["--", "sh", "-c", "exit 9"]);
    assert_eq!(finished.code, Some(9), "{}", finished.stderr);
}

#[test]
fn a_script_by_its_path_and_an_executable_by_itself() {
    let project = Project::new(&[(
        "sub/other.py",
        "import os\nprint('other', os.path.basename(os.getcwd()))",
    )]);
    let finished = project.train(&["sub/other.py"]);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "other sub\n"),
        "{}",
        finished.stderr
    );
    assert!(
        project.path("sub/.optml/runs/latest").exists(),
        "runs stand beside the project"
    );
    let project = Project::new(&[("run-me", "#!/bin/sh\necho ran\n")]);
    fs::set_permissions(project.path("run-me"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(project.train(&[]).stdout, "ran\n");
}

#[test]
fn each_run_has_its_folder_and_git_ignores_them_all() {
    let project = Project::new(&[(
        "train.py",
        "import os\nopen(os.environ['SM_OUTPUT_DATA_DIR'] + '/plot', 'w').write('x')\nprint(os.environ['SM_MODEL_DIR'])\n",
    )]);
    let first = project.train(&[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let first_run = project.latest();
    assert_eq!(
        fs::read_to_string(project.path(".optml/.gitignore")).unwrap(),
        "*\n"
    );
    assert!(
        first.stdout.trim_end().ends_with(&format!(
            "{}/algo-1/model",
            first_run.file_name().unwrap().to_str().unwrap()
        )),
        "{}",
        first.stdout
    );
    assert!(
        first.stderr.contains("there is no model"),
        "{}",
        first.stderr
    );
    assert!(first_run.join("algo-1/output/success").exists());
    assert_eq!(
        unpacked(&first_run.join("artifacts/output.tar.gz")),
        [("plot".to_owned(), b"x".to_vec())]
    );
    assert_eq!(project.train(&[]).code, Some(0));
    let second_run = project.latest();
    assert_ne!(first_run, second_run);
    assert!(first_run.join("artifacts").exists(), "the older one stays");
    assert!(
        fs::read_link(project.path(".optml/runs/latest"))
            .unwrap()
            .is_relative(),
        "the folder can be moved"
    );
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let script = "import os, sys, time\nprint(os.environ['SM_MODEL_DIR'], flush=True)\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nopen(os.environ['SM_MODEL_DIR'] + '/m', 'w').write(sys.argv[2])\n";
    let project = Project::new(&[("train.py", script)]);
    let runs: Vec<(Proc, String, &str)> = ["one", "two", "three"]
        .map(|name| {
            let process = project.start(&["--set", &format!("name={name}")], &[]);
            let model = process.stdout_line("/model");
            (process, model, name)
        })
        .into();
    fs::write(project.path("go"), "").unwrap();
    let mut models = Vec::new();
    for (process, model, name) in runs {
        let finished = process.wait();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let archive = Path::new(&model)
            .ancestors()
            .nth(2)
            .unwrap()
            .join("artifacts/model.tar.gz");
        assert_eq!(
            unpacked(&archive),
            [("m".to_owned(), name.as_bytes().to_vec())]
        );
        models.push(model);
    }
    models.sort();
    models.dedup();
    assert_eq!(models.len(), 3);
}

#[test]
fn a_stop_signal_reaches_the_script_and_its_code_comes_back() {
    let script = "import os, signal, sys, time
def stop(number, frame):
    os.write(1, b'asked %d\\n' % number)
    open(os.environ['SM_MODEL_DIR'] + '/checkpoint', 'w').write('kept')
    sys.exit(int(os.environ['SM_HP_CODE']))
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
print('up', flush=True)
while True:
    time.sleep(0.01)
";
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2)] {
        for code in [0, 7] {
            let project = Project::new(&[("train.py", script)]);
            let process = project.start(&["--set", &format!("code={code}")], &[]);
            process.stdout_line("up");
            process.signal(signal);
            let finished = process.wait();
            assert_eq!(
                (finished.code, &*finished.stdout),
                (Some(code), &*format!("up\nasked {number}\n")),
                "{}",
                finished.stderr
            );
            let archive = project.latest().join("artifacts/model.tar.gz");
            assert_eq!(
                archive.exists(),
                code == 0,
                "a stopped script that ends well leaves its model"
            );
        }
    }
}

#[test]
fn a_stop_that_the_script_ignores_ends_after_its_grace() {
    let file = "[train]\nstop = { grace = \"1s\" }\n";
    let script = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(os.getpid(), flush=True)\nwhile True:\n    time.sleep(1)\n";
    let project = Project::new(&[("train.py", script), ("optml.toml", file)]);
    let process = project.start(&[], &[]);
    let script: i32 = process.stdout_line("").parse().unwrap();
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(137), "{}", finished.stderr);
    assert!(!Path::new(&format!("/proc/{script}")).exists());
}

#[test]
fn colour_is_for_terminals() {
    let project = Project::new(&[("train.py", "raise SystemExit(1)")]);
    let coloured = |variables: &[(&str, &str)]| {
        project
            .start(&[], variables)
            .wait()
            .stderr
            .contains('\u{1b}')
    };
    assert!(
        !coloured(&[("TERM", "xterm-256color")]),
        "standard error is a pipe"
    );
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn the_shells_variables_reach_the_script_and_ours_do_not_confuse_it() {
    let script = "import os\nprint(os.environ['MINE'], os.environ['SM_MODEL_DIR'].startswith(os.getcwd()), os.environ.get('SAGEMAKER_SUBMIT_DIRECTORY'))\n";
    let project = Project::new(&[("train.py", script)]);
    let variables = [
        ("MINE", "kept"),
        ("SAGEMAKER_BASE_DIR", "/nowhere"),
        ("SAGEMAKER_SUBMIT_DIRECTORY", "s3://bucket/key"),
        ("OPTML_LOG_WRAP", "json"),
    ];
    let finished = project.start(&[], &variables).wait();
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "kept True None\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_project_in_a_folder_with_an_odd_name() {
    let outer = Project::new(&[(
        "it's a \"dir\" $(x)/train.py",
        "import os\nopen(os.environ['SM_MODEL_DIR'] + '/m', 'w').close()\nprint('ran')\n",
    )]);
    let finished = outer.train(&["it's a \"dir\" $(x)"]);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "ran\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_failure_names_the_file_as_the_project_does() {
    let project = Project::new(&[("train.py", "raise KeyError('x')\n")]);
    let finished = start_in(project.folder.path(), &[], &[]).wait();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let named = finished
        .stderr
        .lines()
        .any(|line| line.trim_start().starts_with("train.py:1 in <module>"));
    assert!(named, "{}", finished.stderr);
}

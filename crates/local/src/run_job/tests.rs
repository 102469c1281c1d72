use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::options::LogWrap;
use optml_supervise::{Console, Grace, Second, StopPolicy, Supervisor};

use super::{Caller, LocalError, Outcome, run_job};
use crate::{
    plan::{LocalJob, Request, plan},
    project::Project,
    summary::Paint,
};

/// Stands for our own binary: what the child does is in the variable `DO`.
const TRAIN: &str = "#!/bin/sh\n[ \"$1\" = train ] && cd \"$SAGEMAKER_BASE_DIR\" && eval \"$DO\"\n";

/// A project, and what runs in it were told.
struct Stage {
    keep: tempfile::TempDir,
    supervisor: Supervisor,
}

impl Stage {
    fn new() -> Self {
        let grace = Grace {
            stop: Duration::from_secs(5),
            leftovers: Duration::from_secs(5),
            second: Second::PassOn,
        };
        let stage = Self {
            keep: tempfile::tempdir().unwrap(),
            supervisor: Supervisor::start(grace, StopPolicy::PassOn).unwrap(),
        };
        fs::write(stage.path("exe"), TRAIN).unwrap();
        fs::set_permissions(stage.path("exe"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(stage.path("project/data/training")).unwrap();
        fs::write(stage.path("project/data/training/x.csv"), "1\n").unwrap();
        fs::write(stage.path("project/train.py"), "pass\n").unwrap();
        stage
    }

    fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.keep.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap()
            .join(name)
    }

    fn job(&self, settings: &[&str]) -> LocalJob {
        let settings = settings.iter().map(|text| text.parse().unwrap()).collect();
        plan(
            &Request {
                settings,
                ..Request::default()
            },
            &Project::load(&self.path("project")).unwrap(),
        )
        .unwrap()
    }

    /// Runs a job whose child does what the shell words say; also what was said, with the run's id left out.
    fn run(&self, job: &LocalJob, script: &str) -> (Result<Outcome, LocalError>, String) {
        let said = self.path("said");
        let (out, err) = (
            File::create(self.path("out")).unwrap(),
            File::create(&said).unwrap(),
        );
        let console = Console::start(out.into(), err.into(), Duration::from_secs(5)).unwrap();
        let environment: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("DO".into(), script.into()),
        ];
        let result = run_job(
            job,
            &Caller {
                supervisor: &self.supervisor,
                console: &console,
                exe: self.path("exe").as_std_path(),
                environment: &environment,
                current_directory: &self.path("project"),
                paint: Paint::Plain,
                log_wrap: LogWrap::Raw,
            },
        );
        let mut text = fs::read_to_string(said).unwrap();
        if let Ok(outcome) = &result {
            text = text.replace(outcome.run.id(), "ID");
        }
        (result, text)
    }
}

/// One test, because a process has one supervisor.
#[test]
fn a_run_ends_as_its_child_does() {
    let stage = Stage::new();

    let (result, said) = stage.run(
        &stage.job(&["epochs=3"]),
        "echo '{}' > model/model.json; cat input/data/training/x.csv > output/data/x",
    );
    let outcome = result.unwrap();
    assert_eq!(outcome.exit_code, 0, "{said}");
    assert!(said.starts_with("run ID   ./.optml/runs/ID\n  plan   python train.py --epochs 3   channels training (File, 1 file)\n"), "{said}");
    assert!(
        said.contains("\nCompleted in ")
            && said.contains("   exit 0\n  model    ./.optml/runs/ID/artifacts/model.tar.gz  "),
        "{said}"
    );
    assert!(outcome.run.artifacts().join("output.tar.gz").is_file());

    let failing = "echo \"ValueError: no 'oops'\" > output/failure; echo x > model/half; echo x > output/data/log; exit 7";
    let (result, said) = stage.run(&stage.job(&["lr=oops"]), failing);
    let outcome = result.unwrap();
    assert_eq!(outcome.exit_code, 7);
    assert!(
        said.contains("error: training failed on algo-1 (exit 7) after "),
        "{said}"
    );
    assert!(said.contains("  cause: ValueError: no 'oops'\n  hint:  hyperparameter `lr` came from --set\n  files: ./.optml/runs/ID/algo-1/output/failure\n"), "{said}");
    assert!(
        !outcome.run.artifacts().join("model.tar.gz").exists(),
        "a failed job has no model"
    );
    assert!(outcome.run.artifacts().join("output.tar.gz").exists());

    let (result, said) = stage.run(&stage.job(&[]), "kill -KILL $$");
    assert_eq!(result.unwrap().exit_code, 137);
    assert!(
        said.contains("error: training failed on algo-1 (signal 9) after ")
            && said.contains("  cause: no failure report was written\n"),
        "{said}"
    );

    let (result, said) = stage.run(&stage.job(&[]), "true");
    assert_eq!(result.unwrap().exit_code, 0);
    assert!(
        said.contains(
            "warning: there is no model: the script wrote nothing to `SM_MODEL_DIR`\nCompleted in "
        ),
        "{said}"
    );

    fs::remove_dir_all(stage.path("project/data/training")).unwrap();
    let mut job = stage.job(&[]);
    job.channels.insert(
        "gone".to_owned(),
        crate::plan::JobChannel {
            path: "/nowhere".into(),
            content_type: None,
        },
    );
    let n_runs = fs::read_dir(stage.path("project/.optml/runs"))
        .unwrap()
        .count();
    let (result, said) = stage.run(&job, "true");
    assert_eq!(
        result.unwrap_err().to_string(),
        "use `/nowhere` as the channel `gone`: there is no such folder or file"
    );
    assert_eq!(
        (
            said.as_str(),
            fs::read_dir(stage.path("project/.optml/runs"))
                .unwrap()
                .count()
        ),
        ("", n_runs)
    );
}

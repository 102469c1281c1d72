use std::time::Duration;

use insta::assert_snapshot;

use super::{
    ArtifactLine, EndReport, Ending, Failure, HostLine, MAX_COUNTED_FILES, Paint, StartReport,
    blame, duration, size,
};
use crate::plan::{FilePlace, SettingOrigin};

fn start() -> StartReport {
    StartReport {
        id: "ID".to_owned(),
        folder: "./.optml/runs/ID".to_owned(),
        words: [
            "python",
            "train.py",
            "--n-estimators",
            "50",
            "--name",
            "it's",
        ]
        .map(str::to_owned)
        .to_vec(),
        channels: vec![
            ("training".to_owned(), 1),
            ("val".to_owned(), 20),
            ("big".to_owned(), MAX_COUNTED_FILES),
        ],
        python: Some("/usr/bin/python3.11".to_owned()),
        hosts: None,
        hint: None,
        notes: vec!["channels are the subfolders of data/".to_owned()],
        warnings: vec!["train.py:3 names `/opt/ml`".to_owned()],
    }
}

fn end(ending: Ending, exit_code: u8) -> EndReport {
    EndReport {
        ending,
        took: Duration::from_millis(7_430),
        peak_rss_bytes: 212 << 20,
        exit_code,
        hosts: vec![],
        artifacts: vec![ArtifactLine {
            label: "model",
            path: "./.optml/runs/ID/artifacts/model.tar.gz".to_owned(),
            size_bytes: 38_400,
            n_files: 2,
        }],
        warnings: vec!["left out `a`: it is a FIFO".to_owned()],
    }
}

fn failure() -> Failure {
    Failure {
        host: "algo-1".to_owned(),
        how: "exit 1".to_owned(),
        cause: "ValueError: could not convert string to float: 'oops'\ntrain.py:21 in main\n\n"
            .to_owned(),
        hint: Some("hyperparameter `lr` came from --set".to_owned()),
        files: vec!["./.optml/runs/ID/algo-1/output/failure".to_owned()],
    }
}

#[test]
fn the_start_says_what_runs_on_what() {
    assert_snapshot!(start().to_text(Paint::Plain), @r"
    run ID   ./.optml/runs/ID
      plan   python train.py --n-estimators 50 --name 'it'\''s'   channels training (File, 1 file), val (File, 20 files), big (File, at least 10000 files)
      image  none (host python /usr/bin/python3.11)
      note   channels are the subfolders of data/
    warning: train.py:3 names `/opt/ml`
    ");
    let bare = StartReport {
        channels: vec![],
        python: None,
        notes: vec![],
        warnings: vec![],
        ..start()
    };
    assert_snapshot!(bare.to_text(Paint::Plain), @r"
    run ID   ./.optml/runs/ID
      plan   python train.py --n-estimators 50 --name 'it'\''s'   no channel
      image  none (this host)
    ");
}

#[test]
fn the_end_says_what_came_out() {
    assert_snapshot!(end(Ending::Completed, 0).to_text(Paint::Plain), @r"
    warning: left out `a`: it is a FIFO
    Completed in 7.4s   peak RSS 212 MiB   exit 0
      model    ./.optml/runs/ID/artifacts/model.tar.gz  37 KiB  (2 files)
    ");
    let stopped = EndReport {
        warnings: vec![],
        ..end(Ending::Stopped { signal: "SIGTERM" }, 0)
    };
    assert_snapshot!(stopped.to_text(Paint::Plain), @r"
    Stopped by SIGTERM after 7.4s   peak RSS 212 MiB   exit 0
      model    ./.optml/runs/ID/artifacts/model.tar.gz  37 KiB  (2 files)
    ");
}

#[test]
fn several_hosts_have_a_line_each() {
    let start = StartReport {
        channels: vec![],
        notes: vec![],
        warnings: vec![],
        hosts: Some("2, in network namespaces (no way to the outside)".to_owned()),
        hint: Some("`--host-network loopback`".to_owned()),
        ..start()
    };
    assert_snapshot!(start.to_text(Paint::Plain), @r"
    run ID   ./.optml/runs/ID
      plan   python train.py --n-estimators 50 --name 'it'\''s'   no channel
      image  none (host python /usr/bin/python3.11)
      hosts: 2, in network namespaces (no way to the outside)
      hint:  `--host-network loopback`
    ");
    let line = |host: &str, how: &str, note| HostLine {
        host: host.to_owned(),
        how: how.to_owned(),
        took: Duration::from_millis(7_430),
        peak_rss_bytes: 12 << 20,
        note,
    };
    let end = EndReport {
        hosts: vec![
            line("algo-1", "exit 1", None),
            line(
                "algo-10",
                "exit 143",
                Some("asked to stop, because another had failed"),
            ),
        ],
        artifacts: vec![],
        warnings: vec![],
        ..end(Ending::Completed, 0)
    };
    assert_snapshot!(end.to_text(Paint::Plain), @r"
    Completed in 7.4s   peak RSS 212 MiB   exit 0
      algo-1   exit 1     7.4s   peak RSS 12 MiB
      algo-10  exit 143   7.4s   peak RSS 12 MiB   asked to stop, because another had failed
    ");
}

#[test]
fn a_failure_says_cause_hint_and_files() {
    let report = EndReport {
        artifacts: vec![],
        warnings: vec![],
        ..end(Ending::Failed(failure()), 1)
    };
    assert_snapshot!(report.to_text(Paint::Plain), @r"
    error: training failed on algo-1 (exit 1) after 7.4s
      cause: ValueError: could not convert string to float: 'oops'
             train.py:21 in main
      hint:  hyperparameter `lr` came from --set
      files: ./.optml/runs/ID/algo-1/output/failure
    ");
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let report = end(Ending::Failed(failure()), 1);
    assert!(
        report
            .to_text(Paint::Colour)
            .starts_with("\x1b[1;33mwarning:\x1b[0m left out")
    );
    assert!(
        report
            .to_text(Paint::Colour)
            .contains("\x1b[1;31merror:\x1b[0m training failed")
    );
    assert!(!report.to_text(Paint::Plain).contains('\x1b'));
    assert!(!start().to_text(Paint::Plain).contains('\x1b'));
}

#[test]
fn a_quoted_value_is_traced_to_its_origin() {
    let place = FilePlace {
        path: "/p/optml.toml".into(),
        line: 14,
    };
    let from_file = SettingOrigin::File(place.clone());
    let replaced = SettingOrigin::Flag {
        replaced: Some((place, "0.1".to_owned())),
    };
    let flag = SettingOrigin::Flag { replaced: None };
    let settings = [
        ("epochs", "1", &from_file),
        ("lr", "oops", &replaced),
        ("name", "adam", &flag),
    ];
    let hint = |message: &str| blame(message, settings).unwrap_or_default();
    assert_eq!(
        hint("could not convert: 'oops'"),
        "hyperparameter `lr` came from --set; it is `0.1` in optml.toml:14"
    );
    assert_eq!(
        hint("no optimiser \"adam\""),
        "hyperparameter `name` came from --set"
    );
    assert_eq!(
        hint("expected more than `1`"),
        "hyperparameter `epochs` came from optml.toml:14"
    );
    assert_eq!(hint("exit 1; line 1; oops adam"), "");
}

#[test]
fn an_empty_value_is_never_to_blame() {
    assert_eq!(
        blame(
            "got ''",
            [("a", "", &SettingOrigin::Flag { replaced: None })]
        ),
        None
    );
}

#[test]
fn a_text_of_the_file_is_found_without_its_json_quotes() {
    let place = SettingOrigin::File(FilePlace {
        path: "optml.toml".into(),
        line: 2,
    });
    assert_eq!(
        blame("no optimiser 'adam'", [("name", "\"adam\"", &place)]),
        Some("hyperparameter `name` came from optml.toml:2".to_owned())
    );
}

#[test]
fn sizes_and_times_have_few_digits() {
    assert_eq!(
        [0, 1023, 1024, 10_137, 10_240].map(size),
        ["0 B", "1023 B", "1.0 KiB", "9.8 KiB", "10 KiB"]
    );
    assert_eq!(
        [(1 << 20) - 1, 1 << 20, 5 << 40].map(size),
        ["1023 KiB", "1.0 MiB", "5.0 TiB"]
    );
    assert_eq!(
        [59, 60, 3599, 3600].map(|s| duration(Duration::from_secs(s))),
        ["59.0s", "1m00s", "59m59s", "1h00m"]
    );
    assert_eq!(duration(Duration::from_millis(59_960)), "1m00s");
}

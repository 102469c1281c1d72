use super::{LastLook, Missing, Report};
use crate::sync::tests::log::lines_of;

fn lines(report: &Report) -> Vec<String> {
    lines_of(|| report.log()).1
}

fn report(names: &[&str]) -> Report {
    Report {
        what: "checkpoints",
        n_files: 3,
        n_bytes: 30,
        missing: names
            .iter()
            .map(|name| Missing {
                name: (*name).to_owned(),
                reason: "access is denied".to_owned(),
            })
            .collect(),
        n_more_missing: 0,
        last_look: LastLook::Whole,
    }
}

#[test]
fn one_line_says_that_everything_is_there() {
    let report = report(&[]);
    assert!(report.is_whole());
    assert_eq!(lines(&report), ["INFO checkpoints: everything is uploaded"]);
}

#[test]
fn every_missing_file_is_named() {
    let report = report(&["a", "line\nbreak"]);
    assert!(!report.is_whole());
    assert_eq!(
        lines(&report),
        [
            "WARN checkpoints: not everything is uploaded",
            "WARN checkpoints: not uploaded: `a`: access is denied",
            "WARN checkpoints: not uploaded: `line\\nbreak`: access is denied",
        ]
    );
}

#[test]
fn a_thousand_names_are_enough() {
    let mut report = report(&["a"; 1005]);
    report.n_more_missing = 10;
    let lines = lines(&report);
    assert_eq!(lines.len(), 1002);
    assert_eq!(lines[1001], "WARN checkpoints: not uploaded: 15 more files");
}

#[test]
fn a_folder_that_was_not_looked_through_is_not_whole() {
    let mut report = report(&[]);
    report.last_look = LastLook::CutShort;
    assert!(!report.is_whole());
    let lines = lines(&report);
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("more files may be missing"));
}

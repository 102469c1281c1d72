use std::time::Duration;

use super::{LogFormat, LogWrap, Options};
use crate::{exit::ExitStyle, source::Memory};

#[test]
fn unset_and_empty_are_the_defaults() {
    assert_eq!(Options::read(&Memory::new()).0, Options::default());
    let empty = Memory::new()
        .with_var("OPTML_STOP_GRACE_S", "")
        .with_var("OPTML_LOG_FORMAT", "");
    let (options, problems) = Options::read(&empty);
    assert_eq!(options, Options::default());
    assert!(problems.is_empty());
}

#[test]
fn every_variable_is_read() {
    let source = [
        ("OPTML_STOP_GRACE_S", "5"),
        ("OPTML_HOST_WAIT_S", "60"),
        ("OPTML_LOG_STALL_S", "0"),
        ("OPTML_LOG_FORMAT", "json"),
        ("OPTML_LOG_LEVEL", "debug"),
        ("OPTML_LOG_WRAP", "prefix"),
        ("OPTML_EXIT_CODE", "reference"),
        ("OPTML_PYTHON", "/opt/conda/bin/python"),
        ("OPTML_WHEELS", "/wheels"),
    ]
    .into_iter()
    .fold(Memory::new(), |source, (name, value)| {
        source.with_var(name, value)
    });
    let (options, problems) = Options::read(&source);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(options.stop_grace, Duration::from_secs(5));
    assert_eq!(options.host_wait, Duration::from_mins(1));
    assert_eq!(options.log_stall, Duration::ZERO);
    assert_eq!(
        (options.log_format, options.log_wrap),
        (LogFormat::Json, LogWrap::Prefix)
    );
    assert_eq!(options.exit_style, ExitStyle::Reference);
    assert_eq!(options.python.as_deref(), Some("/opt/conda/bin/python"));
    assert_eq!(options.wheels.unwrap(), "/wheels");
}

#[test]
fn every_problem_is_told_and_the_rest_still_counts() {
    let source = Memory::new()
        .with_var("OPTML_STOP_GRACE_S", "two minutes")
        .with_var("OPTML_HOST_WAIT_S", "90000")
        .with_var("OPTML_LOG_FORMAT", "JSON")
        .with_var("OPTML_EXIT_CODE", "reference");
    let (options, problems) = Options::read(&source);
    assert_eq!(
        options,
        Options {
            exit_style: ExitStyle::Reference,
            ..Options::default()
        }
    );
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "read variable `OPTML_STOP_GRACE_S`: `two minutes` is not a whole number",
            "read variable `OPTML_HOST_WAIT_S`: `90000` is not between 0 and 86400",
            "read variable `OPTML_LOG_FORMAT`: `JSON` is not one of `text`, `json`",
        ]
    );
}

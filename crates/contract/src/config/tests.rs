use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::*;
use crate::source::Memory;

#[test]
fn whole_numbers_are_read_as_python_does() {
    let read = |text: &str| parse_int(OsStr::new(text)).ok();
    for (text, value) in [
        ("40", 40),
        (" 40\n", 40),
        ("4_0", 40),
        ("+5", 5),
        ("-5", -5),
        ("007", 7),
    ] {
        assert_eq!(read(text), Some(value), "{text:?}");
    }
    for text in [
        "",
        " ",
        "INFO",
        "0x10",
        "1.5",
        "_1",
        "1_",
        "1__0",
        "--1",
        "+ 1",
        "99999999999999999999",
    ] {
        assert_eq!(read(text), None, "{text:?}");
    }
    assert!(matches!(
        parse_int(OsStr::from_bytes(b"\xFF")),
        Err(ConfigErrorKind::NotUtf8)
    ));
}

#[test]
fn a_file_must_be_one_json_object() {
    let source = Memory::new()
        .with_file("/a", "[]")
        .with_file("/b", "{\n\"a\" 1}");
    let message = |path: &str| load_object(&source, path.into()).unwrap_err().to_string();
    assert_eq!(
        message("/a"),
        "read `/a`: expected an object, found an array"
    );
    assert_eq!(
        message("/b"),
        "read `/b`: not JSON: line 2 column 5: expected `:` after a member name"
    );
    assert_eq!(message("/c"), "read `/c`: no such file");
}

#[test]
fn an_origin_prints_on_one_line() {
    let origin = Origin::within("/h.json".into(), "/x", &"a/b~c\n\0".into());
    assert_eq!(origin.to_string(), r"`/h.json` at `/x/a~1b~0c\n\u{0}`");
    assert_eq!(Origin::file("/h.json".into()).to_string(), "`/h.json`");
}

#[test]
fn remedies_are_offered_where_there_is_one() {
    let hint = |kind| {
        Origin::variable("SAGEMAKER_CONTAINER_LOG_LEVEL")
            .error(kind)
            .hint()
    };
    assert!(
        hint(ConfigErrorKind::NotInt {
            value: "INFO".into()
        })
        .unwrap()
        .contains("20 info")
    );
    assert!(
        hint(ConfigErrorKind::NoFile)
            .unwrap()
            .contains("optml local train")
    );
    assert!(hint(ConfigErrorKind::Empty).is_none());
}

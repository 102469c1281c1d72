use proptest::prelude::*;

use super::*;

#[test]
fn types_are_trimmed_and_lowered() {
    for (header, essence) in [
        ("application/json", "application/json"),
        (" Text/CSV ; charset=utf-8", "text/csv"),
        ("", "application/json"),
        ("  ", "application/json"),
        ("; charset=utf-8", "application/json"),
        ("json", "json"),
        (
            "multipart/form-data; boundary=\"a;b\"",
            "multipart/form-data",
        ),
    ] {
        assert_eq!(MediaType::parse(header).essence(), essence, "{header}");
    }
}

#[test]
fn parameters_keep_their_values() {
    let parsed = MediaType::parse(
        "text/csv; Header = present;charset=\"UT\\F-8\"; x=\"a;\\\"b\"; flag; y=1=2; header=absent;;",
    );
    assert_eq!(parsed.parameter("header"), Some("present"));
    assert_eq!(parsed.parameter("charset"), Some("UTF-8"));
    assert_eq!(parsed.parameter("x"), Some("a;\"b"));
    assert_eq!(parsed.parameter("y"), Some("1=2"));
    assert_eq!(parsed.parameter("flag"), None);
    assert_eq!(parsed.parameters().len(), 5);
}

#[test]
fn ascii_is_utf8() {
    for charset in ["utf-8", "UTF8", "us-ascii", "\"utf-8\""] {
        assert_eq!(
            MediaType::parse(&format!("text/csv;charset={charset}")).charset(),
            Charset::Utf8
        );
    }
    assert_eq!(MediaType::parse("text/csv").charset(), Charset::Utf8);
    assert_eq!(
        MediaType::parse("text/csv;charset=latin-1").charset(),
        Charset::Other("latin-1")
    );
}

#[test]
fn there_is_one_content_type() {
    assert_eq!(
        MediaType::of_headers([]).unwrap().essence(),
        "application/json"
    );
    assert_eq!(
        MediaType::of_headers(["text/csv"]).unwrap().essence(),
        "text/csv"
    );
    assert_eq!(
        MediaType::of_headers(["text/csv", "text/csv"]),
        Err(CodecError::RepeatedContentType)
    );
}

proptest! {
    #[test]
    fn no_header_panics(header in "[a-z/;=\"\\\\ é,*.0-9]{0,60}") {
        let parsed = MediaType::parse(&header);
        parsed.charset();
    }
}

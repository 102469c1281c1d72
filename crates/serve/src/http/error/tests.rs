use std::collections::BTreeSet;

use optml_contract::json::Json;

use super::{ErrorBody, ErrorType, error_json};

#[track_caller]
fn check(message: &str, expected: &str) {
    let line = error_json(404, "ResourceNotFoundException", message, "r-1");
    let line = String::from_utf8(line).unwrap();
    assert_eq!(
        line,
        format!(
            "{{\"code\": 404, \"type\": \"ResourceNotFoundException\", \"message\": {expected}, \"request_id\": \"r-1\"}}\n"
        )
    );
}

#[test]
fn texts_are_escaped() {
    check("", "\"\"");
    check("no such path: `/x`", "\"no such path: `/x`\"");
    check("a \"b\" \\ c", r#""a \"b\" \\ c""#);
    check("a\r\n\tb", r#""a\r\n\tb""#);
    check(
        "\0\u{1}\u{8}\u{1b}\u{1f}\u{7f}",
        r#""\u0000\u0001\u0008\u001b\u001f\u007f""#,
    );
    check("é 日本 \u{2028} 😀", "\"é 日本 \u{2028} 😀\"");
}

/// Each character comes back through the JSON parser that the contract has.
#[test]
fn every_character_below_512_comes_back() {
    let all: String = (0..512).filter_map(char::from_u32).collect();
    let line = error_json(500, &all, &all, &all);
    assert_eq!(line.split(|byte| *byte == b'\n').count(), 2);
    let parsed = Json::parse(&line).unwrap();
    for key in ["type", "message", "request_id"] {
        let text = parsed.get(key).and_then(Json::as_text).unwrap();
        assert_eq!(text.as_str(), Some(&*all), "{key}");
    }
}

#[test]
fn types_have_a_name_and_a_status_of_their_own() {
    let names: BTreeSet<_> = ErrorType::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), ErrorType::ALL.len());
    assert!(names.iter().all(|name| name.ends_with("Exception")));
    assert!(ErrorType::ALL.is_sorted_by_key(|kind| kind.status()));
    assert!(
        ErrorType::ALL
            .iter()
            .all(|kind| (400..=599).contains(&kind.status()))
    );
}

#[test]
fn a_body_of_ours_and_one_of_an_exception() {
    let ours = ErrorBody::new(ErrorType::PayloadTooLarge, "too large");
    assert_eq!(
        ours.to_json("7").escape_ascii().to_string(),
        r#"{\"code\": 413, \"type\": \"PayloadTooLargeException\", \"message\": \"too large\", \"request_id\": \"7\"}\n"#
    );
    let theirs = ErrorBody::exception(500, "ValueError", String::from("bad"));
    assert_eq!((theirs.code, &*theirs.kind), (500, "ValueError"));
    assert_eq!(ErrorBody::exception(500, "", "").kind, "ModelException");
}

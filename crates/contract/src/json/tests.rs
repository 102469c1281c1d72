use proptest::prelude::*;

use super::*;
use crate::python::dumps;

fn parse(text: &str) -> Result<Json, JsonError> {
    Json::parse(text.as_bytes())
}

#[track_caller]
fn check(text: &str, compact: &str) {
    assert_eq!(dumps(&parse(text).unwrap()), compact, "{text}");
}

#[test]
fn values_are_those_of_python() {
    check(" \t\r\n1 ", "1");
    check("-0", "0");
    check(
        "123456789012345678901234567890",
        "123456789012345678901234567890",
    );
    check("-0.0", "-0.0");
    check("1E400", "Infinity");
    check("-1e400", "-Infinity");
    check("1e-400", "0.0");
    check("[NaN, Infinity, -Infinity]", "[NaN,Infinity,-Infinity]");
    check(
        r#"{"b": 1, "a": {"d": [], "c": {}}}"#,
        r#"{"a":{"c":{},"d":[]},"b":1}"#,
    );
    check(
        r#""\u00e9\ud83d\ude00\ud83d\/\b""#,
        r#""\u00e9\ud83d\ude00\ud83d/\b""#,
    );
    check(
        r#""\ud83d\ud83d\ude00\ude00""#,
        r#""\ud83d\ud83d\ude00\ude00""#,
    );
    check("\"\u{7f}\u{1f600}\"", r#""\u007f\ud83d\ude00""#);
    check("\"\u{2028}<>&'\"", r#""\u2028<>&'""#);
}

#[test]
fn a_repeated_key_keeps_its_place_and_takes_the_last_value() {
    let object = parse(r#"{"b": 1, "a": 2, "b": 3, "a": 4, "c": 5}"#).unwrap();
    let entries: Vec<_> = object
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| format!("{key}={}", dumps(value)))
        .collect();
    assert_eq!(entries, ["b=3", "a=4", "c=5"]);
}

#[track_caller]
fn refuses(text: &str, message: &str) {
    assert_eq!(parse(text).unwrap_err().to_string(), message, "{text:?}");
}

#[test]
fn refusals_say_where() {
    refuses("", "line 1 column 1: expected a value, found the end");
    refuses("  ", "line 1 column 3: expected a value, found the end");
    refuses(
        "\u{FEFF}{}",
        "line 1 column 1: begins with a byte order mark",
    );
    refuses("{\n  \"é\": é}", "line 2 column 8: expected a value");
    refuses("[1,]", "line 1 column 4: expected a value");
    refuses("[1 2]", "line 1 column 4: expected `,` or `]`");
    refuses(
        "{\"a\":1,}",
        "line 1 column 8: expected a member name in double quotes",
    );
    refuses(
        "{\"a\" 1}",
        "line 1 column 6: expected `:` after a member name",
    );
    refuses("{\"a\":1", "line 1 column 7: expected `,` or `}`");
    refuses(
        "{'a':1}",
        "line 1 column 2: expected a member name in double quotes",
    );
    refuses(
        "\"a\nb\"",
        "line 1 column 3: control character U+000A in a string must be an escape",
    );
    refuses(r#""\x""#, "line 1 column 2: not an escape");
    refuses(r#""\u12g4""#, "line 1 column 2: not an escape");
    refuses(r#""\u+123""#, "line 1 column 2: not an escape");
    refuses(
        "\"abc",
        "line 1 column 1: the string that begins here has no end",
    );
    refuses(
        "\"abc\\",
        "line 1 column 1: the string that begins here has no end",
    );
    refuses("1 x", "line 1 column 3: more text after the value");
    for not_one_number in ["01", "1.", "1.e5", "1e", "1e+", "0x10", "1_000", "-01"] {
        assert_eq!(
            parse(not_one_number).unwrap_err().kind,
            JsonErrorKind::Trailing,
            "{not_one_number}"
        );
    }
    for no_value in [
        "+1", ".5", "-", "-a", "nul", "True", "nan", "-Inf", "\u{a0}1", "]",
    ] {
        assert_eq!(
            parse(no_value).unwrap_err().kind,
            JsonErrorKind::Value,
            "{no_value}"
        );
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let err = Json::parse(b"{\"a\": \"\xFF\"}").unwrap_err();
    assert_eq!(
        (err.kind, err.offset, err.column),
        (JsonErrorKind::Encoding, 7, 8)
    );
}

#[test]
fn depth_has_a_limit_and_no_stack_overflows_below_it() {
    let nested = |levels: usize| {
        format!("{}{}", "[{\"a\":".repeat(levels / 2), "1") + &"}]".repeat(levels / 2)
    };
    let deep = parse(&nested(MAX_DEPTH)).unwrap();
    assert_eq!(deep.clone(), deep);
    assert_eq!(dumps(&deep).len(), nested(MAX_DEPTH).len());
    assert!(deep.to_pretty().len() > nested(MAX_DEPTH).len());
    assert!(!crate::python::repr(&deep).is_empty());
    assert_eq!(
        parse(&nested(MAX_DEPTH + 2)).unwrap_err().kind,
        JsonErrorKind::Depth
    );
    assert_eq!(
        parse(&"[".repeat(1_000_000)).unwrap_err().kind,
        JsonErrorKind::Depth
    );
}

#[test]
fn whole_numbers_have_the_limit_of_cpython() {
    assert!(parse(&"1".repeat(MAX_INT_DIGITS)).is_ok());
    assert!(parse(&format!("-{}", "1".repeat(MAX_INT_DIGITS))).is_ok());
    assert_eq!(
        parse(&"1".repeat(MAX_INT_DIGITS + 1)).unwrap_err().kind,
        JsonErrorKind::IntDigits
    );
    assert!(parse(&format!("{}.0", "1".repeat(MAX_INT_DIGITS + 1))).is_ok());
}

#[test]
fn text_with_surrogates_is_parsed_too() {
    let inner = parse(r#""[\"\ud83d\"]""#).unwrap();
    let parsed = Json::parse_text(inner.as_text().unwrap()).unwrap();
    assert_eq!(dumps(&parsed), r#"["\ud83d"]"#);
}

#[test]
fn truth_is_that_of_python() {
    for text in ["null", "false", "0", "0.0", "-0.0", "\"\"", "[]", "{}"] {
        assert!(!parse(text).unwrap().is_truthy(), "{text}");
    }
    for text in ["true", "1", "-1", "NaN", "\"False\"", "[0]", "{\"\":0}"] {
        assert!(parse(text).unwrap().is_truthy(), "{text}");
    }
}

#[test]
fn the_form_for_people_keeps_order_and_characters() {
    let value = parse(r#"{"b": [1, {"é": "\ud800\u0007\""}], "a": {}, "c": []}"#).unwrap();
    insta::assert_snapshot!(value.to_pretty(), @r#"
    {
        "b": [
            1,
            {
                "é": "\ud800\u0007\""
            }
        ],
        "a": {},
        "c": []
    }
    "#);
}

fn any_json() -> impl Strategy<Value = Json> {
    let text = proptest::collection::vec(prop_oneof![0_u32..0x80, 0_u32..0x11_0000], 0..8)
        .prop_map(|code_points| {
            let mut text = Text::new();
            let mut last = 0;
            for code_point in code_points {
                // Two halves of a pair would come back as one code point.
                if !((0xD800..0xDC00).contains(&last) && (0xDC00..0xE000).contains(&code_point)) {
                    text.push(code_point);
                    last = code_point;
                }
            }
            text
        });
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i128>().prop_map(|n| Json::Int(Int(n.to_string()))),
        any::<f64>()
            .prop_filter("NaN is unequal to itself", |n| !n.is_nan())
            .prop_map(Json::Float),
        text.clone().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Json::Array),
            proptest::collection::vec((text.clone(), inner), 0..8)
                .prop_map(|e| Json::Object(e.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Json::parse(&bytes);
    }

    #[test]
    fn what_looks_like_json_never_panics(text in r#"[\[\]{}":,\\u0-9dDeE.+\-NaInfitrue \n]{0,48}"#) {
        let _ = parse(&text);
    }

    #[test]
    fn both_forms_read_back(value in any_json()) {
        prop_assert_eq!(&parse(&value.to_pretty()).unwrap(), &value);
        let compact = dumps(&value);
        prop_assert!(compact.is_ascii());
        prop_assert_eq!(dumps(&parse(&compact).unwrap()), compact);
    }
}

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = words(text.as_bytes()).unwrap();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn words_are_split_as_a_shell_splits_them() {
    check("", &[]);
    check(" \t\n ", &[]);
    check("srv", &["srv"]);
    check("  srv  --port\t80\n", &["srv", "--port", "80"]);
    check("a 'b c' d", &["a", "b c", "d"]);
    check("a '' \"\"", &["a", "", ""]);
    check("--name='b c'd\"e f\"", &["--name=b cde f"]);
    check(r"'a\b' '\' x", &[r"a\b", r"\", "x"]);
    check(
        r#""a\"b" "c\\d" "e\n" "\$x\`y""#,
        &[r#"a"b"#, r"c\d", r"e\n", "$x`y"],
    );
    check("a\\ b \\'c\\' \\\\", &["a b", "'c'", r"\"]);
    check("a\\\nb \"c\\\nd\"", &["ab", "cd"]);
    check("é 'ü b'", &["é", "ü b"]);
}

#[test]
fn nothing_is_expanded() {
    check(
        "$HOME ~ *.py $(id) `id` #no ; rm && a|b >c {port}",
        &[
            "$HOME", "~", "*.py", "$(id)", "`id`", "#no", ";", "rm", "&&", "a|b", ">c", "{port}",
        ],
    );
}

#[test]
fn what_does_not_end_is_an_error() {
    let problem = |text: &str| CommandLine::split(OsStr::new(text)).unwrap_err();
    for quote in ['\'', '"'] {
        let open = ServingProblem::OpenQuote { quote };
        assert_eq!(problem(&format!("srv {quote}a b")), open);
    }
    assert_eq!(problem("a \"b\\"), ServingProblem::OpenQuote { quote: '"' });
    assert_eq!(problem("a b\\"), ServingProblem::OpenBackslash);
    for text in ["  ", "''", "'' a"] {
        assert_eq!(problem(text), ServingProblem::NoWords, "{text}");
    }
}

#[test]
fn bytes_that_are_not_text_stay() {
    let line = CommandLine::split(OsStr::from_bytes(b"srv '\xff x'")).unwrap();
    assert_eq!(line.arguments, [OsStr::from_bytes(b"\xff x")]);
}

#[test]
fn a_placeholder_is_found_in_any_word() {
    let line = CommandLine::split(OsStr::new("srv --bind=127.0.0.1:{port}")).unwrap();
    assert!(line.mentions("{port}") && !line.mentions("{socket}"));
}

proptest! {
    #[test]
    fn what_is_shown_is_split_into_the_same_words(words in prop::collection::vec("[ -~é\n]{0,8}", 1..5)) {
        let given: Vec<OsString> = words.iter().map(OsString::from).collect();
        if let Some(line) = CommandLine::from_words(&given) {
            prop_assert_eq!(CommandLine::split(OsStr::new(&line.to_string())), Ok(line));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = words(&text);
    }
}

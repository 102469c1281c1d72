use super::{is_identifier, shown};

#[test]
fn names_for_shells() {
    for (name, expected) in [
        ("SM_HP_A", true),
        ("_x1", true),
        ("1x", false),
        ("SM_HP_A-B", false),
        ("", false),
        ("A\nB", false),
    ] {
        assert_eq!(is_identifier(name), expected, "{name:?}");
    }
}

#[test]
fn secrets_are_hidden_and_long_values_cut() {
    assert_eq!(shown("SM_HP_API_TOKEN", "abc"), "******");
    assert_eq!(shown("SM_HP_API_TOKEN", ""), "");
    assert_eq!(shown("SM_HP_NOTE", "{\"a\":1}"), "{\"a\":1}");
    assert_eq!(shown("SM_HP_NOTE", "two\nlines"), "two\\nlines");
    let cut = shown("SM_TRAINING_ENV", &"x".repeat(1000));
    assert_eq!((cut.chars().count(), cut.ends_with('…')), (60, true));
}

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use proptest::prelude::*;

use super::*;

fn of(code_points: &[u32]) -> Text {
    code_points.iter().copied().collect()
}

#[test]
fn bytes_that_are_not_utf8_survive() {
    let os = OsStr::from_bytes(b"job-\xC3\xA9-\xFF\x80");
    let text = Text::from_os(os);
    assert_eq!(
        text.code_points().collect::<Vec<_>>(),
        [0x6A, 0x6F, 0x62, 0x2D, 0xE9, 0x2D, 0xDCFF, 0xDC80]
    );
    assert_eq!(text.to_os().unwrap(), os);
}

#[test]
fn what_the_system_cannot_have_is_refused() {
    assert_eq!(
        of(&[0x61, 0xD83D]).to_os(),
        Err(TextError::Surrogate(0xD83D))
    );
    assert_eq!(of(&[0xDC7F]).to_os(), Err(TextError::Surrogate(0xDC7F)));
    assert_eq!(of(&[0xDD00]).to_os(), Err(TextError::Surrogate(0xDD00)));
    assert_eq!(of(&[0x61, 0]).to_os(), Err(TextError::Nul));
}

#[test]
fn order_is_by_code_point() {
    let mut texts = [
        of(&[0x1_0000]),
        of(&[0xFFFF]),
        of(&[0xD800]),
        of(&[0xE000]),
        of(&[0x7F]),
        Text::new(),
    ];
    texts.sort();
    let order: Vec<u32> = texts.iter().flat_map(Text::code_points).collect();
    assert_eq!(order, [0x7F, 0xD800, 0xE000, 0xFFFF, 0x1_0000]);
}

#[test]
fn upper_case_is_per_code_point() {
    for (text, upper) in [
        ("abc-1", "ABC-1"),
        ("straße", "STRASSE"),
        ("ﬁ", "FI"),
        ("ı", "I"),
        ("ŉ", "ʼN"),
        ("\u{390}", "\u{399}\u{308}\u{301}"),
    ] {
        assert_eq!(Text::from(text).to_upper(), upper);
    }
    assert_eq!(of(&[0x61, 0xD800]).to_upper(), of(&[0x41, 0xD800]));
}

#[test]
fn surrogates_show_as_the_replacement_character() {
    assert_eq!(of(&[0x61, 0xD800]).to_string(), "a\u{FFFD}");
    assert_eq!(of(&[0x61, 0xD800]).as_str(), None);
    assert_eq!(format!("{:?}", of(&[0x61, 0xD800])), r"'a\ud800'");
}

proptest! {
    #[test]
    fn any_system_string_comes_back(bytes in proptest::collection::vec(1_u8.., 0..64)) {
        let os = OsString::from_vec(bytes);
        prop_assert_eq!(Text::from_os(&os).to_os().unwrap(), os);
    }

    #[test]
    fn any_code_points_come_back(code_points in proptest::collection::vec(0_u32..0x11_0000, 0..32)) {
        prop_assert_eq!(of(&code_points).code_points().collect::<Vec<_>>(), code_points);
    }
}

use proptest::prelude::*;

use super::plain_text;

#[track_caller]
fn check(output: &[u8], expected: &str) {
    assert_eq!(plain_text(output), expected);
}

#[test]
fn ordinary_text_stays() {
    check(
        "epoch 1\n\tloss=0.5 µs ✓\n".as_bytes(),
        "epoch 1\n\tloss=0.5 µs ✓\n",
    );
}

#[test]
fn colours_and_titles_go() {
    check(b"\x1b[1;35mValueError\x1b[0m: bad", "ValueError: bad");
    check(b"\x1b]0;title\x07text", "text");
    check(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link");
    check(b"\x1b(Btext\x1b=", "text");
}

#[test]
fn a_cut_sequence_does_not_swallow_a_line() {
    check(b"\x1b[12\nnext", "\nnext");
    check(b"\x1b]0;title\nnext", "\nnext");
    check(b"end\x1b", "end");
    check(b"end\x1b[", "end");
}

#[test]
fn only_the_last_state_of_a_bar_is_left() {
    check(b"start\n 10%\r 20%\r 30%\nend\n", "start\n 30%\nend\n");
    check(b"one\r\ntwo\r\r\n", "one\ntwo\n");
    check(b" 99%\r", " 99%");
}

#[test]
fn controls_and_bad_bytes_go() {
    check(b"a\x00b\x08c\x7fd\xc2\x9be\xff", "abcde\u{fffd}");
}

proptest! {
    #[test]
    fn nothing_but_newline_and_tab_controls(output in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = plain_text(&output);
        prop_assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
    }

    #[test]
    fn twice_is_once(output in "[a-z\\x1b\\[\\]0-9;\\r\\n\\x07]{0,80}") {
        let once = plain_text(output.as_bytes());
        prop_assert_eq!(plain_text(once.as_bytes()), once);
    }
}

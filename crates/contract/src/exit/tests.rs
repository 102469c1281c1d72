use super::{Code, ExitStyle, TABLE, of_signal};

#[test]
fn a_signal_is_128_and_its_number() {
    assert_eq!(of_signal(9), 137);
    assert_eq!(of_signal(15), 143);
    assert_eq!(of_signal(64), 192);
    assert_eq!(of_signal(u8::MAX), 255);
}

#[test]
fn a_failure_is_never_0() {
    for native in 0..=u8::MAX {
        assert_ne!(ExitStyle::Native.of_failure(native), 0);
        assert_eq!(ExitStyle::Reference.of_failure(native), 1);
        if native != 0 {
            assert_eq!(ExitStyle::Native.of_failure(native), native);
        }
    }
}

#[test]
fn the_table_has_every_code_of_ours() {
    for code in [
        Code::SUCCESS,
        Code::FAILURE,
        Code::USAGE,
        Code::CONFIGURATION,
        Code::INSTALL,
        Code::BIND,
        Code::INTERNAL,
    ] {
        let text = code.to_string();
        assert_eq!(
            TABLE.iter().filter(|(shown, _)| *shown == text).count(),
            1,
            "{code}"
        );
    }
}

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, number: Number, rest: &str) {
    let (value, end) = json(text.as_bytes(), 0).unwrap();
    assert_eq!((value, &text[end..]), (number, rest));
}

#[test]
fn json_numbers_end_where_python_ends_them() {
    check("0", Number::Int(0), "");
    check("-0", Number::Int(0), "");
    check("01", Number::Int(0), "1");
    check("1.", Number::Int(1), ".");
    check("1.e5", Number::Int(1), ".e5");
    check("1e", Number::Int(1), "e");
    check("1e+", Number::Int(1), "e+");
    check("1.5e-", Number::Float(1.5), "e-");
    check("-12.25E+2,", Number::Float(-1225.0), ",");
    check(
        "123456789012345678",
        Number::Int(123_456_789_012_345_678),
        "",
    );
    check("9223372036854775807", Number::Int(i64::MAX), "");
    check("-9223372036854775808", Number::Int(i64::MIN), "");
    check("9223372036854775808", Number::Wide, "");
    check("-9223372036854775809", Number::Wide, "");
    check("18446744073709551616", Number::Wide, "");
    check("100000000000000000000000", Number::Wide, "");
    check("1e400", Number::Float(f64::INFINITY), "");
    check("1e99999999999", Number::Float(f64::INFINITY), "");
    check("0e99999999999", Number::Float(0.0), "");
    check("1e-99999999999", Number::Float(0.0), "");
    check("5e-324", Number::Float(5e-324), "");
    for text in ["", "-", "+1", ".5", "a", "-a", "--1"] {
        assert_eq!(json(text.as_bytes(), 0), None, "{text}");
    }
    let minus_zero = json(b"-0.0", 0).unwrap().0;
    assert!(matches!(minus_zero, Number::Float(value) if value.is_sign_negative()));
}

#[test]
fn cells_are_read_as_pythons_float_reads_them() {
    for (text, value) in [
        ("1", 1.0),
        ("+1", 1.0),
        (" \t-2.5\r\n", -2.5),
        ("5.", 5.0),
        (".5", 0.5),
        ("+.5e-3", 0.0005),
        ("1e5", 1e5),
        ("1E-5", 1e-5),
        ("1_000", 1000.0),
        ("1_0.0_1e1_0", 10.01e10),
        ("inf", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("1e400", f64::INFINITY),
    ] {
        assert_eq!(cell(text.as_bytes()), Some(value), "{text}");
    }
    assert!(cell(b"NaN").unwrap().is_nan());
    assert!(cell(b"-nan").unwrap().is_sign_negative());
    for text in [
        "", " ", ".", "e1", "1e", "_1", "1_", "1__0", "1_.5", "1._5", "0x10", "1d5", "nan(1)",
        "infinit", "++1", "1 2", "true", "١", "1\0",
    ] {
        assert_eq!(cell(text.as_bytes()), None, "{text}");
    }
}

proptest! {
    #[test]
    fn floats_are_the_nearest(bits: u64, digits in 1usize..25) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        for text in [format!("{value:e}"), format!("{value:.digits$e}"), format!("{:.digits$}", value % 1e9)] {
            let expected: f64 = text.parse().unwrap();
            let (read, end) = decimal(text.as_bytes(), 0).unwrap();
            prop_assert_eq!((read.to_bits(), end), (expected.to_bits(), text.len()));
            if let Some((Number::Float(read), end)) = json(text.as_bytes(), 0) {
                prop_assert_eq!((read.to_bits(), end), (expected.to_bits(), text.len()));
            }
        }
    }

    #[test]
    fn whole_numbers_are_exact(value: i64) {
        prop_assert_eq!(json(value.to_string().as_bytes(), 0), Some((Number::Int(value), value.to_string().len())));
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(prop::sample::select(b"0123456789.eE+-_ naifty\xff".to_vec()), 0..40)) {
        json(&bytes, 0);
        decimal(&bytes, 0);
        cell(&bytes);
    }
}

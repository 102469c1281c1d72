use proptest::prelude::*;

use super::*;

#[test]
fn floats_have_the_shortest_digits_in_pythons_layout() {
    for (value, spelled) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
        (1.5e-5, "1.5e-05"),
        (1e15, "1000000000000000.0"),
        (9_999_999_999_999_998.0, "9999999999999998.0"),
        (1e16, "1e+16"),
        (1.234_567_890_123_456_8e16, "1.2345678901234568e+16"),
        (1e100, "1e+100"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::NAN, "nan"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        assert_eq!(repr_float(value), spelled);
    }
}

#[test]
fn texts_are_quoted_as_repr_does() {
    for (text, spelled) in [
        ("plain", "'plain'"),
        ("it's", r#""it's""#),
        (r#"both ' and ""#, r#"'both \' and "'"#),
        ("a\\b\n\r\t\0\u{1f}\u{7f}", r"'a\\b\n\r\t\x00\x1f\x7f'"),
        ("é日😀", "'é日😀'"),
        (
            "\u{80}\u{a0}\u{ad}\u{2028}\u{200b}\u{feff}",
            r"'\x80\xa0\xad\u2028\u200b\ufeff'",
        ),
        (
            "\u{e000}\u{378}\u{10ffff}\u{e0001}",
            r"'\ue000\u0378\U0010ffff\U000e0001'",
        ),
        ("\u{301}", "'\u{301}'"),
    ] {
        assert_eq!(repr_text(&text.into()), spelled);
    }
}

#[test]
fn nested_values_are_spelled_as_literals() {
    let value = Json::parse(br#"[{"b": [true, null, 1.0], "a": "x\ud800"}, [], {}]"#).unwrap();
    assert_eq!(
        repr(&value),
        r"[{'b': [True, None, 1.0], 'a': 'x\ud800'}, [], {}]"
    );
    assert_eq!(str(&"it's".into()), "it's");
    assert_eq!(variable(&Json::Null), "");
    assert_eq!(
        variable(&value),
        r#"[{"a":"x\ud800","b":[true,null,1.0]},[],{}]"#
    );
}

proptest! {
    #[test]
    fn a_float_reads_back(value in any::<f64>()) {
        let spelled = repr_float(value);
        let read: f64 = spelled.parse().unwrap();
        prop_assert!(read.to_bits() == value.to_bits() || value.is_nan());
        prop_assert!(spelled.contains(['.', 'e', 'n']), "{} would be a whole number", spelled);
    }

    #[test]
    fn repr_prints_on_one_line(text in any::<String>()) {
        let spelled = repr_text(&text.as_str().into());
        let inner = spelled.as_str().unwrap();
        prop_assert!(inner.chars().all(prints));
        prop_assert!(inner.starts_with(['\'', '"']) && inner.ends_with(['\'', '"']) && inner.len() > 1);
    }
}

#[test]
fn of_two_that_are_equally_near_the_even_one_counts() {
    // Made with CPython 3.11: numbers halfway between two spellings of the same length.
    for (bits, expected) in [
        (4_833_001_863_194_697_185, "1285765663381368.2"),
        (4_838_170_451_378_969_198, "2904025605213495.0"),
        (4_834_058_096_823_124_143, "1549824070488107.8"),
        (4_833_407_221_105_058_165, "1387105140971613.2"),
        (4_833_910_684_983_313_251, "1512971110535384.8"),
        (4_833_620_798_410_674_797, "1440499467375771.2"),
        (4_839_577_585_227_788_212, "3607592529623002.0"),
        (4_834_592_614_601_083_709, "1683453514977999.2"),
        (4_840_265_617_856_620_144, "3951608844038968.0"),
        (4_839_888_287_340_038_560, "3762943585748176.0"),
        (4_833_201_554_676_991_553, "1335688533954960.2"),
        (4_838_389_470_133_201_708, "3013534982329750.0"),
        (4_834_484_363_819_847_603, "1656390819668972.8"),
    ] {
        assert_eq!(repr_float(f64::from_bits(bits)), expected);
    }
}

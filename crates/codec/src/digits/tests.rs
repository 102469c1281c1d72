use proptest::prelude::*;

use super::*;

fn float(value: f64) -> String {
    let mut out = Vec::new();
    push_float(value, &mut out);
    String::from_utf8(out).unwrap()
}

fn float32(value: f32) -> String {
    let mut out = Vec::new();
    push_float32(value, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn float64_as_python_writes_it() {
    for (value, expected) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (2.5, "2.5"),
        (1e15, "1000000000000000.0"),
        (9_999_999_999_999_998.0, "9999999999999998.0"),
        (1e16, "1e+16"),
        (1.5e16, "1.5e+16"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (1e100, "1e+100"),
        (1e-4, "0.0001"),
        (0.000_123_45, "0.00012345"),
        (9.9e-5, "9.9e-05"),
        (1e-5, "1e-05"),
        (-1.25e-5, "-1.25e-05"),
        (9.999e-6, "9.999e-06"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1_285_765_663_381_368.0 + 0.25, "1285765663381368.2"),
        (1_285_765_663_381_368.0 + 0.75, "1285765663381368.8"),
    ] {
        assert_eq!(float(value), expected);
    }
}

#[test]
fn float32_as_numpy_writes_it() {
    for (value, expected) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (7.0, "7.0"),
        (999_999.94, "999999.94"),
        (1e6, "1e+06"),
        (9_505_711.0, "9.505711e+06"),
        (-16_777_216.0, "-1.6777216e+07"),
        (1e-4, "1e-04"),
        (0.000_100_000_005, "0.000100000005"),
        (9.9e-5, "9.9e-05"),
        (1e20, "1e+20"),
        (1e-45, "1e-45"),
        (f32::MAX, "3.4028235e+38"),
    ] {
        assert_eq!(float32(value), expected);
    }
}

/// Python's rule, written down the slow way.
fn repr(value: f64) -> String {
    if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

proptest! {
    #[test]
    fn every_float_is_the_shortest_that_reads_back(bits: u64, small in -1e20f64..1e20) {
        for value in [f64::from_bits(bits), small, 1.0 / small] {
            prop_assume!(value.is_finite());
            let text = float(value);
            // Of two that are equally near the standard library takes another than Python: of the same length.
            prop_assert_eq!(text.len(), repr(value).len());
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }

    #[test]
    fn every_float32_reads_back(bits: u32) {
        let value = f32::from_bits(bits);
        prop_assume!(value.is_finite());
        prop_assert_eq!(float32(value).parse::<f32>().unwrap().to_bits(), bits);
    }

    #[test]
    fn whole_numbers(signed: i64, unsigned: u64) {
        let (mut out, mut expected) = (Vec::new(), signed.to_string());
        push_int(signed, &mut out);
        push_uint(unsigned, &mut out);
        expected += &unsigned.to_string();
        prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

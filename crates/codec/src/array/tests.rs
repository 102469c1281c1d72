use super::*;

#[test]
fn names_of_types_are_read_and_given_back() {
    for (name, item_bytes) in [
        ("|b1", 1),
        ("|i1", 1),
        ("<i2", 2),
        ("<i4", 4),
        ("<i8", 8),
        ("|u1", 1),
        ("<u2", 2),
        ("<u4", 4),
        ("<u8", 8),
        ("<f4", 4),
        ("<f8", 8),
        ("<f2", 2),
        (">f8", 8),
        (">i2", 2),
        ("<c16", 16),
        ("<U3", 12),
        ("|S5", 5),
        ("|V7", 7),
        ("<M8[ns]", 8),
        ("<m8[25s]", 8),
    ] {
        let dtype = Dtype::parse(name).unwrap();
        assert_eq!((dtype.name(), dtype.item_bytes()), (name, item_bytes));
    }
    assert_eq!(Dtype::parse("=f8"), Some(Dtype::Float64));
    assert_eq!(Dtype::parse("f8"), Some(Dtype::Float64));
    assert_eq!(Dtype::parse(">u1"), Some(Dtype::UInt8));
}

#[test]
fn types_that_only_numpy_knows_are_not_read() {
    for name in [
        "",
        "|",
        "<",
        "O",
        "|O",
        "|O8",
        "<f16",
        "<c32",
        "|S0",
        "|S",
        "<U",
        "float64",
        "<i3",
        "<f1",
        "|b2",
        "<f8,<i4",
        "<M8[",
        "<M8[x]",
        "<f8[ns]",
        "<M8[ns]'",
        "<U18446744073709551615",
        "<U99999999999999999999",
        "é8",
    ] {
        assert_eq!(Dtype::parse(name), None, "{name}");
    }
}

#[test]
fn shape_and_bytes_must_agree() {
    let new =
        |shape: &[usize], n_bytes| Array::try_new(Dtype::Float64, shape.to_vec(), vec![0; n_bytes]);
    assert_eq!(new(&[], 8).unwrap().n_items(), 1);
    assert_eq!(new(&[2, 3], 48).unwrap().n_items(), 6);
    assert_eq!(new(&[1 << 50, 0], 0).unwrap().n_items(), 0);
    assert_eq!(
        new(&[2, 3], 47).unwrap_err(),
        ArrayError::Length {
            expected: 48,
            actual: 47
        }
    );
    assert_eq!(
        new(&[1 << 40, 1 << 40], 0).unwrap_err(),
        ArrayError::Overflow
    );
    assert_eq!(new(&[1 << 60], 0).unwrap_err(), ArrayError::Overflow);
    assert_eq!(new(&[1; 64], 8).unwrap().n_items(), 1);
    assert_eq!(
        new(&[1; 65], 8).unwrap_err(),
        ArrayError::Axes { n_axes: 65 }
    );
}

use super::*;

#[test]
fn text_is_utf8() {
    assert_eq!(decode("é\u{feff}\0".as_bytes()), Ok("é\u{feff}\0"));
    assert_eq!(
        decode(b"a\xff"),
        Err(CodecError::NotUtf8 {
            offset: 1,
            byte: 0xff
        })
    );
    assert_eq!(
        decode(b"\xc3"),
        Err(CodecError::NotUtf8 {
            offset: 0,
            byte: 0xc3
        })
    );
    assert_eq!(
        decode(b"\xff").unwrap_err().to_string(),
        "the body is not UTF-8: byte `0xff` at offset 0"
    );
}

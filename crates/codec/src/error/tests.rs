use super::*;

/// The kinds decide statuses: each variant is listed.
#[test]
fn kinds_and_texts() {
    let cause = Box::new(CodecError::ObjectArray);
    for (err, kind, text) in [
        (
            CodecError::MalformedJson {
                line: 1,
                column: 5,
                fault: JsonFault::ExpectedComma,
            },
            Kind::BadBody,
            "malformed JSON at line 1, column 5: expected `,` or `]`",
        ),
        (
            CodecError::MalformedJson {
                line: 2,
                column: 1,
                fault: JsonFault::ExpectedCommaInObject,
            },
            Kind::BadBody,
            "malformed JSON at line 2, column 1: expected `,` or `}`",
        ),
        (
            CodecError::RaggedJson,
            Kind::BadBody,
            "the JSON lists have no common shape",
        ),
        (
            CodecError::MalformedCsv {
                line: 3,
                fault: CsvFault::Ragged {
                    n_cells: 1,
                    expected: 2,
                },
            },
            Kind::BadBody,
            "malformed CSV in line 3: the first row has 2 cells, this one has 1",
        ),
        (
            CodecError::NpzEntry {
                name: "a".to_owned(),
                cause,
            },
            Kind::BadBody,
            "in `a` of the NPZ: object arrays are not accepted",
        ),
        (
            CodecError::MalformedRecord {
                record: 2,
                fault: RecordFault::Magic(1),
            },
            Kind::BadBody,
            "in record 2: the magic number is `0x00000001`, not `0xced7230a`",
        ),
        (
            CodecError::NumpyMissing {
                content_type: "application/x-npy".to_owned(),
            },
            Kind::UnsupportedMediaType,
            "reading `application/x-npy` needs numpy, which is not installed in the container",
        ),
        (
            CodecError::UnknownCharset {
                charset: "klingon".to_owned(),
            },
            Kind::UnsupportedMediaType,
            "the charset `klingon` is not known",
        ),
        (
            CodecError::RepeatedContentType,
            Kind::BadBody,
            "there is more than one `Content-Type` header",
        ),
        (
            CodecError::Labels {
                n_labels: 2,
                n_rows: 1,
            },
            Kind::BadResult,
            "the number of labels is 2, that of rows 1",
        ),
        (
            CodecError::Unwritable {
                item: 3,
                content_type: "application/json",
                fault: ItemFault::NotFinite,
            },
            Kind::BadResult,
            "item 3 of the result can't be written as `application/json`: not a finite number",
        ),
    ] {
        assert_eq!((err.kind(), err.to_string().as_str()), (kind, text));
    }
}

#[test]
fn excerpts_are_short_and_on_one_line() {
    assert_eq!(excerpt("text/html"), "text/html");
    assert_eq!(excerpt("a\r\nb"), "a\u{fffd}\u{fffd}b");
    assert_eq!(
        excerpt(&"é".repeat(MAX_EXCERPT_CHARS)),
        "é".repeat(MAX_EXCERPT_CHARS)
    );
    assert_eq!(
        excerpt(&"é".repeat(MAX_EXCERPT_CHARS + 1)),
        "é".repeat(MAX_EXCERPT_CHARS) + "…"
    );
}

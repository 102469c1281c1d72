use http::HeaderName;

use super::*;

const CONTENT: &[u8] = b"123456789";
const MD5: &str = "25f9e794323b453885f5181f1b624d0b";

fn headers(all: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, value.parse().unwrap())
    };
    all.iter().map(pair).collect()
}

fn base64(digits: &str) -> String {
    STANDARD.encode(from_hex(digits).unwrap())
}

/// Which algorithm an answer has, after it was compared with good and with bad bytes.
#[track_caller]
fn algorithm(all: &[(&str, &str)], e_tag: Option<&str>) -> Option<&'static str> {
    let expected = Expected::read(&headers(all), e_tag)?;
    let mut good = expected.start();
    for byte in CONTENT {
        good.update(&[*byte]);
    }
    good.finish().unwrap();
    let mut bad = expected.start();
    bad.update(b"123456788");
    match bad.finish() {
        Err(StoreFault::Checksum {
            algorithm,
            expected,
            got,
        }) => {
            assert_ne!(expected, got);
            assert_eq!(expected.len(), got.len());
            Some(algorithm)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_algorithm_agrees_with_its_check_value() {
    for (header, digits, name) in [
        (
            "x-amz-checksum-crc64nvme",
            "ae8b14860a799888",
            "CRC-64/NVME",
        ),
        ("x-amz-checksum-crc32c", "e3069283", "CRC-32C"),
        ("x-amz-checksum-crc32", "cbf43926", "CRC-32"),
        (
            "x-amz-checksum-sha256",
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            "SHA-256",
        ),
        ("x-ms-blob-content-md5", MD5, "MD5"),
    ] {
        assert_eq!(
            algorithm(&[(header, &base64(digits))], None),
            Some(name),
            "{header}"
        );
    }
    assert_eq!(
        algorithm(&[], Some(&format!("\"{MD5}\""))),
        Some("MD5"),
        "ETag"
    );
    assert_eq!(
        algorithm(&[], Some(&MD5.to_ascii_uppercase())),
        Some("MD5"),
        "ETag"
    );
    let google = format!("md5={},crc32c={}", base64(MD5), base64("e3069283"));
    assert_eq!(
        algorithm(&[("x-goog-hash", &google)], None),
        Some("CRC-32C")
    );
    let two = [
        ("x-goog-hash", "md5=AAAA"),
        ("x-goog-hash", &*format!(" crc32c={}", base64("e3069283"))),
    ];
    assert_eq!(algorithm(&two, None), Some("CRC-32C"));
}

#[test]
fn the_cheapest_of_several_counts() {
    let crc = base64("e3069283");
    let wrong_sha = base64(&"00".repeat(32));
    let all = [
        ("x-amz-checksum-sha256", &*wrong_sha),
        ("x-amz-checksum-crc32c", &*crc),
    ];
    assert_eq!(algorithm(&all, Some("\"anything\"")), Some("CRC-32C"));
}

#[test]
fn what_is_no_checksum_of_the_bytes_is_left_alone() {
    let crc = base64("e3069283");
    let tag = format!("\"{MD5}\"");
    let composite = [("x-amz-checksum-crc32c", &*format!("{crc}-3"))];
    let marked = [
        ("x-amz-checksum-crc32c", &*crc),
        ("x-amz-checksum-type", "COMPOSITE"),
    ];
    let too_short = [("x-amz-checksum-crc64nvme", &*crc)];
    let no_base64 = [("x-amz-checksum-crc32", "no base64!")];
    for all in [&[][..], &composite, &marked, &too_short, &no_base64] {
        assert_eq!(Expected::read(&headers(all), None), None, "{all:?}");
    }
    for e_tag in [
        "\"d41d8cd98f00b204e9800998ecf8427e-3\"",
        "\"25f9e794323b453885f5181f1b624d0z\"",
        "\"25f9e794323b453885f5181f1b624d\"",
        "\"ääääääääääääääää\"",
    ] {
        assert_eq!(Expected::read(&headers(&[]), Some(e_tag)), None, "{e_tag}");
    }
    // Whoever has no key sees another MD5.
    for hidden in [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption", "aws:kms:dsse"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ] {
        assert_eq!(
            Expected::read(&headers(&[hidden]), Some(&tag)),
            None,
            "{hidden:?}"
        );
    }
    // The store's own key hides nothing.
    let own = [("x-amz-server-side-encryption", "AES256")];
    assert_eq!(algorithm(&own, Some(&tag)), Some("MD5"));
}

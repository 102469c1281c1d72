use proptest::prelude::*;

use super::*;
use crate::error::Kind;

const OFFER: Offer<'_> = Offer {
    formats: &Format::OF_ARRAYS,
    default: "application/json",
    mismatch: Mismatch::Refuse,
};

#[track_caller]
fn check(accept: &str, content_type: &str) {
    assert_eq!(
        negotiate(Some(accept), OFFER).unwrap().content_type,
        content_type,
        "{accept}"
    );
}

#[test]
fn the_best_liked_type_wins() {
    for (accept, content_type) in [
        ("", "application/json"),
        (" , ", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/csv; charset=utf-8", "text/csv"),
        ("application/x-npy", "application/x-npy"),
        // Equal weights: the one that stands first.
        ("text/csv, application/json", "text/csv"),
        ("application/json, text/csv", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("*/*, text/csv", "application/json"),
        // Weights.
        ("text/csv;q=0.9, application/json;q=0.1", "text/csv"),
        ("text/csv;q=0.1, application/json;q=0.9", "application/json"),
        ("text/csv;q=0.5, application/x-npy", "application/x-npy"),
        ("text/csv ; Q=0.001 , application/json ; q=0", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        // An invalid weight counts as 1.
        ("application/json;q=0.5, text/csv;q=x", "text/csv"),
        ("application/json;q=0.5, text/csv;q=.2", "text/csv"),
        ("application/json;q=0.5, text/csv;q=1.5", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.1234", "text/csv"),
        ("application/json;q=0.5, text/csv;q=-1", "text/csv"),
        // The most specific range gives the weight.
        ("application/json;q=0.1, */*", "text/csv"),
        ("application/*, application/json;q=0", "application/x-npy"),
        ("*/*;q=0.5, application/*;q=0.1", "text/csv"),
        ("text/*", "text/csv"),
        ("application/*", "application/json"),
        ("*", "application/json"),
        ("application/json;q=0, *", "text/csv"),
        // Unknown types are passed over.
        (
            "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
            "application/json",
        ),
        ("image/png, text/csv;q=0.1", "text/csv"),
        // The name that the client used is the name of the answer.
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/jsonlines", "application/jsonlines"),
        (
            "application/x-recordio-protobuf",
            "application/x-recordio-protobuf",
        ),
    ] {
        check(accept, content_type);
    }
}

#[test]
fn the_default_comes_before_our_order() {
    let offer = Offer {
        default: "text/csv; charset=utf-8",
        ..OFFER
    };
    for accept in [
        None,
        Some(""),
        Some("*/*"),
        Some("*/*;q=0.5"),
        Some("image/png, */*"),
    ] {
        assert_eq!(
            negotiate(accept, offer).unwrap().format,
            Format::Csv,
            "{accept:?}"
        );
    }
    assert_eq!(
        negotiate(Some("application/*"), offer).unwrap().format,
        Format::Json
    );
}

#[test]
fn nothing_fits() {
    for accept in [
        "image/png",
        "text/csv;q=0",
        "*/*;q=0",
        "application",
        "a/b/c",
        "*/json",
        "text/csvx",
    ] {
        let err = negotiate(Some(accept), OFFER).unwrap_err();
        assert_eq!(err.kind(), Kind::NotAcceptable);
        let lenient = Offer {
            mismatch: Mismatch::UseDefault,
            ..OFFER
        };
        assert_eq!(
            negotiate(Some(accept), lenient).unwrap().format,
            Format::Json
        );
    }
    let err = negotiate(Some("image/png"), OFFER).unwrap_err();
    assert_eq!(
        err.to_string(),
        "none of `image/png` can be produced, these can: `application/json`, `text/csv`, `application/x-npy`, \
         `application/x-npz`, `application/jsonlines`, `application/x-recordio-protobuf`"
    );
    let offer = Offer {
        default: "text/html",
        ..OFFER
    };
    assert_eq!(
        negotiate(None, offer).unwrap_err().kind(),
        Kind::NotAcceptable
    );
}

#[test]
fn only_what_is_offered_is_chosen() {
    let offer = Offer {
        formats: &[Format::Npy],
        default: "application/x-npy",
        ..OFFER
    };
    assert_eq!(
        negotiate(Some("text/csv, */*;q=0.1"), offer)
            .unwrap()
            .format,
        Format::Npy
    );
    assert!(negotiate(Some("text/csv"), offer).is_err());
}

#[test]
fn long_headers_are_cut_in_messages() {
    let CodecError::NotAcceptable { accept, .. } =
        negotiate(Some(&"x/y,\u{1}".repeat(10_000)), OFFER).unwrap_err()
    else {
        panic!("nothing fits")
    };
    assert_eq!(accept.chars().count(), 121);
    assert!(!accept.contains('\u{1}'));
}

proptest! {
    #[test]
    fn no_header_panics(accept in "[a-z/*;=q01.9, é]{0,60}") {
        let lenient = Offer { mismatch: Mismatch::UseDefault, ..OFFER };
        prop_assert!(negotiate(Some(&accept), lenient).is_ok());
        if let Ok(choice) = negotiate(Some(&accept), OFFER) {
            prop_assert!(choice.format.names().contains(&choice.content_type));
        }
    }
}

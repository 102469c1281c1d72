//! Bodies of every format. Whatever they are: no panic, and what is written is read back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use optml_codec::{Decoded, Format, MediaType, format::DecodeOptions, json::NonFinite, npy};

fuzz_target!(|input: (u8, &[u8])| {
    let (which, body) = input;
    let format = Format::ALL[usize::from(which) % Format::ALL.len()];
    let content_type = MediaType::parse(format.names()[0]);
    // Errors are answers too.
    let _ = npy::preview(&body[..body.len().min(npy::MAX_HEADER_BYTES + 12)], body.len());
    let Ok(Decoded::Array(array)) = format.decode(&content_type, body, DecodeOptions::default())
    else {
        return;
    };
    let mut written = Vec::new();
    npy::encode(&array, &mut written).unwrap();
    assert_eq!(npy::decode(&written).unwrap(), array);
    for format in Format::OF_ARRAYS {
        let mut written = Vec::new();
        // An array may have a type or a shape that the format has no room for.
        let _ = format.encode(&array, NonFinite::Keep, &mut written);
    }
});

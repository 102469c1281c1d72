//! Requests as bytes: heads, and chunked bodies after them. Whatever they are: no panic, nothing claimed beyond what was given,
//! and the same answer however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use optml_serve::http::{
    BodyFraming, ChunkDecoder, ChunkStep, HeadLimits, HeadParser, Progress, RequestHead,
};

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let whole = requests(bytes, bytes.len().max(1));
    let pieces = requests(bytes, usize::from(cut).max(1));
    assert_eq!(whole, pieces);
});

/// The requests in the bytes, read in pieces of one size: the length of each head and each body; `None`: a fault.
fn requests(bytes: &[u8], piece: usize) -> Vec<Option<(usize, u64)>> {
    let mut seen = Vec::new();
    let (mut start, mut end) = (0, 0);
    let mut parser = HeadParser::new(HeadLimits::default());
    let mut head = RequestHead::default();
    loop {
        match parser.parse(&bytes[start..end], &mut head) {
            Err(_) => {
                seen.push(None);
                return seen;
            }
            Ok(Progress::Incomplete) if end == bytes.len() => return seen,
            Ok(Progress::Incomplete) => end = (end + piece).min(bytes.len()),
            Ok(Progress::Complete) => {
                let buf = &bytes[start..end];
                assert!(head.n_bytes() <= buf.len());
                assert!(head.path(buf).len() <= head.n_bytes());
                start += head.n_bytes();
                let body = match head.framing() {
                    BodyFraming::Empty => Some(0),
                    BodyFraming::Length(n_bytes) => {
                        let left = (bytes.len() - start) as u64;
                        start += usize::try_from(n_bytes.min(left)).unwrap();
                        end = end.max(start);
                        (n_bytes <= left).then_some(n_bytes)
                    }
                    BodyFraming::Chunked => chunks(bytes, &mut start, &mut end, piece),
                };
                let Some(body) = body else { return seen };
                seen.push(Some((head.n_bytes(), body)));
            }
        }
    }
}

/// The length of a chunked body. `None`: a fault, or it is not all there.
fn chunks(bytes: &[u8], start: &mut usize, end: &mut usize, piece: usize) -> Option<u64> {
    let mut decoder = ChunkDecoder::new();
    loop {
        let step = decoder.next(&bytes[*start..*end]).ok()?;
        assert!(step.consumed() <= *end - *start);
        *start += step.consumed();
        match step {
            ChunkStep::Done { .. } => return Some(decoder.body_bytes()),
            ChunkStep::Data { range } => assert!(!range.is_empty()),
            ChunkStep::NeedMore { .. } if *end == bytes.len() => return None,
            ChunkStep::NeedMore { .. } => *end = (*end + piece).min(bytes.len()),
        }
    }
}

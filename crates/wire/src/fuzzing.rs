//! What a fuzzer runs. The property tests of this crate run the same.

use crate::{
    arena::ArenaLayout,
    control::{ControlToFront, ControlToWorker},
    data::{DataToFront, DataToWorker},
    decoder::Decoder,
    limits::MAX_FRAME_BYTES,
    message::Message,
};

/// A function can't be generic over a type that borrows anew in each round.
macro_rules! decode_all {
    ($message:ident, $arena:expr, $pieces:expr) => {{
        let mut decoder = new_decoder($arena);
        for piece in $pieces {
            feed(&mut decoder, piece);
            assert!(decoder.allocated_bytes() <= MAX_FRAME_BYTES);
            while let Ok(Some(message)) = decoder.next::<$message<'_>>() {
                let mut frame = Vec::new();
                let encoded = message.encode(&mut frame);
                assert_eq!(encoded, Ok(()), "what was decoded can be said again");
                let mut again = new_decoder($arena);
                for rest in frame.chunks(ROUND_TRIP_PIECE_BYTES) {
                    assert_eq!(again.next::<$message<'_>>(), Ok(None));
                    feed(&mut again, rest);
                }
                assert_eq!(again.next(), Ok(Some(message)));
            }
        }
    }};
}

/// Takes an input apart: one byte that chooses a lane and an arena, one that is the length of the pieces, and then what
/// comes over the connection.
///
/// # Panics
/// When the decoder holds more memory than it may, or takes a message that the encoder can't say again.
pub fn decode(input: &[u8]) {
    let [choice, piece_bytes, bytes @ ..] = input else {
        return;
    };
    let arena = (choice & HAS_ARENA != 0)
        .then(|| ArenaLayout::try_new(2, 2, 8192).expect("2 and 2 slots of two pages"));
    let pieces = bytes.chunks(usize::from(*piece_bytes).max(1));
    match choice & LANES {
        0 => decode_all!(DataToWorker, arena, pieces),
        1 => decode_all!(DataToFront, arena, pieces),
        2 => decode_all!(ControlToWorker, arena, pieces),
        _ => decode_all!(ControlToFront, arena, pieces),
    }
}

fn new_decoder(arena: Option<ArenaLayout>) -> Decoder {
    let mut decoder = Decoder::new();
    if let Some(arena) = arena {
        decoder.set_arena(arena);
    }
    decoder
}

/// Gives the decoder all of `bytes`, which fit when it wants more.
fn feed(decoder: &mut Decoder, bytes: &[u8]) {
    let space = decoder.space();
    let n_bytes = space.len().min(bytes.len());
    space[..n_bytes].copy_from_slice(&bytes[..n_bytes]);
    decoder.advance(n_bytes);
}

const LANES: u8 = 0b011;
const HAS_ARENA: u8 = 0b100;
/// Not all of a usual buffer, so that large frames come in pieces.
const ROUND_TRIP_PIECE_BYTES: usize = 16 << 10;

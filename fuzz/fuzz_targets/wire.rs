//! Frames of a worker, cut anywhere.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| optml_wire::fuzzing::decode(bytes));

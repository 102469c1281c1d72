use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;

#[test]
fn parts_are_of_the_usual_size_until_there_would_be_too_many() {
    let tuning = Tuning::default();
    for (n_bytes, n_mib) in [
        (9 * MIB, 8),
        (5_100_000_000, 8),
        (10_000 * 8 * MIB, 8),
        (10_000 * 8 * MIB + 1, 9),
        // The largest object that S3 takes.
        (5 << 40, 525),
    ] {
        let part = part_bytes(n_bytes, &tuning);
        assert_eq!(part, n_mib * MIB, "{n_bytes}");
        assert!(n_bytes.div_ceil(part) <= 10_000, "{n_bytes}");
    }
}

#[test]
fn parts_fit_into_the_memory_of_uploads_up_to_hundreds_of_gigabytes() {
    let tuning = Tuning::default();
    let room = tuning.upload_bytes as u64;
    assert!(part_bytes(300_000_000_000, &tuning) <= room);
    // Beyond that one part alone takes more, because a store counts parts.
    assert!(part_bytes(400_000_000_000, &tuning) > room);
}

proptest! {
    #[test]
    fn there_are_never_more_parts_than_allowed(
        n_bytes in 1_u64..(5 << 40),
        part_mib in 1_u64..64,
        max_parts in 1_u64..20_000,
    ) {
        let tuning = Tuning { part_bytes: part_mib * MIB, max_parts, ..Tuning::default() };
        let part = part_bytes(n_bytes, &tuning);
        prop_assert!(n_bytes.div_ceil(part) <= max_parts);
        prop_assert!(part >= tuning.part_bytes && part.is_multiple_of(MIB));
    }
}

use std::{
    cell::Cell,
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use proptest::prelude::*;

use super::*;

const PAGE: u64 = 4096;
const MIB: u64 = 1 << 20;

fn arena(n_request_slots: u16, n_ranges: u16, slot_bytes: u64) -> Arena {
    Arena::create(Dimensions {
        n_request_slots,
        n_ranges,
        slot_bytes,
    })
    .unwrap()
}

fn body(slot: &RequestSlot) -> Vec<u8> {
    slot.copy(u64::MAX).unwrap()
}

/// The memory that it takes up now.
fn used_bytes(arena: &Arena) -> u64 {
    let blocks = rustix::fs::fstat(arena.descriptor().unwrap())
        .unwrap()
        .st_blocks;
    u64::try_from(blocks).unwrap() * 512
}

/// A body in the first slot of a range, as a worker leaves it there, and the slot that is given back in the end.
fn response(
    arena: &Arena,
    range: &Rc<ResponseRange>,
    offset_bytes: u32,
    bytes: &[u8],
) -> (ResponseSlot, Rc<Cell<Option<SlotIndex>>>) {
    let slot = SlotIndex::new(range.slots().0);
    let start = in_memory(arena.start_of(slot)) + offset_bytes as usize;
    arena.shared.region.copy_in(start, bytes).unwrap();
    let span = SlotSpan {
        slot,
        offset_bytes,
        n_bytes: bytes.len() as u64,
    };
    let given_back = Rc::new(Cell::new(None));
    let note = Rc::clone(&given_back);
    let slot = ResponseSlot::new(Rc::clone(range), span, move |slot| note.set(Some(slot)));
    (slot, given_back)
}

#[test]
fn slots_are_whole_pages_for_the_largest_body() {
    for (slot_bytes, expected) in [
        (0, 4096),
        (1, 4096),
        (4096, 4096),
        (4097, 8192),
        (u64::MAX, 1 << 30),
    ] {
        let layout = arena(3, 2, slot_bytes).layout();
        assert_eq!(layout.slot_bytes(), expected);
        assert_eq!((layout.request_slots(), layout.response_slots()), (3, 8));
    }
    let none = Dimensions {
        n_request_slots: 0,
        n_ranges: 0,
        slot_bytes: 1,
    };
    assert!(Arena::create(none).is_err());
}

#[test]
fn a_slot_belongs_to_one_and_the_last_one_is_used_first() {
    let arena = arena(3, 1, PAGE);
    let numbers = |slots: &[RequestSlot]| {
        slots
            .iter()
            .map(|slot| slot.index().number())
            .collect::<Vec<_>>()
    };
    let mut slots: Vec<RequestSlot> = (0..3).map(|_| arena.request_slot(1).unwrap()).collect();
    assert_eq!(numbers(&slots), [0, 1, 2]);
    assert!(arena.request_slot(1).is_none());
    drop(slots.remove(1));
    drop(slots.remove(0));
    let again: Vec<RequestSlot> = (0..2).map(|_| arena.request_slot(1).unwrap()).collect();
    assert_eq!(numbers(&again), [0, 1]);
    assert!(arena.clone().request_slot(1).is_none());
}

#[test]
fn a_body_that_is_too_long_gets_no_slot() {
    let arena = arena(1, 1, PAGE);
    assert!(arena.request_slot(PAGE + 1).is_none());
    assert!(arena.request_slot(PAGE).is_some());
    assert!(arena.request_slot(0).is_some());
}

#[test]
fn a_body_grows_until_its_slot_is_full() {
    let arena = arena(2, 1, PAGE);
    let _first = arena.request_slot(0).unwrap();
    let mut slot = arena.request_slot(0).unwrap();
    assert_eq!((slot.n_bytes(), slot.room_bytes()), (0, PAGE));
    slot.append(b"abc").unwrap();
    slot.append(&[]).unwrap();
    slot.append(&[b'd'; 4090]).unwrap();
    assert_eq!((slot.n_bytes(), slot.room_bytes()), (4093, 3));
    // What doesn't fit as a whole is not there in part.
    assert!(slot.append(b"1234").is_err());
    assert_eq!(slot.n_bytes(), 4093);
    slot.append(b"123").unwrap();
    assert_eq!(slot.room_bytes(), 0);
    let bytes = body(&slot);
    assert!(bytes.starts_with(b"abcddd") && bytes.ends_with(b"dd123"));
    assert_eq!(slot.copy(2).unwrap(), b"ab");
    let expected = SlotSpan {
        slot: SlotIndex::new(1),
        offset_bytes: 0,
        n_bytes: PAGE,
    };
    assert_eq!(slot.span(), expected);
}

#[test]
fn a_body_is_read_from_a_socket() {
    let arena = arena(1, 1, PAGE);
    let mut slot = arena.request_slot(0).unwrap();
    let (mut client, server) = UnixStream::pair().unwrap();
    server.set_nonblocking(true).unwrap();
    let nothing = slot.read_from(&server, 10).unwrap_err();
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    client.write_all(b"abcdef").unwrap();
    assert_eq!(slot.read_from(&server, 4).unwrap(), 4);
    assert_eq!(slot.read_from(&server, 100).unwrap(), 2);
    assert_eq!(body(&slot), b"abcdef");
    // Never beyond the slot, where the next one begins.
    client.write_all(&[b'x'; 5000]).unwrap();
    while slot.room_bytes() > 0 {
        slot.read_from(&server, u64::MAX).unwrap();
    }
    assert_eq!((slot.n_bytes(), body(&slot).len()), (PAGE, 4096));
    assert_eq!(slot.read_from(&server, u64::MAX).unwrap(), 0);
    drop(client);
    let mut rest = Vec::new();
    (&server).read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), 5000 - (4096 - 6));
    assert_eq!(slot.read_from(&server, 1).unwrap(), 0);
}

#[test]
fn a_body_can_be_cut_to_a_part_of_what_was_read() {
    let arena = arena(1, 1, PAGE);
    let cut = |part: Range<usize>| {
        let mut slot = arena.request_slot(0).unwrap();
        slot.append(b"headerelements").unwrap();
        slot.cut(&part);
        let room_bytes = slot.room_bytes() + u64::from(slot.span().offset_bytes) + slot.n_bytes();
        assert_eq!(room_bytes, PAGE);
        (slot.span().offset_bytes, body(&slot))
    };
    assert_eq!(cut(6..14), (6, b"elements".to_vec()));
    assert_eq!(cut(6..10), (6, b"elem".to_vec()));
    assert_eq!(cut(0..14), (0, b"headerelements".to_vec()));
    assert_eq!(cut(14..14), (14, Vec::new()));
    // What lies outside is not there.
    assert_eq!(cut(6..99), (6, b"elements".to_vec()));
    assert_eq!(cut(50..99), (14, Vec::new()));
    assert_eq!(cut(usize::MAX..usize::MAX), (14, Vec::new()));
    let mut slot = arena.request_slot(0).unwrap();
    slot.append(b"0123456789").unwrap();
    slot.cut(&(2..10));
    slot.cut(&(3..5));
    assert_eq!((slot.span().offset_bytes, body(&slot)), (5, b"56".to_vec()));
}

#[test]
fn a_free_slot_keeps_some_memory_and_gives_the_rest_back() {
    let arena = arena(1, 1, 16 * MIB);
    let piece = vec![1; in_memory(MIB)];
    let fill = |n_mib: u64| {
        let mut slot = arena.request_slot(0).unwrap();
        for _ in 0..n_mib {
            slot.append(&piece).unwrap();
        }
        slot
    };
    drop(fill(6));
    assert_eq!(used_bytes(&arena), 6 * MIB);
    let mut slot = fill(12);
    assert_eq!(used_bytes(&arena), 12 * MIB);
    // It is what was written that counts, not what is left of it.
    slot.cut(&(100..200));
    drop(slot);
    assert_eq!(used_bytes(&arena), KEPT_SLOT_BYTES);
    // Also what was added after a cut.
    let mut slot = fill(9);
    slot.cut(&(in_memory(5 * MIB)..in_memory(9 * MIB)));
    for _ in 0..6 {
        slot.append(&piece).unwrap();
    }
    drop(slot);
    assert_eq!(used_bytes(&arena), KEPT_SLOT_BYTES);
    let range = arena.response_range().unwrap();
    let (slot, _) = response(&arena, &range, 4096, &vec![1; in_memory(9 * MIB)]);
    drop(slot);
    assert_eq!(used_bytes(&arena), 2 * KEPT_SLOT_BYTES - PAGE);
}

#[test]
fn a_range_is_free_when_its_process_and_its_answers_are_gone() {
    let arena = arena(3, 2, PAGE);
    let first = arena.response_range().unwrap();
    let second = arena.response_range().unwrap();
    assert_eq!((first.slots(), second.slots()), ((3, 4), (7, 4)));
    let of_first: Vec<u16> = (0..12)
        .filter(|&n| first.contains(SlotIndex::new(n)))
        .collect();
    assert_eq!(of_first, [3, 4, 5, 6]);
    assert!(arena.response_range().is_none());
    let (answer, _) = response(&arena, &first, 0, b"x");
    drop(first);
    assert!(arena.response_range().is_none());
    drop(answer);
    assert_eq!(arena.response_range().unwrap().slots(), (3, 4));
}

#[test]
fn an_answer_is_written_with_what_stands_before_it() {
    let arena = arena(1, 1, PAGE);
    let range = arena.response_range().unwrap();
    let (answer, given_back) = response(&arena, &range, 100, b"elements");
    assert_eq!(
        (answer.n_bytes(), answer.copy().unwrap()),
        (8, b"elements".to_vec())
    );
    let (mut client, server) = UnixStream::pair().unwrap();
    for (before, from, expected) in [
        (&b"head"[..], 0, &b"headelements"[..]),
        (b"", 3, b"ments"),
        (b"d", 8, b"d"),
        (b"d", 99, b"d"),
        (b"d", u64::MAX, b"d"),
    ] {
        assert_eq!(
            answer.write_to(&server, before, from).unwrap(),
            expected.len()
        );
        let mut got = vec![0; expected.len()];
        client.read_exact(&mut got).unwrap();
        assert_eq!(got, expected);
    }
    assert_eq!(given_back.get(), None);
    drop(answer);
    assert_eq!(given_back.get(), Some(SlotIndex::new(1)));
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u8>),
    Read(Vec<u8>),
    Cut(Range<usize>),
}

fn any_step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..1500);
    prop_oneof![
        3 => bytes().prop_map(Step::Append),
        2 => bytes().prop_map(Step::Read),
        1 => (0..2000_usize, 0..2000_usize).prop_map(|(start, end)| Step::Cut(start..end)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The other slots must stay as they are, whatever happens to this one.
    #[test]
    fn a_body_is_what_was_put_into_it(steps in prop::collection::vec(any_step(), 0..12)) {
        let arena = arena(3, 1, PAGE);
        let mut slots: Vec<RequestSlot> = (0..3).map(|_| arena.request_slot(0).unwrap()).collect();
        let others = vec![b'n'; in_memory(PAGE)];
        slots[0].append(&others).unwrap();
        slots[2].append(&others).unwrap();
        let mut expected = Vec::new();
        for step in steps {
            let room = in_memory(slots[1].room_bytes());
            match step {
                Step::Append(bytes) => {
                    let fits = bytes.len() <= room;
                    prop_assert_eq!(slots[1].append(&bytes).is_ok(), fits);
                    if fits {
                        expected.extend(bytes);
                    }
                }
                Step::Read(bytes) => {
                    let (mut client, server) = UnixStream::pair().unwrap();
                    client.write_all(&bytes).unwrap();
                    drop(client);
                    let n = slots[1].read_from(&server, u64::MAX).unwrap();
                    prop_assert_eq!(n, bytes.len().min(room));
                    expected.extend(&bytes[..n]);
                }
                Step::Cut(part) => {
                    slots[1].cut(&part);
                    let start = part.start.min(expected.len());
                    let end = part.end.clamp(start, expected.len());
                    expected = expected[start..end].to_vec();
                }
            }
            prop_assert_eq!(body(&slots[1]), expected.clone());
        }
        prop_assert_eq!(body(&slots[0]), others.clone());
        prop_assert_eq!(body(&slots[2]), others);
    }
}

use super::*;

#[test]
fn what_was_lent_comes_back_with_its_memory() {
    let spare = Spare::new(MAX_SPARE);
    let mut buffer = spare.of_length(1000);
    buffer.fill(7);
    let place = buffer.as_ptr();
    let sent = spare.lend(buffer);
    let copy = sent.slice(10..20);
    drop(sent);
    let other = spare.empty();
    assert_ne!(other.as_ptr(), place, "it is still in use");
    assert_eq!(&copy[..], [7; 10]);
    drop(copy);
    let again = spare.of_length(500);
    assert_eq!((again.as_ptr(), again.len()), (place, 500));
    assert_eq!(spare.empty().len(), 0);
}

#[test]
fn only_a_few_are_kept() {
    let spare = Spare::new(MAX_SPARE);
    for _ in 0..2 * MAX_SPARE {
        spare.give(vec![0; 10]);
    }
    let kept = (0..2 * MAX_SPARE).filter(|_| spare.empty().capacity() > 0);
    assert_eq!(kept.count(), MAX_SPARE);
}

const MAX_SPARE: usize = 3;

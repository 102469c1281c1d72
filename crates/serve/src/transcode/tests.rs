use super::*;

#[test]
fn text_stays_as_it_came() {
    assert!(!is_decoded_here(Format::Text));
}

use super::*;

#[test]
fn what_nobody_can_run_waits_up_to_the_capacity() {
    let mut admission = Admission::new(1);
    assert!(admission.admit('a').is_ok());
    assert_eq!(admission.admit('b'), Err(Full { call: 'b' }));
    assert_eq!(admission.n_waiting(), 1);
}

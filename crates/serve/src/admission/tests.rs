mod random;

use super::*;

const ONE: Ability = Ability {
    concurrency: 1,
    look_ahead: LookAhead::Possible,
};
const QUICK: Duration = Duration::from_micros(999);
const SLOW: Duration = FAST;

/// Everything that is to be sent now, as `seat:call`, with `+` for what is sent ahead.
fn dispatch(admission: &mut Admission<u64>) -> Vec<String> {
    std::iter::from_fn(|| admission.next())
        .map(|assignment| {
            let ahead = match assignment.start {
                Start::Now => "",
                Start::Announced => "+",
            };
            format!("{}:{}{ahead}", assignment.seat.0, assignment.call)
        })
        .collect()
}

/// Calls with the numbers of their tickets.
fn admit(admission: &mut Admission<u64>, n_calls: u64) -> Vec<Ticket> {
    let n_before = admission.n_admitted;
    (1..=n_calls)
        .map(|n| admission.admit(n_before + n).unwrap())
        .collect()
}

/// Runs so many calls on the first seat, one after the other.
fn run(admission: &mut Admission<u64>, n_calls: u64, took: Duration) {
    for _ in 0..n_calls {
        let ticket = admit(admission, 1)[0];
        assert_eq!(dispatch(admission).len(), 1);
        admission.done(SeatId(0), ticket, took);
    }
}

#[test]
fn what_nobody_can_run_waits_up_to_the_capacity() {
    let mut admission = Admission::new(2);
    admit(&mut admission, 2);
    assert_eq!(admission.admit(3), Err(Full { call: 3 }));
    assert_eq!((admission.n_waiting(), admission.n_sent()), (2, 0));
    assert_eq!(admission.next(), None);
}

#[test]
fn what_a_free_seat_can_run_never_counts_as_waiting() {
    let mut admission = Admission::new(0);
    assert!(admission.admit(1).is_err());
    let seat = admission.open(ONE);
    let first = admit(&mut admission, 1)[0];
    assert_eq!(dispatch(&mut admission), ["0:1"]);
    assert_eq!(admission.admit(2), Err(Full { call: 2 }));
    admission.done(seat, first, SLOW);
    admit(&mut admission, 1);
    assert_eq!(dispatch(&mut admission), ["0:2"]);
}

#[test]
fn the_oldest_call_goes_first() {
    let mut admission = Admission::new(5);
    admit(&mut admission, 3);
    admission.open(Ability {
        concurrency: 2,
        ..ONE
    });
    assert_eq!(dispatch(&mut admission), ["0:1", "0:2"]);
    assert_eq!((admission.n_waiting(), admission.n_sent()), (1, 2));
}

#[test]
fn the_seat_with_the_fewest_calls_is_next_and_of_equals_the_longest_idle() {
    let mut admission = Admission::new(9);
    for _ in 0..3 {
        admission.open(Ability {
            concurrency: 2,
            ..ONE
        });
    }
    let calls = admit(&mut admission, 6);
    assert_eq!(
        dispatch(&mut admission),
        ["0:1", "1:2", "2:3", "0:4", "1:5", "2:6"]
    );
    // Idle in the order 1, 0; the third still has one.
    for (seat, call) in [(1, 1), (1, 4), (0, 0), (2, 2), (0, 3)] {
        admission.done(SeatId(seat), calls[call], SLOW);
    }
    admit(&mut admission, 5);
    assert_eq!(
        dispatch(&mut admission),
        ["1:7", "0:8", "2:9", "1:10", "0:11"]
    );
}

#[test]
fn look_ahead_comes_after_eight_fast_calls_in_a_row() {
    let mut admission = Admission::new(100);
    admission.open(ONE);
    for (n_calls, took) in [(7, QUICK), (1, SLOW), (7, QUICK)] {
        run(&mut admission, n_calls, took);
    }
    admit(&mut admission, 2);
    assert_eq!(dispatch(&mut admission), ["0:16"]);
    admission.done(SeatId(0), Ticket(16), QUICK);
    // The one that has waited goes, and then 15 more may be on their way.
    admit(&mut admission, 20);
    let sent = dispatch(&mut admission);
    assert_eq!(sent.len(), 16);
    assert_eq!(sent[..3], ["0:17", "0:18+", "0:19+"]);
}

#[test]
fn look_ahead_ends_at_the_first_slow_call() {
    let mut admission = Admission::new(100);
    admission.open(ONE);
    run(&mut admission, 8, QUICK);
    admit(&mut admission, 3);
    assert_eq!(dispatch(&mut admission), ["0:9", "0:10+", "0:11+"]);
    admission.done(SeatId(0), Ticket(9), SLOW);
    admit(&mut admission, 1);
    assert_eq!(dispatch(&mut admission), [""; 0]);
    // Only when nothing is left of those that were sent ahead is there room again.
    admission.begun(SeatId(0), Ticket(10));
    admission.done(SeatId(0), Ticket(10), QUICK);
    assert_eq!(dispatch(&mut admission), [""; 0]);
    admission.begun(SeatId(0), Ticket(11));
    admission.done(SeatId(0), Ticket(11), QUICK);
    assert_eq!(dispatch(&mut admission), ["0:12"]);
}

#[test]
fn a_seat_that_does_not_say_what_it_begins_is_sent_nothing_ahead() {
    let mut admission = Admission::new(100);
    admission.open(Ability {
        look_ahead: LookAhead::Impossible,
        ..ONE
    });
    run(&mut admission, 20, QUICK);
    admit(&mut admission, 2);
    assert_eq!(dispatch(&mut admission), ["0:21"]);
}

#[test]
fn nothing_is_sent_ahead_while_another_seat_has_room() {
    let mut admission = Admission::new(100);
    admission.open(ONE);
    run(&mut admission, 8, QUICK);
    admission.open(ONE);
    admit(&mut admission, 4);
    assert_eq!(dispatch(&mut admission), ["0:9", "1:10", "0:11+", "0:12+"]);
}

#[test]
fn a_closed_seat_takes_nothing_and_finishes_what_it_has() {
    let mut admission = Admission::new(9);
    let seat = admission.open(ONE);
    let call = admit(&mut admission, 1)[0];
    dispatch(&mut admission);
    admission.close(seat);
    assert_eq!((admission.n_open(), admission.n_sent()), (0, 1));
    assert_eq!(admission.seat_running(call), Some(seat));
    admission.done(seat, call, SLOW);
    admit(&mut admission, 1);
    assert_eq!((dispatch(&mut admission).len(), admission.n_sent()), (0, 0));
    // It is still somebody's: a new one has another place.
    assert_eq!(admission.open(ONE), SeatId(1));
}

#[test]
fn a_new_seat_has_the_place_of_a_lost_one_and_nothing_else_of_it() {
    let mut admission = Admission::new(9);
    let lost = admission.open(ONE);
    admission.open(ONE);
    for _ in 0..9 {
        let ticket = admit(&mut admission, 1)[0];
        let assignment = admission.next().unwrap();
        admission.done(assignment.seat, ticket, QUICK);
    }
    admission.lose(lost);
    assert_eq!(admission.n_open(), 1);
    assert_eq!(admission.open(ONE), lost);
    assert_eq!(admission.seats[lost.0].pace.ahead(), 0);
}

#[test]
fn what_a_lost_seat_had_not_begun_is_first_again_in_its_order() {
    let mut admission = Admission::new(1);
    let seat = admission.open(ONE);
    run(&mut admission, 8, QUICK);
    let calls: Vec<Ticket> = (0..4)
        .map(|_| {
            let ticket = admit(&mut admission, 1)[0];
            dispatch(&mut admission);
            ticket
        })
        .collect();
    admission.close(seat);
    admit(&mut admission, 1);
    admission.lose(seat);
    assert_eq!(admission.n_sent(), 0);
    // Whoever held them may have moved them around.
    admission.put_back(vec![(calls[3], 12), (calls[1], 10), (calls[2], 11)]);
    assert_eq!(admission.n_waiting(), 4);
    assert_eq!(admission.admit(14), Err(Full { call: 14 }));
    admission.open(Ability {
        concurrency: 9,
        ..ONE
    });
    assert_eq!(dispatch(&mut admission), ["0:10", "0:11", "0:12", "0:13"]);
}

#[test]
fn calls_of_two_lost_seats_keep_their_order() {
    let mut admission = Admission::new(9);
    let calls = admit(&mut admission, 5);
    let waiting = std::mem::take(&mut admission.queue);
    let (odd, even) = waiting
        .into_iter()
        .partition(|(ticket, _)| ticket.0 % 2 == 1);
    admission.put_back(odd);
    admission.put_back(even);
    let order: Vec<Ticket> = admission.queue.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(order, calls);
}

#[test]
fn a_withdrawn_call_is_found_where_it_is() {
    let mut admission = Admission::new(9);
    let seat = admission.open(ONE);
    run(&mut admission, 8, QUICK);
    let calls = admit(&mut admission, 2);
    dispatch(&mut admission);
    admission.close(seat);
    let waiting = admit(&mut admission, 1)[0];
    assert_eq!(admission.withdraw(waiting), Withdrawn::Waiting(11));
    assert_eq!(admission.withdraw(waiting), Withdrawn::Nowhere);
    assert_eq!(
        admission.withdraw(calls[0]),
        Withdrawn::Sent { seat, begun: true }
    );
    assert_eq!(
        admission.withdraw(calls[1]),
        Withdrawn::Sent { seat, begun: false }
    );
    assert_eq!(admission.seat_running(calls[1]), None);
    admission.begun(seat, calls[1]);
    assert_eq!(admission.seat_running(calls[1]), Some(seat));
    // Until its end it has a place on its seat.
    assert_eq!(admission.n_sent(), 2);
    admission.done(seat, calls[0], SLOW);
    assert_eq!(admission.withdraw(calls[0]), Withdrawn::Nowhere);
    assert_eq!(admission.n_sent(), 1);
}

#[test]
fn the_queue_can_be_emptied() {
    let mut admission = Admission::new(9);
    admit(&mut admission, 3);
    assert_eq!(admission.take_waiting(), [1, 2, 3]);
    assert_eq!(admission.n_waiting(), 0);
}

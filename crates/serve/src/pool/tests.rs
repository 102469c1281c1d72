use std::{cell::OnceCell, pin::pin};

use optml_contract::serving::PingCompat;
use optml_wire::PairBuf;
use tokio::task::{LocalSet, spawn_local, yield_now};

use super::*;
use crate::{
    admission::{LookAhead, Start},
    call::{AnswerBody, CallBody, CallHead, MemoryCause},
    health::Phase,
};

const S: Duration = Duration::from_secs(1);
const FAST: Duration = Duration::from_micros(10);
const ONE: Ability = Ability {
    concurrency: 1,
    look_ahead: LookAhead::Possible,
};

fn call(limit: Duration) -> Call {
    Call {
        head: CallHead {
            method: b"POST".to_vec(),
            path: b"/invocations".to_vec(),
            query: Vec::new(),
            version: (1, 1),
            peer: "127.0.0.1".into(),
            peer_port: 1,
            content_type: Vec::new(),
            accept: Vec::new(),
            fields: PairBuf::new(),
        },
        body: CallBody::Heap(Vec::new()),
        array: None,
        deadline: Instant::now() + limit,
        deadline_ns: None,
    }
}

fn answer(status: u16) -> Answer {
    Answer {
        status,
        fields: PairBuf::new(),
        array: None,
        body: AnswerBody::Heap(Vec::new()),
        took: FAST,
    }
}

/// A pool and the seats that a test opens.
struct Fixture {
    pool: Rc<Pool>,
    health: Rc<Health>,
}

impl Fixture {
    fn new(queue: usize, queue_limit: Option<Duration>) -> Self {
        let health = Health::new(PingCompat::Strict);
        let pool = Pool::new(queue, queue_limit, Rc::clone(&health));
        Self { pool, health }
    }

    fn seat(&self) -> Seat {
        let mailbox = Rc::new(Mailbox::default());
        let id = self.pool.open(ONE, Rc::clone(&mailbox));
        Seat {
            pool: Rc::clone(&self.pool),
            mailbox,
            id,
        }
    }

    /// A seat that is believed to be fast, so that more is sent to it than it runs.
    fn fast_seat(&self) -> Seat {
        let seat = self.seat();
        for _ in 0..8 {
            let handle = self.submit(S);
            seat.take(1).remove(0).answer(200);
            drop(handle);
        }
        seat.mailbox.take_withdrawn();
        seat
    }

    fn submit(&self, limit: Duration) -> CallHandle {
        self.pool.submit(call(limit)).unwrap()
    }

    fn counts(&self) -> (usize, usize, usize) {
        (
            self.pool.n_waiting(),
            self.pool.n_sent(),
            self.pool.n_open(),
        )
    }
}

struct Seat {
    pool: Rc<Pool>,
    mailbox: Rc<Mailbox>,
    id: SeatId,
}

impl Seat {
    /// The calls that have come, which must be so many.
    #[track_caller]
    fn take(&self, n_calls: usize) -> Vec<Taken<'_>> {
        let calls = self.mailbox.take_calls();
        assert_eq!(calls.len(), n_calls);
        calls
            .into_iter()
            .map(|assignment| {
                assert_eq!(assignment.seat, self.id);
                Taken {
                    seat: self,
                    assignment,
                }
            })
            .collect()
    }

    fn withdrawn(&self) -> Vec<(Ticket, Withdrawal)> {
        self.mailbox.take_withdrawn()
    }
}

/// A call on a seat.
struct Taken<'s> {
    seat: &'s Seat,
    assignment: Assignment<Box<Pending>>,
}

impl Taken<'_> {
    fn ticket(&self) -> Ticket {
        self.assignment.ticket
    }

    fn answer(self, status: u16) {
        let ticket = self.ticket();
        let reply = self.assignment.call.reply.unwrap();
        // An error: nobody waits for it.
        let _ = reply.send(Ok(answer(status)));
        self.seat.pool.done(self.seat.id, ticket, FAST);
        self.seat.pool.dispatch();
    }

    fn pending(self) -> (Ticket, Box<Pending>) {
        (self.ticket(), self.assignment.call)
    }
}

#[track_caller]
fn check_timeout(answer: &Result<Answer, Refusal>, expected: Duration) {
    let Err(Refusal::QueueTimeout { waited }) = *answer else {
        panic!("{answer:?}");
    };
    // Timers have ticks of a millisecond.
    assert!(
        (expected..expected + Duration::from_millis(3)).contains(&waited),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_back_to_its_call() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let mut handles: Vec<CallHandle> = (0..3).map(|_| fixture.submit(S)).collect();
    assert_eq!(fixture.counts(), (2, 1, 1));
    for (status, handle) in (201..).zip(&mut handles) {
        seat.take(1).remove(0).answer(status);
        assert_eq!(handle.answer().await.unwrap().status, status);
    }
    assert_eq!(fixture.counts(), (0, 0, 1));
    drop(handles);
    assert_eq!(seat.withdrawn(), []);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_ends_in_the_queue_is_gone() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let _running = fixture.submit(60 * S);
    let mut waiting = fixture.submit(2 * S);
    check_timeout(&waiting.answer().await, 2 * S);
    assert_eq!(fixture.counts(), (0, 1, 1));
    drop(waiting);
    assert_eq!(seat.withdrawn(), []);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_ends_while_it_runs_is_taken_from_its_seat() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let mut handle = fixture.submit(2 * S);
    let taken = seat.take(1).remove(0);
    let ticket = taken.ticket();
    assert_eq!(handle.answer().await.err(), Some(Refusal::Deadline));
    assert_eq!(seat.withdrawn(), [(ticket, Withdrawal::Deadline)]);
    drop(handle);
    assert_eq!(seat.withdrawn(), []);
    // Its seat has it until it says that it has not.
    assert_eq!(fixture.counts(), (0, 1, 1));
    taken.answer(200);
    assert_eq!(fixture.counts(), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_ahead_and_never_began_has_waited() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.fast_seat();
    let _running = fixture.submit(60 * S);
    let mut ahead = fixture.submit(2 * S);
    let taken = seat.take(2);
    assert_eq!(taken[1].assignment.start, Start::Announced);
    check_timeout(&ahead.answer().await, 2 * S);
    assert_eq!(
        seat.withdrawn(),
        [(taken[1].ticket(), Withdrawal::Deadline)]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_began_meanwhile_has_run() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.fast_seat();
    let running = fixture.submit(60 * S);
    let mut ahead = fixture.submit(2 * S);
    let mut taken = seat.take(2);
    let second = taken.remove(1);
    taken.remove(0).answer(200);
    drop(running);
    fixture.pool.begun(seat.id, second.ticket());
    assert_eq!(ahead.answer().await.err(), Some(Refusal::Deadline));
}

#[tokio::test(start_paused = true)]
async fn the_queue_has_a_limit_of_its_own() {
    let fixture = Fixture::new(9, Some(2 * S));
    let seat = fixture.seat();
    let mut running = fixture.submit(10 * S);
    let mut waiting = fixture.submit(10 * S);
    let mut hurried = fixture.submit(S);
    check_timeout(&hurried.answer().await, S);
    check_timeout(&waiting.answer().await, 2 * S);
    // It ran in time, and goes on to its own end.
    let began = Instant::now();
    assert_eq!(running.answer().await.err(), Some(Refusal::Deadline));
    assert!(began.elapsed() > 7 * S);
    assert_eq!(seat.withdrawn().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_can_wait_again() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let mut handle = fixture.submit(10 * S);
    for _ in 0..3 {
        assert!(
            timeout_at(Instant::now() + S, handle.answer())
                .await
                .is_err()
        );
    }
    seat.take(1).remove(0).answer(204);
    assert_eq!(handle.answer().await.unwrap().status, 204);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_takes_the_call_along() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let running = fixture.submit(S);
    let waiting = fixture.submit(S);
    let last = fixture.submit(S);
    drop(waiting);
    assert_eq!(fixture.counts(), (1, 1, 1));
    drop(running);
    let taken = seat.take(1).remove(0);
    assert_eq!(seat.withdrawn(), [(taken.ticket(), Withdrawal::ClientGone)]);
    // The next one begins when this one has ended, not before.
    assert_eq!(fixture.counts(), (1, 1, 1));
    taken.answer(200);
    assert_eq!(fixture.counts(), (0, 1, 1));
    drop(last);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_says_so() {
    let fixture = Fixture::new(2, None);
    let _seat = fixture.seat();
    let _handles: Vec<CallHandle> = (0..3).map(|_| fixture.submit(S)).collect();
    let refusal = fixture.pool.submit(call(S)).err();
    assert_eq!(refusal, Some(Refusal::QueueFull { waiting: 2 }));
    assert_eq!(fixture.counts(), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_seats_calls_wait_only_for_one_that_comes_back() {
    let fixture = Fixture::new(9, None);
    let refusal = |fixture: &Fixture| fixture.pool.submit(call(S)).err();
    assert_eq!(
        refusal(&fixture),
        Some(Refusal::NotReady { state: "starting" })
    );
    fixture.health.set_phase(Phase::Recovering, "");
    let mut handle = fixture.submit(S);
    assert_eq!(fixture.counts(), (1, 0, 0));
    let seat = fixture.seat();
    seat.take(1).remove(0).answer(200);
    assert!(handle.answer().await.is_ok());
    fixture.pool.close(seat.id);
    fixture.health.start_draining();
    assert_eq!(refusal(&fixture), Some(Refusal::Draining));
}

#[tokio::test(start_paused = true)]
async fn a_lost_seats_calls_go_to_another_one_in_their_order() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.fast_seat();
    let mut handles: Vec<CallHandle> = (0..4).map(|_| fixture.submit(10 * S)).collect();
    let mut taken = seat.take(4);
    fixture.pool.close(seat.id);
    fixture.health.set_phase(Phase::Recovering, "");
    handles.push(fixture.submit(10 * S));
    let tickets: Vec<Ticket> = taken.iter().map(Taken::ticket).collect();
    let deadline = taken[1].assignment.call.call.deadline;
    let begun = taken.remove(0);
    // Whoever ran them may have moved them around.
    taken.reverse();
    let not_begun = taken.into_iter().map(Taken::pending).collect();
    fixture.pool.lose(seat.id, not_begun);
    let (_, mut pending) = begun.pending();
    let died = Refusal::Died {
        how: "exited".into(),
        memory: MemoryCause::Other,
    };
    pending
        .reply
        .take()
        .unwrap()
        .send(Err(died.clone()))
        .unwrap();
    assert_eq!(handles[0].answer().await.err(), Some(died));
    assert_eq!(fixture.counts(), (4, 0, 0));

    let next = fixture.seat();
    for (place, handle) in handles.iter_mut().enumerate().skip(1) {
        let taken = next.take(1).remove(0);
        if let Some(ticket) = tickets.get(place) {
            assert_eq!(taken.ticket(), *ticket);
        }
        if place == 1 {
            assert_eq!(taken.assignment.call.call.deadline, deadline);
        }
        taken.answer(200);
        assert!(handle.answer().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_went_down_with_its_seat_is_not_waited_for() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let mut handle = fixture.submit(10 * S);
    let mut running = fixture.submit(10 * S);
    drop(seat.take(1));
    assert_eq!(handle.answer().await.err(), Some(Refusal::Cancelled));
    fixture.pool.lose(seat.id, Vec::new());
    // With nobody left to run it, it has waited in vain.
    check_timeout(&running.answer().await, 10 * S);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_will_ever_run_them_all_that_wait_are_told() {
    let fixture = Fixture::new(9, None);
    fixture.health.set_phase(Phase::Recovering, "");
    let mut handles: Vec<CallHandle> = (0..2).map(|_| fixture.submit(S)).collect();
    let failed = Refusal::NotReady { state: "failed" };
    fixture.pool.give_up(&failed);
    for handle in &mut handles {
        assert_eq!(handle.answer().await.err(), Some(failed.clone()));
    }
    assert_eq!(fixture.counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn idle_is_when_the_last_call_has_ended() {
    let fixture = Fixture::new(9, None);
    fixture.pool.idle().await;
    let seat = fixture.seat();
    let handles: Vec<CallHandle> = (0..3).map(|_| fixture.submit(60 * S)).collect();
    fixture.pool.start_draining();
    let is_idle: Rc<OnceCell<()>> = Rc::default();
    let (pool, told) = (Rc::clone(&fixture.pool), Rc::clone(&is_idle));
    let drain = async {
        let waiter = spawn_local(async move {
            pool.idle().await;
            told.set(()).unwrap();
        });
        let mut handles = handles.into_iter();
        let step = async |what: &str| {
            for _ in 0..3 {
                yield_now().await;
            }
            assert!(is_idle.get().is_none(), "{what}");
        };
        step("one runs and two wait").await;
        let first = handles.next();
        drop(handles.next());
        step("one runs and one waits").await;
        seat.take(1).remove(0).answer(200);
        drop(first);
        step("one runs").await;
        let not_begun = seat.take(1).into_iter().map(Taken::pending).collect();
        fixture.pool.lose(seat.id, not_begun);
        step("one waits").await;
        drop(handles.next());
        waiter.await.unwrap();
    };
    LocalSet::new().run_until(drain).await;
    assert_eq!(fixture.counts(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn ping_follows_the_seats() {
    let fixture = Fixture::new(9, None);
    let status = || fixture.health.ping_status();
    assert_eq!(status(), 503);
    let (first, second) = (fixture.seat(), fixture.seat());
    assert_eq!(status(), 200);
    fixture.pool.close(first.id);
    assert_eq!(status(), 200);
    fixture.pool.lose(second.id, Vec::new());
    assert_eq!(status(), 503);
    fixture.pool.lose(first.id, Vec::new());
    assert_eq!(fixture.seat().id, first.id);
    assert_eq!(status(), 200);
}

#[tokio::test(start_paused = true)]
async fn only_a_call_that_runs_and_can_not_be_cancelled_outlives_its_client() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.fast_seat();
    let running = fixture.submit(S);
    let ahead = fixture.submit(S);
    fixture.pool.close(seat.id);
    fixture.health.set_phase(Phase::Recovering, "");
    let waiting = fixture.submit(S);
    let outlive = || [&running, &ahead, &waiting].map(CallHandle::outlives_client);
    assert_eq!(outlive(), [true, false, false]);
    seat.mailbox.can_cancel.set(true);
    assert_eq!(outlive(), [false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_wakes_its_owner_once_for_all_that_has_come() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let is_changed = || async {
        let changed = pin!(seat.mailbox.changed());
        tokio::select! {
            biased;
            () = changed => true,
            () = yield_now() => false,
        }
    };
    assert!(!is_changed().await);
    let handle = fixture.submit(S);
    drop(handle);
    assert!(is_changed().await);
    assert!(!is_changed().await);
    assert_eq!(
        (seat.mailbox.take_calls().len(), seat.withdrawn().len()),
        (1, 1)
    );
    assert!(!seat.mailbox.is_retired());
    seat.mailbox.retire();
    assert!(is_changed().await && seat.mailbox.is_retired());
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_waits_is_woken() {
    let fixture = Fixture::new(9, None);
    let seat = fixture.seat();
    let wait = async {
        let mailbox = Rc::clone(&seat.mailbox);
        let owner = spawn_local(async move {
            mailbox.changed().await;
            mailbox.take_calls().len()
        });
        yield_now().await;
        let _handle = fixture.submit(S);
        owner.await.unwrap()
    };
    assert_eq!(LocalSet::new().run_until(wait).await, 1);
}

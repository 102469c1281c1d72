//! Random lives of seats and calls, beside a model that does everything the slow way.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;

/// What happens next; numbers are places among those that there are.
#[derive(Debug, Clone)]
enum Step {
    Admit,
    Open {
        concurrency: usize,
        look_ahead: bool,
    },
    Close(usize),
    Lose(usize),
    /// A seat ends the call that it runs for the longest time, and begins the next.
    Work {
        seat: usize,
        fast: bool,
    },
    Withdraw(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Admit),
        2 => (1..4_usize, any::<bool>()).prop_map(|(concurrency, look_ahead)| Step::Open {
            concurrency,
            look_ahead,
        }),
        1 => (0..6_usize).prop_map(Step::Close),
        1 => (0..6_usize).prop_map(Step::Lose),
        10 => (0..6_usize, prop::bool::weighted(0.95)).prop_map(|(seat, fast)| Step::Work { seat, fast }),
        1 => (0..40_usize).prop_map(Step::Withdraw),
    ]
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Queue,
    Seat { id: usize, begun: bool },
    Ended,
}

#[derive(Debug)]
struct Worker {
    ability: Ability,
    is_open: bool,
    n_fast: u32,
    idle_since: u64,
}

/// The calls in the order of their admission, and the seats by their place.
#[derive(Debug, Default)]
struct Model {
    calls: BTreeMap<Ticket, Place>,
    seats: Vec<Option<Worker>>,
    n_moments: u64,
}

impl Model {
    fn on_seat(&self, id: usize) -> Vec<(Ticket, bool)> {
        let calls = self.calls.iter();
        calls
            .filter_map(|(ticket, place)| match *place {
                Place::Seat { id: at, begun } if at == id => Some((*ticket, begun)),
                _ => None,
            })
            .collect()
    }

    fn waiting(&self) -> Vec<Ticket> {
        let calls = self.calls.iter();
        calls
            .filter(|(_, place)| **place == Place::Queue)
            .map(|(ticket, _)| *ticket)
            .collect()
    }

    /// The seat for the next call.
    fn choice(&self) -> Option<(usize, Start)> {
        let choose = |start: Start| {
            let mut best: Option<((usize, u64), usize)> = None;
            for (id, worker) in self.seats.iter().enumerate() {
                let Some(worker) = worker.as_ref().filter(|worker| worker.is_open) else {
                    continue;
                };
                let n_sent = self.on_seat(id).len();
                let concurrency = worker.ability.concurrency;
                let is_trusted =
                    worker.ability.look_ahead == LookAhead::Possible && worker.n_fast >= 8;
                let has_room = match start {
                    Start::Now => n_sent < concurrency,
                    Start::Announced => is_trusted && n_sent < concurrency + 15,
                };
                let rank = (n_sent, worker.idle_since);
                if has_room && best.is_none_or(|(least, _)| rank < least) {
                    best = Some((rank, id));
                }
            }
            best.map(|(_, id)| (id, start))
        };
        choose(Start::Now).or_else(|| choose(Start::Announced))
    }

    fn moment(&mut self) -> u64 {
        self.n_moments += 1;
        self.n_moments
    }

    /// A seat that exists, from a number.
    fn seat(&self, number: usize) -> Option<usize> {
        let places = self.seats.iter().enumerate();
        let taken: Vec<usize> = places
            .filter(|(_, worker)| worker.is_some())
            .map(|(id, _)| id)
            .collect();
        taken.get(number % taken.len().max(1)).copied()
    }
}

struct Run {
    admission: Admission<Ticket>,
    model: Model,
}

impl Run {
    fn new(capacity: usize) -> Self {
        Self {
            admission: Admission::new(capacity),
            model: Model::default(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Admit => self.admit(),
            Step::Open {
                concurrency,
                look_ahead,
            } => self.open(concurrency, look_ahead),
            Step::Close(number) => {
                if let Some(id) = self.model.seat(number) {
                    self.admission.close(SeatId(id));
                    let worker = self.model.seats[id].as_mut();
                    worker.unwrap().is_open = false;
                }
            }
            Step::Lose(number) => self.lose(number),
            Step::Work { seat, fast } => self.work(seat, fast),
            Step::Withdraw(number) => self.withdraw(number),
        }
        self.dispatch();
        self.check();
    }

    fn admit(&mut self) {
        let n_waiting = self.model.waiting().len();
        let is_full = n_waiting >= self.admission.capacity && self.model.choice().is_none();
        let expected = Ticket(self.admission.n_admitted + 1);
        match self.admission.admit(expected) {
            Ok(ticket) => {
                assert!(!is_full, "admitted beyond the capacity");
                assert_eq!(ticket, expected);
                self.model.calls.insert(ticket, Place::Queue);
            }
            Err(Full { call }) => {
                assert!(is_full, "refused while there was room");
                assert_eq!(call, expected);
            }
        }
    }

    fn open(&mut self, concurrency: usize, look_ahead: bool) {
        let look_ahead = if look_ahead {
            LookAhead::Possible
        } else {
            LookAhead::Impossible
        };
        let ability = Ability {
            concurrency,
            look_ahead,
        };
        let SeatId(id) = self.admission.open(ability);
        let worker = Worker {
            ability,
            is_open: true,
            n_fast: 0,
            idle_since: self.model.moment(),
        };
        let free = self.model.seats.iter().position(Option::is_none);
        assert_eq!(id, free.unwrap_or(self.model.seats.len()));
        if id == self.model.seats.len() {
            self.model.seats.push(None);
        }
        self.model.seats[id] = Some(worker);
    }

    /// Calls that had begun end with their seat; the others come back, in an order that nobody promises.
    fn lose(&mut self, number: usize) {
        let Some(id) = self.model.seat(number) else {
            return;
        };
        let mut not_begun = Vec::new();
        for (ticket, begun) in self.model.on_seat(id).into_iter().rev() {
            let place = if begun { Place::Ended } else { Place::Queue };
            self.model.calls.insert(ticket, place);
            if !begun {
                not_begun.push((ticket, ticket));
            }
        }
        self.admission.lose(SeatId(id));
        self.admission.put_back(not_begun);
        self.model.seats[id] = None;
    }

    fn work(&mut self, number: usize, fast: bool) {
        let Some(id) = self.model.seat(number) else {
            return;
        };
        let first = self.model.on_seat(id).into_iter().find(|(_, begun)| *begun);
        if let Some((ticket, _)) = first {
            let took = Duration::from_micros(if fast { 100 } else { 5000 });
            self.admission.done(SeatId(id), ticket, took);
            self.model.calls.insert(ticket, Place::Ended);
            let is_idle = self.model.on_seat(id).is_empty();
            let moment = if is_idle {
                Some(self.model.moment())
            } else {
                None
            };
            let worker = self.model.seats[id].as_mut().unwrap();
            worker.n_fast = if fast { worker.n_fast + 1 } else { 0 };
            worker.idle_since = moment.unwrap_or(worker.idle_since);
        }
        self.begin_next(id);
    }

    /// As a worker does: the next one begins as soon as there is room for it.
    fn begin_next(&mut self, id: usize) {
        let calls = self.model.on_seat(id);
        let n_begun = calls.iter().filter(|(_, begun)| *begun).count();
        let concurrency = self.model.seats[id].as_ref().unwrap().ability.concurrency;
        let next = calls.iter().find(|(_, begun)| !begun);
        if let (Some((ticket, _)), true) = (next, n_begun < concurrency) {
            self.admission.begun(SeatId(id), *ticket);
            self.model
                .calls
                .insert(*ticket, Place::Seat { id, begun: true });
        }
    }

    fn withdraw(&mut self, number: usize) {
        let Some((&ticket, &place)) = self.model.calls.iter().rev().nth(number) else {
            return;
        };
        let expected = match place {
            Place::Queue => {
                self.model.calls.insert(ticket, Place::Ended);
                Withdrawn::Waiting(ticket)
            }
            Place::Seat { id, begun } => Withdrawn::Sent {
                seat: SeatId(id),
                begun,
            },
            Place::Ended => Withdrawn::Nowhere,
        };
        assert_eq!(self.admission.withdraw(ticket), expected);
    }

    fn dispatch(&mut self) {
        loop {
            let oldest = self.model.waiting().first().copied();
            let expected = oldest.and_then(|ticket| Some((ticket, self.model.choice()?)));
            let assignment = self.admission.next();
            let got = assignment
                .as_ref()
                .map(|assignment| (assignment.ticket, (assignment.seat.0, assignment.start)));
            assert_eq!(got, expected);
            let Some(Assignment {
                seat,
                ticket,
                call,
                start,
            }) = assignment
            else {
                return;
            };
            assert_eq!(call, ticket, "a call lost its ticket");
            let begun = start == Start::Now;
            self.model
                .calls
                .insert(ticket, Place::Seat { id: seat.0, begun });
        }
    }

    /// Each call is in exactly one place, and in the same as in the model.
    fn check(&self) {
        let queue = self.admission.queue.iter().map(|(ticket, _)| *ticket);
        assert_eq!(
            queue.collect::<Vec<_>>(),
            self.model.waiting(),
            "the queue is not in order"
        );
        for (id, seat) in self.admission.seats.iter().enumerate() {
            let mut sent: Vec<(Ticket, bool)> = seat
                .sent
                .iter()
                .map(|sent| (sent.ticket, sent.begun))
                .collect();
            sent.sort_unstable();
            assert_eq!(sent, self.model.on_seat(id));
            if let Some(ability) = seat.ability {
                let n_begun = sent.iter().filter(|(_, begun)| *begun).count();
                assert!(n_begun <= ability.concurrency, "seat {id} runs {n_begun}");
            }
            for &(ticket, begun) in &sent {
                let running = self.admission.seat_running(ticket);
                assert_eq!(running, begun.then_some(SeatId(id)));
            }
        }
        let is_open =
            |worker: &&Option<Worker>| worker.as_ref().is_some_and(|worker| worker.is_open);
        assert_eq!(
            self.admission.n_open(),
            self.model.seats.iter().filter(is_open).count()
        );
        let n_sent = (0..self.model.seats.len()).map(|id| self.model.on_seat(id).len());
        assert_eq!(self.admission.n_sent(), n_sent.sum::<usize>());
        assert_eq!(self.admission.n_waiting(), self.model.waiting().len());
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(
        capacity in 0..6_usize,
        steps in prop::collection::vec(any_step(), 0..150),
    ) {
        let mut run = Run::new(capacity);
        for step in &steps {
            run.step(step);
        }
    }

    /// One seat and many fast calls: what is sent ahead is the rule here, not the exception.
    #[test]
    fn it_does_so_at_full_speed(
        concurrency in 1..3_usize,
        steps in prop::collection::vec(
            prop_oneof![
                6 => Just(Step::Admit),
                5 => Just(Step::Work { seat: 0, fast: true }),
                1 => Just(Step::Work { seat: 1, fast: true }),
                1 => (0..20_usize).prop_map(Step::Withdraw),
            ],
            40..200,
        ),
        last in any_step(),
    ) {
        let mut run = Run::new(40);
        run.step(&Step::Open { concurrency, look_ahead: true });
        for step in &steps {
            run.step(step);
        }
        run.step(&Step::Open { concurrency: 1, look_ahead: true });
        run.step(&last);
        run.step(&Step::Lose(0));
        run.step(&Step::Open { concurrency: 3, look_ahead: false });
    }
}

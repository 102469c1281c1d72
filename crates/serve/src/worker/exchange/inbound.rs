//! What a worker says about calls, and what becomes of them.

use std::{rc::Rc, time::Duration};

use optml_wire::{
    Body, DataToFront, Decoder, PairBuf, RequestId, SlotIndex,
    data::{Fitness, ResponseHead},
};
use tokio::time::Instant;

use super::{End, Exchange, Notice, breach, broken};
use crate::{
    arena::ResponseSlot,
    call::{Answer, AnswerBody, ArrayForm, CallBody, Failure, Refusal},
    worker::flight::Flight,
};

impl Exchange {
    pub(super) fn read_messages(
        &mut self,
        decoder: &mut Decoder,
        notice: &mut impl FnMut(Notice),
        n_ended: &mut u64,
    ) -> Result<(), End> {
        while let Some(message) = decoder.next::<DataToFront<'_>>().map_err(broken)? {
            let fitness = match message {
                DataToFront::Head(head) => {
                    let is_whole = !matches!(head.body, Body::Chunks { .. });
                    let (id, fitness) = (head.id, head.fitness);
                    self.head(&head)?;
                    if is_whole {
                        self.land(id, head.took);
                        *n_ended += 1;
                    }
                    fitness
                }
                DataToFront::Chunk { id, bytes } => {
                    self.flight(id)?.chunk(bytes).map_err(breach)?;
                    Fitness::Fit
                }
                DataToFront::End { id, fitness } => {
                    let flight = self.flight(id)?;
                    flight.end_stream().map_err(breach)?;
                    let took = flight.begun_at.elapsed();
                    self.land(id, took);
                    *n_ended += 1;
                    fitness
                }
                DataToFront::Error {
                    id,
                    failure,
                    fitness,
                } => {
                    let refusal = Refusal::Raised(Failure::from_wire(&failure));
                    let flight = self.flight(id)?;
                    flight.refuse(&refusal);
                    let took = flight.begun_at.elapsed();
                    self.land(id, took);
                    *n_ended += 1;
                    fitness
                }
                DataToFront::Started(id) => {
                    self.started(id)?;
                    Fitness::Fit
                }
                DataToFront::SlotFree(slot) => {
                    self.take_back(slot)?;
                    Fitness::Fit
                }
                // It stays lent until it is given back.
                DataToFront::SlotHeld(_) => Fitness::Fit,
            };
            if fitness == Fitness::Spent {
                self.pool.close(self.seat);
                notice(Notice::Spent);
            }
        }
        Ok(())
    }

    fn started(&mut self, id: RequestId) -> Result<(), End> {
        let flight = self.flight(id)?;
        flight.has_begun = true;
        flight.begun_at = Instant::now();
        let (ticket, withdrawn) = (flight.ticket, flight.withdrawn);
        self.pool.begun(self.seat, ticket);
        if withdrawn.is_some() {
            // It began while it was being cancelled.
            self.set_alarm(id);
        }
        Ok(())
    }

    fn head(&mut self, head: &ResponseHead<'_>) -> Result<(), End> {
        let mut fields = PairBuf::new();
        for (name, value) in head.headers.iter() {
            fields.push(name, value).map_err(broken)?;
        }
        let (status, took) = (head.status, head.took);
        let array = head.array.map(|array| ArrayForm {
            dtype: array.dtype,
            dimensions: array.dimensions.to_vec(),
        });
        let whole = |body| Answer {
            status,
            fields,
            array,
            body,
            took,
        };
        let body = match head.body {
            Body::Inline(bytes) => AnswerBody::Heap(bytes.to_vec()),
            Body::Slot(span) => {
                let range = self
                    .range
                    .as_ref()
                    .filter(|range| range.contains(span.slot))
                    .ok_or_else(|| {
                        End::Broken(format!(
                            "it answered in slot {}, which is not its own",
                            span.slot
                        ))
                    })?;
                let outbound = Rc::clone(&self.outbound);
                AnswerBody::Slot(ResponseSlot::new(Rc::clone(range), span, move |slot| {
                    outbound.give_back(slot);
                }))
            }
            Body::Chunks { declared_bytes } => {
                let outbound = Rc::clone(&self.outbound);
                return self
                    .flight(head.id)?
                    .start_stream(whole, declared_bytes, &outbound)
                    .map_err(breach);
            }
        };
        self.flight(head.id)?.answer(whole(body)).map_err(breach)
    }

    fn flight(&mut self, id: RequestId) -> Result<&mut Flight, End> {
        self.flights
            .iter_mut()
            .find(|flight| flight.id == id)
            .ok_or_else(|| End::Broken(format!("it spoke of request {id}, which it does not have")))
    }

    /// A call has ended: nothing is owed any more but its slot.
    fn land(&mut self, id: RequestId, took: Duration) {
        let Some(place) = self.flights.iter().position(|flight| flight.id == id) else {
            return;
        };
        let flight = self.flights.swap_remove(place);
        self.uploads.retain(|upload| upload.id != id);
        if let CallBody::Slot(slot) = flight.pending.call.body {
            self.lent.push(slot);
        }
        // A worker that doesn't measure is measured here.
        let took = if took.is_zero() {
            flight.begun_at.elapsed()
        } else {
            took
        };
        self.last_took = took;
        self.pool.done(self.seat, flight.ticket, took);
        if flight.must_end_by.is_some() {
            self.follow_alarms();
        }
    }

    fn take_back(&mut self, slot: SlotIndex) -> Result<(), End> {
        let place = self
            .lent
            .iter()
            .position(|lent| lent.index() == slot)
            .ok_or_else(|| {
                End::Broken(format!("it gave back slot {slot}, which it does not have"))
            })?;
        self.lent.swap_remove(place);
        Ok(())
    }
}

impl Failure {
    pub(crate) fn from_wire(failure: &optml_wire::data::Failure<'_>) -> Self {
        Self {
            status: failure.status,
            kind: failure.kind.to_owned(),
            message: failure.message.to_owned(),
            detail: failure.detail.to_owned(),
        }
    }
}

//! The user's own health check, asked now and then. `/ping` uses what it said last, and never waits for it.

use std::{num::NonZeroU64, rc::Rc, time::Duration};

use optml_wire::{PairBuf, control::Functions};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::warn;

use crate::{
    call::{Answer, AnswerBody, Call, CallBody, CallHead, Refusal},
    site::{Backend, Site},
};

/// Asks every `period`, for as long as the server lives. Returns at once when there is nothing to ask.
///
/// `asks_application`: the application's own `/ping` counts.
pub(crate) async fn run(site: Rc<Site>, period: Duration, asks_application: bool) {
    let has_own = match site.backend {
        Backend::Functions => site
            .profile
            .borrow()
            .is_some_and(|profile| profile.functions.contains(Functions::PING)),
        Backend::Whole => asks_application,
    };
    if !has_own || period.is_zero() {
        return;
    }
    let mut ticks = interval(period);
    // After a busy minute one answer is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let complaint = ask(&site).await;
        if complaint.as_deref() != site.health.own_check().as_deref() {
            let text = complaint.as_deref().unwrap_or("good again");
            warn!("the model's own check: {text}");
        }
        site.health.set_own_check(complaint.as_deref());
    }
}

/// What is wrong, if something is.
async fn ask(site: &Site) -> Option<String> {
    let call = Call {
        head: CallHead {
            method: b"GET".to_vec(),
            path: b"/ping".to_vec(),
            query: Vec::new(),
            version: (1, 1),
            peer: "127.0.0.1".into(),
            peer_port: 0,
            content_type: Vec::new(),
            accept: Vec::new(),
            fields: PairBuf::new(),
        },
        body: CallBody::Heap(Vec::new()),
        array: None,
        // Not the check's own limit: a check that is late is no reason to end a worker.
        deadline: Instant::now() + FAR,
        deadline_ns: None::<NonZeroU64>,
    };
    let Ok(mut handle) = site.pool.submit(call) else {
        // Busy or not there: that is said elsewhere.
        return site.health.own_check().map(|text| text.to_string());
    };
    match timeout(LIMIT, handle.answer()).await {
        Ok(Ok(answer)) if answer.status == 200 => None,
        Ok(Ok(answer)) => Some(says(&answer)),
        Ok(Err(Refusal::Raised(failure))) => Some(format!("it raised {failure}")),
        // The worker died: the pool knows.
        Ok(Err(_)) => None,
        Err(_) if site.pool.n_waiting() > 0 || site.pool.n_sent() > 1 => {
            site.health.own_check().map(|text| text.to_string())
        }
        Err(_) => Some(format!("it did not answer within {} s", LIMIT.as_secs())),
    }
}

fn says(answer: &Answer) -> String {
    let body = match &answer.body {
        AnswerBody::Heap(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
        AnswerBody::Slot(_) | AnswerBody::Stream { .. } => String::new(),
    };
    let body: String = body.chars().take(200).collect();
    if body.is_empty() {
        format!("it said {}", answer.status)
    } else {
        format!("it said {}: {body}", answer.status)
    }
}

const LIMIT: Duration = Duration::from_secs(2);
const FAR: Duration = Duration::from_hours(1);

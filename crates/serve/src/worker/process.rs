//! The process of a worker, as the supervisor tells of it.

use std::{
    io,
    time::{Duration, Instant},
};

use optml_supervise::{
    ChildEvent, ChildRef, Command, Console, Ended, Format, ProcessSignal, Pump, Supervisor,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// A process that was started, or is about to be.
#[derive(Debug)]
pub(crate) struct Process {
    handle: ChildRef,
    events: mpsc::Receiver<ChildEvent>,
    pid: Option<i32>,
    ended: Option<Ended>,
    is_gone: bool,
    /// Passes on what it prints, for as long as it lives.
    pump: Option<Pump>,
}

impl Process {
    /// Asks the supervisor to start it. Whether that worked is the first event.
    ///
    /// # Errors
    /// When pipes for its output are not to be had.
    pub(crate) fn start(
        supervisor: &Supervisor,
        console: &Console,
        mut command: Command,
    ) -> io::Result<Self> {
        let (pump, ends) = Pump::start(console, &Format::Lines)?;
        command.output = Some(ends);
        // Started, Died, Gone, or Failed: there are no more than three.
        let (tell, events) = mpsc::channel(4);
        let handle = supervisor.watch(command, move |event| {
            // Nobody waits for it any more.
            let _ = tell.try_send(event);
        });
        Ok(Self {
            handle,
            events,
            pid: None,
            ended: None,
            is_gone: false,
            pump: Some(pump),
        })
    }

    /// Its id; 0 before it was started.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.unwrap_or(0)
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Option<ChildEvent> {
        let event = self.events.recv().await;
        match &event {
            Some(ChildEvent::Started { pid }) => self.pid = Some(*pid),
            Some(ChildEvent::Died { ended, .. }) => self.ended = Some(*ended),
            Some(ChildEvent::Gone(_) | ChildEvent::Failed(_)) | None => self.is_gone = true,
        }
        event
    }

    /// How it ended, once it has; `None` when it has not after `limit`.
    pub(crate) async fn died(&mut self, limit: Duration) -> Option<Ended> {
        let wait = async {
            while self.ended.is_none() && !self.is_gone {
                self.event().await;
            }
        };
        // Too late: then it is not known.
        let _ = timeout(limit, wait).await;
        self.ended
    }

    /// Asks it to write the stacks of its threads to standard error, and gives it a moment for that.
    pub(crate) async fn dump_stack(&self) {
        self.handle.signal(ProcessSignal::Usr1);
        sleep(DUMP).await;
    }

    /// Asks it to end, and kills it after the grace.
    pub(crate) async fn end(&mut self, grace: Duration) {
        let started = Instant::now();
        self.handle.stop(grace);
        let left = (grace + KILLED).saturating_sub(started.elapsed());
        self.died(left).await;
    }

    /// Kills it.
    pub(crate) fn kill(&self) {
        self.handle.kill();
    }

    /// Waits until it, and what it left behind, are gone, and the last of its output is out.
    pub(crate) async fn gone(&mut self) {
        while !self.is_gone {
            self.event().await;
        }
        if let Some(pump) = self.pump.take() {
            // It waits for other threads: not here.
            let _ = tokio::task::spawn_blocking(move || pump.finish(LAST_OUTPUT)).await;
        }
    }
}

/// Writing a stack takes milliseconds, also for a busy interpreter.
const DUMP: Duration = Duration::from_millis(50);
/// From SIGKILL to the end.
const KILLED: Duration = Duration::from_secs(1);
/// How long output may still come when all processes that we know of are gone.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

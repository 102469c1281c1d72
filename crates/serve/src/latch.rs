//! Something that happens once, and that any number of tasks may wait for.

use std::cell::Cell;

use tokio::sync::Notify;

/// Whether it has happened.
#[derive(Debug, Default)]
pub(crate) struct Latch {
    is_set: Cell<bool>,
    told: Notify,
}

impl Latch {
    /// Now it has.
    pub(crate) fn set(&self) {
        self.is_set.set(true);
        self.told.notify_waiters();
    }

    /// Waits for it.
    ///
    /// # Cancel safety
    /// It can be waited for again.
    pub(crate) async fn wait(&self) {
        loop {
            // Made before the look: what happens between the two wakes it.
            let told = self.told.notified();
            if self.is_set.get() {
                return;
            }
            told.await;
        }
    }
}

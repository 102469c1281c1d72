//! The way of a job to its stores: one client, set up when it is first needed.

use std::cell::OnceCell;

use optml_contract::Source;
use optml_supervise::Supervisor;

use crate::store::{Client, Settings, WebClientError};

/// The client of a job.
#[derive(Debug)]
pub(crate) struct Stores<'a> {
    source: &'a dyn Source,
    supervisor: &'a Supervisor,
    region: String,
    client: OnceCell<Client>,
}

impl<'a> Stores<'a> {
    /// `region`: what the job says about it, empty if it does not.
    pub(crate) fn new(source: &'a dyn Source, supervisor: &'a Supervisor, region: String) -> Self {
        Self {
            source,
            supervisor,
            region,
            client: OnceCell::new(),
        }
    }

    /// For work before the script: a stop signal ends it at once.
    pub(crate) fn until_stop(&self) -> Result<Client, WebClientError> {
        let client = self.client()?.apart();
        let cancel = client.canceller();
        self.supervisor.on_stop(move |_| cancel());
        Ok(client)
    }

    /// For work beside the script: it has an end of its own.
    pub(crate) fn beside(&self) -> Result<Client, WebClientError> {
        Ok(self.client()?.apart())
    }

    fn client(&self) -> Result<&Client, WebClientError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::start(Settings::read(self.source, &self.region))?;
        Ok(self.client.get_or_init(|| client))
    }
}

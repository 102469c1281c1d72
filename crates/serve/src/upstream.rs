//! Another server as the model: a program that listens by itself, and gets each request as it came.

use std::{ffi::OsString, rc::Rc, sync::Arc};

use optml_contract::serving::{HttpProgram, ServeOptions};
use optml_supervise::{Console, Supervisor};

use crate::{health::Health, plan::PlanError, pool::Pool, server::ServeError};

/// How the program is started, and where it listens.
#[derive(Debug)]
pub(crate) struct Plan {}

/// The program, and the calls that go to it.
#[derive(Debug)]
pub(crate) struct Upstream {}

/// What the options say, with a port or socket chosen where that was left to us.
pub(crate) fn plan(
    program: &HttpProgram,
    options: &ServeOptions,
    environment: Vec<(OsString, OsString)>,
) -> Result<Plan, PlanError> {
    let _ = (program, options, environment);
    Ok(Plan {})
}

impl Upstream {
    pub(crate) fn new(
        plan: Plan,
        pool: Rc<Pool>,
        health: Rc<Health>,
        supervisor: Arc<Supervisor>,
        console: Console,
    ) -> Rc<Self> {
        let _ = (plan, pool, health, supervisor, console);
        Rc::new(Self {})
    }

    /// Starts it, and again when it ends. Returns when it can't be kept.
    pub(crate) async fn keep(self: &Rc<Self>) -> ServeError {
        std::future::pending().await
    }
}

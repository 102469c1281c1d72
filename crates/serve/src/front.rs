//! The front while it runs: start, work, drain, end.

use std::{
    ffi::OsString,
    num::NonZeroUsize,
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use optml_contract::serving::{Program, ServeOptions, Workers};
use optml_supervise::{Console, StopSignal, Supervisor};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, spawn_blocking, spawn_local},
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use crate::{
    arena::Arena,
    call::Refusal,
    checks,
    health::{Health, Phase},
    listener, metrics_port,
    native::{self, Handler},
    plan,
    pool::Pool,
    reload,
    server::{Model, Prepare, PrepareError, ServeEnd, ServeError, Server},
    site::Site,
    upstream::{self, Upstream},
    worker::{Crew, Keeper, LoadFailure, Parts, launch::Launch},
};

/// The running server.
pub(crate) struct Front {
    site: Rc<Site>,
    health: Rc<Health>,
    pool: Rc<Pool>,
    arena: Option<Arena>,
    options: ServeOptions,
    supervisor: Arc<Supervisor>,
    console: Console,
    /// The processes, once there are any.
    crew: Option<Rc<Crew>>,
    upstream: Option<Rc<Upstream>>,
    keepers: Vec<JoinHandle<()>>,
    started: Instant,
}

impl Front {
    /// Serves until a stop signal comes.
    pub(crate) async fn serve(server: Server) -> Result<ServeEnd, ServeError> {
        let Server {
            options,
            environment,
            memory_events,
            supervisor,
            console,
            model,
        } = server;
        let listener = listener::bind(options.bind.address())?;
        let address = listener.local_addr().map_err(ServeError::Runtime)?;
        let (tell, mut stops) = mpsc::channel(8);
        supervisor.on_each_stop(move |signal| {
            // More signals than anybody waits for say nothing new.
            let _ = tell.try_send(signal);
        });
        let health = Health::new(options.ping.compat.value);
        let pool = Pool::new(
            options.queue.n_waiting.value as usize,
            options.queue.timeout.as_ref().map(|given| given.value),
            Rc::clone(&health),
        );
        let arena = plan::arena(&options, &model);
        let site = Rc::new(plan::site(&options, &model, &pool, &health, arena.clone()));
        let accepting = spawn_local(listener::accept(listener, Rc::clone(&site)));
        info!("serving on http://{address}");
        if let Some(port) = &options.metrics_port {
            let address = metrics_port::serve(port.value, Rc::clone(&site))?;
            info!("metrics on http://{address}/metrics");
        }
        let mut front = Self {
            site,
            health,
            pool,
            arena,
            options,
            supervisor,
            console,
            crew: None,
            upstream: None,
            keepers: Vec::new(),
            started: Instant::now(),
        };
        let failed = tokio::select! {
            failed = front.work(environment, memory_events, model, address.port()) => failed,
            signal = next_stop(&mut stops) => {
                info!(signal = signal.name(), drain_s = front.options.timeouts.drain.value.as_secs(), "stopping: what was accepted is answered");
                return Ok(front.drain(accepting, &mut stops).await);
            }
        };
        front.fail(&failed, &mut stops).await;
        Err(failed)
    }

    /// Prepares, loads, and goes on until that fails.
    async fn work(
        &mut self,
        environment: Vec<(OsString, OsString)>,
        memory_events: Vec<PathBuf>,
        model: Model,
        port: u16,
    ) -> ServeError {
        match model {
            Model::Native(handler) => self.run_native(handler).await,
            Model::Program { python, prepare } => {
                let environment = match self.prepare(environment, prepare).await {
                    Ok(environment) => environment,
                    Err(error) => return ServeError::Prepare(error),
                };
                if let Program::Http(program) = &self.options.program.value {
                    let upstream = match upstream::plan(program, &self.options, environment) {
                        Ok(plan) => plan.counting(memory_events),
                        Err(error) => return ServeError::Plan(error),
                    };
                    return self.run_upstream(upstream).await;
                }
                self.health.set_phase(Phase::Loading, "");
                let launch = match plan::launch(&self.options, environment, python, port) {
                    Ok(launch) => Launch {
                        memory_events,
                        ..launch
                    },
                    Err(error) => return ServeError::Plan(error),
                };
                self.run_workers(launch).await
            }
        }
    }

    async fn prepare(
        &self,
        mut environment: Vec<(OsString, OsString)>,
        prepare: Option<Prepare>,
    ) -> Result<Vec<(OsString, OsString)>, PrepareError> {
        if let Some(prepare) = prepare {
            self.health
                .set_phase(Phase::Installing, "installing requirements");
            let more = spawn_blocking(prepare).await.unwrap_or_else(|_| {
                Err(PrepareError {
                    message: "the installation panicked".to_owned(),
                    hint: None,
                })
            })?;
            environment.extend(more);
        }
        Ok(environment)
    }

    async fn run_workers(&mut self, launch: Launch) -> ServeError {
        let workers = self.options.workers.value;
        let crew = Rc::new(Crew::new(Parts {
            supervisor: Arc::clone(&self.supervisor),
            console: self.console.clone(),
            launch,
            arena: self.arena.clone(),
            pool: Rc::clone(&self.pool),
            health: Rc::clone(&self.health),
            limits: plan::worker_limits(&self.options),
            profile: Rc::clone(&self.site.profile),
        }));
        self.site.metrics.watch(&crew);
        self.crew = Some(Rc::clone(&crew));
        let mut verdict = std::pin::pin!(crew.verdict.wait());
        let n_workers = match workers {
            Workers::Fixed(n) => n,
            Workers::Auto { .. } => {
                self.start_keeper(&crew, 0);
                tokio::select! {
                    failure = &mut verdict => return load_error(&failure),
                    () = crew.loaded.notified() => {}
                }
                let n = plan::n_workers(workers, crew.largest_rss_bytes());
                info!(
                    workers = n,
                    "as many workers as processors and memory allow"
                );
                n
            }
        };
        self.health.set_n_wanted(n_workers as usize);
        let first = u16::try_from(self.keepers.len()).unwrap_or(0);
        for number in first..u16::try_from(n_workers).unwrap_or(u16::MAX) {
            self.start_keeper(&crew, number);
        }
        if self.options.reload.value {
            spawn_local(reload::watch(
                plan::code_folders(&self.options),
                Rc::clone(&crew),
            ));
        }
        let started = self.started;
        let health = Rc::clone(&self.health);
        let ready = async {
            while !health.is_ready() {
                crew.loaded.notified().await;
            }
        };
        tokio::select! {
            failure = &mut verdict => return load_error(&failure),
            () = ready => {}
        }
        info!(
            after_s = started.elapsed().as_secs_f64(),
            "ready: /ping is 200"
        );
        spawn_local(checks::run(
            Rc::clone(&self.site),
            self.options.ping.period.value,
            self.options.ping.app.value,
        ));
        load_error(&*verdict.await)
    }

    fn start_keeper(&mut self, crew: &Rc<Crew>, number: u16) {
        let keeper = Keeper {
            number,
            crew: Rc::clone(crew),
        };
        self.keepers.push(spawn_local(keeper.keep()));
    }

    async fn run_upstream(&mut self, plan: upstream::Plan) -> ServeError {
        let upstream = Upstream::new(
            plan,
            Rc::clone(&self.pool),
            Rc::clone(&self.health),
            Arc::clone(&self.supervisor),
            self.console.clone(),
        );
        self.upstream = Some(Rc::clone(&upstream));
        upstream.keep().await
    }

    async fn run_native(&mut self, mut handler: Box<dyn Handler>) -> ServeError {
        self.health.set_phase(Phase::Loading, "");
        let model_dir = self.options.model_dir.value.to_string();
        let loaded = spawn_blocking(move || {
            let loaded = handler.load(&model_dir);
            (handler, loaded)
        })
        .await;
        let handler = match loaded {
            Ok((handler, Ok(()))) => handler,
            Ok((_, Err(error))) => {
                return ServeError::Load {
                    message: error.to_string(),
                    detail: String::new(),
                };
            }
            Err(_) => {
                return ServeError::Load {
                    message: "the model panicked".to_owned(),
                    detail: String::new(),
                };
            }
        };
        let n_threads = self.options.workers.value.at_most().max(1);
        let n_threads = NonZeroUsize::new(n_threads as usize).unwrap_or(NonZeroUsize::MIN);
        native::open(&self.pool, &Arc::from(handler), n_threads);
        info!(
            after_s = self.started.elapsed().as_secs_f64(),
            "ready: /ping is 200"
        );
        // Nothing of it can fail from here on.
        std::future::pending().await
    }

    /// Nothing can be served any more: says so for as long as was asked for, then ends what there is.
    async fn fail(&self, failed: &ServeError, stops: &mut mpsc::Receiver<StopSignal>) {
        self.health.set_phase(Phase::Failed, &failed.to_string());
        self.pool.give_up(&Refusal::NotReady {
            state: self.health.state(),
        });
        let linger = self.options.ping.fail_exit.value;
        if !linger.is_zero() {
            error!(exit_in_s = linger.as_secs(), "{failed}");
            tokio::select! {
                () = sleep(linger) => {}
                _ = next_stop(stops) => {}
            }
        }
        self.end_processes(self.options.timeouts.kill_grace.value)
            .await;
    }

    /// The orderly end.
    async fn drain(
        mut self,
        accepting: JoinHandle<()>,
        stops: &mut mpsc::Receiver<StopSignal>,
    ) -> ServeEnd {
        let kill_grace = self.options.timeouts.kill_grace.value;
        let cut = tokio::select! {
            () = self.drain_calls(accepting) => None,
            signal = next_stop(stops) => Some(signal),
        };
        if let Some(signal) = cut {
            warn!(
                signal = signal.name(),
                "asked to stop again: what is left is not answered"
            );
            self.pool.give_up(&Refusal::Draining);
            self.supervisor.stop_all(Duration::ZERO);
            self.none_left(KILLED).await;
            return ServeEnd::Cut(signal);
        }
        self.retire_workers().await;
        self.end_processes(kill_grace).await;
        info!("every worker has ended");
        ServeEnd::Drained
    }

    async fn drain_calls(&self, accepting: JoinHandle<()>) {
        self.health.start_draining();
        self.pool.start_draining();
        let limit = self.options.timeouts.drain.value;
        let drained = timeout(limit, async {
            // Whoever sends requests may not have seen the 503 yet.
            sleep(STILL_ACCEPTING.min(limit)).await;
            accepting.abort();
            self.site.closing.set();
            self.pool.idle().await;
            // Answers are still on their way to slow clients.
            self.site.registry.empty().await;
        })
        .await;
        if drained.is_err() {
            accepting.abort();
            self.site.closing.set();
            let (n_waiting, n_running) = (self.pool.n_waiting(), self.pool.n_sent());
            warn!(n_waiting, n_running, "the time to drain is over");
            self.pool.give_up(&Refusal::Draining);
        }
    }

    /// Workers answer what they have, run their exit hooks, and end.
    async fn retire_workers(&mut self) {
        let Some(crew) = &self.crew else { return };
        crew.stopping.set();
        let ended = async {
            for keeper in self.keepers.drain(..) {
                // A panic of its task ends it too.
                let _ = keeper.await;
            }
        };
        // Whoever takes longer is stopped like any process.
        let _ = timeout(EXIT_HOOKS, ended).await;
    }

    async fn end_processes(&self, grace: Duration) {
        self.supervisor.stop_all(grace);
        self.none_left(grace + KILLED).await;
        // Connections learn how their calls ended.
        let _ = timeout(LAST_ANSWERS, self.site.registry.empty()).await;
    }

    async fn none_left(&self, limit: Duration) {
        let (tell, none_left) = oneshot::channel();
        self.supervisor.on_none_left(move || {
            // Too late for who waited.
            let _ = tell.send(());
        });
        if timeout(limit, none_left).await.is_err() {
            warn!("processes are left that do not die");
        }
    }
}

async fn next_stop(stops: &mut mpsc::Receiver<StopSignal>) -> StopSignal {
    match stops.recv().await {
        Some(signal) => signal,
        // The supervisor lives as long as the process.
        None => std::future::pending().await,
    }
}

fn load_error(failure: &LoadFailure) -> ServeError {
    ServeError::Load {
        message: failure.message.clone(),
        detail: failure.detail.clone(),
    }
}

/// After the first stop signal: the platform asks for the ping every few seconds.
const STILL_ACCEPTING: Duration = Duration::from_secs(1);
/// From "no more calls" to the end of a worker: its exit hooks.
const EXIT_HOOKS: Duration = Duration::from_secs(2);
/// From SIGKILL to the end of the last process.
const KILLED: Duration = Duration::from_secs(1);
const LAST_ANSWERS: Duration = Duration::from_secs(1);

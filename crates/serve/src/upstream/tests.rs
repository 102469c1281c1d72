//! A real program in front of which calls come in, as they do from connections. Each test is a process of its own under
//! nextest, so each may own a supervisor.

use std::{
    fs,
    path::{Path, PathBuf},
};

use optml_contract::{
    config::Origin,
    serving::{CommandLine, Given, Listens, PingCompat},
};
use optml_supervise::{Grace, Second, StopPolicy};
use optml_wire::PairBuf;
use tempfile::TempDir;
use tokio::task::{JoinHandle, LocalSet};

use super::*;
use crate::{
    call::{Answer, AnswerBody, Call, CallBody, CallHead, Refusal},
    pool::CallHandle,
    stream::{ChunkStream, Piece, StreamEnd},
};

mod calls;
mod life;

/// A program, and what it needs.
struct Rig {
    folder: TempDir,
    health: Rc<Health>,
    pool: Rc<Pool>,
    supervisor: Arc<Supervisor>,
    keeping: JoinHandle<ServeError>,
}

/// Something that is to be different from the usual.
struct Setup {
    words: String,
    listens: Listens,
    limits: Limits,
}

impl Setup {
    fn usual() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/upstream/tests/program.py");
        Self {
            words: format!("python3 -u {} {{port}}", script.display()),
            listens: Listens::ChosenPort(None),
            limits: Limits {
                load: Duration::from_secs(20),
                kill_grace: Duration::from_millis(200),
                ping_period: Duration::from_millis(100),
                concurrency: NonZeroUsize::new(4).unwrap(),
            },
        }
    }

    fn command(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            ..Self::usual()
        }
    }

    /// Runs a test beside the program.
    fn run(self, test: impl AsyncFnOnce(Rig)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, async {
            let rig = self.start();
            let supervisor = Arc::clone(&rig.supervisor);
            timeout(Duration::from_secs(40), test(rig)).await.unwrap();
            supervisor.stop_all(Duration::ZERO);
            let (tell, none_left) = tokio::sync::oneshot::channel();
            supervisor.on_none_left(move || tell.send(()).unwrap());
            none_left.await.unwrap();
        });
        runtime.shutdown_background();
    }

    fn start(self) -> Rig {
        let folder = TempDir::new().unwrap();
        let mut words = self.words;
        if words.contains("program.py") {
            words = format!("{words} {}", folder.path().display());
        }
        let given = |text: &str| Given {
            value: text.to_owned(),
            origin: Origin::Default,
        };
        let program = HttpProgram {
            command: CommandLine::split(words.as_ref()).unwrap(),
            listens: Given {
                value: self.listens,
                origin: Origin::Default,
            },
            health: given("/health"),
            invocations: given("/predict"),
        };
        let environment = vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
        let plan = Plan::try_new(&program, environment, self.limits).unwrap();
        let grace = Grace {
            stop: Duration::from_secs(1),
            leftovers: Duration::from_millis(200),
            second: Second::Kill,
        };
        let supervisor = Arc::new(Supervisor::start(grace, StopPolicy::Tell).unwrap());
        let (stdout, stderr) = Console::own_streams().unwrap();
        let console = Console::start(stdout, stderr, Duration::from_secs(1)).unwrap();
        let health = Health::new(PingCompat::Strict);
        let pool = Pool::new(10, None, Rc::clone(&health));
        let upstream = Upstream::new(
            plan,
            Rc::clone(&pool),
            Rc::clone(&health),
            Arc::clone(&supervisor),
            console,
        );
        let keeping = spawn_local(async move { upstream.keep().await });
        Rig {
            folder,
            health,
            pool,
            supervisor,
            keeping,
        }
    }
}

impl Rig {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives the program a sign.
    fn sign(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    fn take_back(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Lets it start, and waits until `/ping` is 200.
    async fn ready(&self) {
        self.sign("start");
        self.ping(200).await;
    }

    async fn ping(&self, status: u16) {
        wait(|| self.health.ping_status() == status).await;
    }

    async fn appears(&self, name: &str) {
        wait(|| self.path(name).exists()).await;
    }

    fn submit(&self, path: &str, body: &[u8]) -> Result<CallHandle, Refusal> {
        self.submit_within(path, body, Duration::from_secs(20))
    }

    fn submit_within(
        &self,
        path: &str,
        body: &[u8],
        limit: Duration,
    ) -> Result<CallHandle, Refusal> {
        self.pool.submit(Call {
            head: CallHead {
                method: b"POST".to_vec(),
                path: path.into(),
                query: b"q=1".to_vec(),
                version: (1, 1),
                peer: "10.0.0.7".into(),
                peer_port: 4000,
                content_type: Vec::new(),
                accept: Vec::new(),
                fields: PairBuf::new(),
            },
            body: CallBody::Heap(body.to_vec()),
            array: None,
            deadline: time::Instant::now() + limit,
            deadline_ns: None,
        })
    }

    async fn call(&self, path: &str, body: &[u8]) -> Result<Answer, Refusal> {
        self.submit(path, body)?.answer().await
    }

    /// What became of the `Died` that this call gets.
    async fn death(&self, path: &str) -> String {
        match self.call(path, b"x").await {
            Err(Refusal::Died { how, .. }) => how.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

async fn wait(condition: impl Fn() -> bool) {
    while !condition() {
        sleep(Duration::from_millis(10)).await;
    }
}

fn heap(answer: Answer) -> Vec<u8> {
    match answer.body {
        AnswerBody::Heap(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

fn chunks(answer: Answer) -> (Option<u64>, ChunkStream) {
    match answer.body {
        AnswerBody::Stream {
            declared_bytes,
            chunks,
        } => (declared_bytes, chunks),
        other => panic!("{other:?}"),
    }
}

async fn rest(chunks: &mut ChunkStream) -> (Vec<u8>, StreamEnd) {
    let mut all = Vec::new();
    loop {
        match chunks.next().await {
            Piece::Bytes(bytes) => all.extend(bytes),
            Piece::End(end) => return (all, end),
        }
    }
}

/// What the program saw of the request, as it says itself.
fn seen(answer: &Answer) -> String {
    let fields = answer.fields.as_pairs();
    String::from_utf8_lossy(fields.value(b"seen").unwrap()).into_owned()
}

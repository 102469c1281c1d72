//! A worker of kind `exec`: a program of its own that runs a model behind `optml serve`, here in Rust.
//!
//! It answers the mean of all numbers in a body of JSON or CSV:
//!
//! ```console
//! $ cargo build -p optml-serve --example exec_worker
//! $ OPTML_EXEC=target/debug/examples/exec_worker optml serve
//! $ curl -d '[1, 2, 6]' localhost:8080/invocations
//! 3.0
//! ```
//!
//! docs/worker-protocol.md is all that it keeps to, and `optml-wire` knows the bytes. Two threads: one takes requests from the
//! data socket and answers them, one after the other; the other listens to the control socket, so that nothing there waits
//! for a request. Either socket's end ends both.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    process::ExitCode,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use optml_supervise::inherited;
use optml_wire::{
    Body, CONTROL_FD_VAR, ControlToFront, ControlToWorker, DATA_FD_VAR, DataToFront, DataToWorker,
    Decoder, Fault, Message, PairBuf, RequestId,
    control::{Capabilities, Functions, Hello, Loaded, Phase},
    data::{BodyEnd, Failure, Fitness, Request, ResponseHead},
};

fn main() -> ExitCode {
    match socket(DATA_FD_VAR).and_then(|data| Ok((data, socket(CONTROL_FD_VAR)?))) {
        Ok((data, control)) => Worker::new(data, control).run(),
        Err(error) => {
            complain(&format!(
                "this program is started by `optml serve`: {error}"
            ));
            ExitCode::from(2)
        }
    }
}

/// Both ends of the talk with the front.
struct Worker {
    data: UnixStream,
    control: UnixStream,
    /// Both threads write to the control socket, whole frames each.
    control_out: Mutex<()>,
    drain: Mutex<Drain>,
}

/// How far the answers are, and after which no more will be asked for.
#[derive(Default)]
struct Drain {
    answered: u64,
    last: Option<u64>,
}

/// A body that comes in chunks.
struct Upload {
    id: RequestId,
    bytes: Vec<u8>,
}

impl Worker {
    fn new(data: UnixStream, control: UnixStream) -> Self {
        Self {
            data,
            control,
            control_out: Mutex::default(),
            drain: Mutex::default(),
        }
    }

    fn run(&self) -> ExitCode {
        let mut from_control = Decoder::new();
        let ended = self.load(&mut from_control).and_then(|()| {
            thread::scope(|scope| {
                let listener = scope.spawn(|| {
                    let ended = self.listen(&mut from_control);
                    // The other thread may be waiting for a request.
                    let _ = self.data.shutdown(Shutdown::Both);
                    ended
                });
                let served = self.serve();
                let _ = self.control.shutdown(Shutdown::Read);
                served.and(listener.join().unwrap_or(Ok(())))
            })
        });
        match ended {
            Ok(()) | Err(End::Gone(_)) => ExitCode::SUCCESS,
            Err(End::Broken(fault)) => {
                complain(&format!("the server broke the protocol: {fault}"));
                ExitCode::from(70)
            }
        }
    }

    // ---- The control socket

    /// From `HELLO` to `LOADED`. A real model would be loaded here, from the setting `model_dir` of `LOAD`.
    fn load(&self, from_control: &mut Decoder) -> Result<(), End> {
        self.tell(&ControlToFront::Hello(Hello {
            min_version: 1,
            max_version: 1,
            runtime: "rust",
            runtime_version: env!("CARGO_PKG_VERSION"),
        }))?;
        loop {
            match from_control.next::<ControlToWorker<'_>>()? {
                Some(ControlToWorker::Load(_)) => break,
                Some(_) => {}
                None => fill(&self.control, from_control)?,
            }
        }
        self.tell(&ControlToFront::Loading(Phase::Model))?;
        self.tell(&ControlToFront::Loaded(Loaded {
            concurrency: 1,
            capabilities: Capabilities::default(),
            functions: Functions::default(),
        }))
    }

    fn listen(&self, from_control: &mut Decoder) -> Result<(), End> {
        loop {
            match from_control.next()? {
                Some(ControlToWorker::Ping(number)) => self.tell(&ControlToFront::Pong(number))?,
                Some(ControlToWorker::Drain { last }) => {
                    self.update(|drain| drain.last = Some(last.number()))?;
                }
                Some(ControlToWorker::Bye) => return Ok(()),
                // A request that nobody waits for is answered all the same: it does not take long. Answers are never so large
                // that they need credit.
                Some(
                    ControlToWorker::Load(_)
                    | ControlToWorker::Cancel(_)
                    | ControlToWorker::Credit { .. },
                ) => {}
                None => fill(&self.control, from_control)?,
            }
        }
    }

    /// Notes progress. When all is answered that was to be, says so, and ends the reading of requests.
    fn update(&self, change: impl FnOnce(&mut Drain)) -> Result<(), End> {
        let mut drain = self.drain.lock().expect("no panic while it is held");
        change(&mut drain);
        if drain.last.is_some_and(|last| drain.answered >= last) {
            self.tell(&ControlToFront::Bye)?;
            self.data.shutdown(Shutdown::Both)?;
        }
        Ok(())
    }

    fn tell(&self, message: &ControlToFront<'_>) -> Result<(), End> {
        let _whole_frames = self.control_out.lock().expect("no panic while it is held");
        send(&self.control, message)
    }

    // ---- The data socket

    fn serve(&self) -> Result<(), End> {
        let mut from_data = Decoder::new();
        let mut upload = None;
        loop {
            match from_data.next()? {
                Some(DataToWorker::Request(request)) => match request.body {
                    Body::Inline(bytes) => self.answer(request.id, reply(&request, bytes))?,
                    _ if request.path != INVOCATIONS => self.answer(request.id, NOT_FOUND)?,
                    Body::Chunks { .. } | Body::Slot(_) => {
                        upload = Some(Upload {
                            id: request.id,
                            bytes: Vec::new(),
                        });
                    }
                },
                Some(DataToWorker::Chunk { id, bytes }) => {
                    let n_bytes = u32::try_from(bytes.len()).expect("chunks are small");
                    if let Some(upload) = upload.as_mut().filter(|upload| upload.id == id) {
                        upload.bytes.extend_from_slice(bytes);
                    }
                    self.tell(&ControlToFront::Credit { id, n_bytes })?;
                }
                Some(DataToWorker::End { id, body }) => {
                    if let Some(upload) = upload.take_if(|upload| upload.id == id) {
                        let reply = match body {
                            BodyEnd::Complete => mean(&upload.bytes),
                            BodyEnd::Broken => Err((499, "the client sent no more")),
                        };
                        self.answer(id, reply)?;
                    }
                }
                // There are no slots without an arena.
                Some(DataToWorker::SlotFree(_)) => {}
                None => fill(&self.data, &mut from_data)?,
            }
        }
    }

    fn answer(&self, id: RequestId, reply: Reply) -> Result<(), End> {
        let started = Instant::now();
        match reply {
            Ok(text) => self.answer_with(id, &text, started.elapsed())?,
            Err((status, message)) => send(
                &self.data,
                &DataToFront::Error {
                    id,
                    failure: Failure {
                        status,
                        kind: "BodyError",
                        message,
                        detail: "",
                    },
                    fitness: Fitness::Fit,
                },
            )?,
        }
        self.update(|drain| drain.answered = id.number())
    }

    fn answer_with(&self, id: RequestId, text: &str, took: Duration) -> Result<(), End> {
        let mut headers = PairBuf::new();
        headers.push(b"content-type", b"application/json")?;
        send(
            &self.data,
            &DataToFront::Head(ResponseHead {
                id,
                status: 200,
                took,
                fitness: Fitness::Fit,
                headers: headers.as_pairs(),
                array: None,
                body: Body::Inline(text.as_bytes()),
            }),
        )
    }
}

/// The text of an answer, or a status and what the client did wrong.
type Reply = Result<String, (u16, &'static str)>;

fn reply(request: &Request<'_>, body: &[u8]) -> Reply {
    match request.path {
        INVOCATIONS => mean(body),
        _ => NOT_FOUND,
    }
}

/// The model: the mean of all numbers, whatever stands between them.
fn mean(body: &[u8]) -> Reply {
    let text = str::from_utf8(body).map_err(|_| (400, "the body is not UTF-8"))?;
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | ','));
    let numbers = words
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect::<Result<Vec<f64>, _>>()
        .map_err(|_| (400, "the body has something that is no number"))?;
    if numbers.is_empty() {
        return Err((400, "the body has no numbers"));
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "fewer numbers than a float counts exactly"
    )]
    let n_numbers = numbers.len() as f64;
    Ok(format!("{:?}\n", numbers.iter().sum::<f64>() / n_numbers))
}

/// Why the talk is over.
enum End {
    /// The front has left: nothing is left to do.
    Gone(#[expect(dead_code, reason = "for whoever debugs this")] io::Error),
    /// It said what it must not.
    Broken(Fault),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

fn send<'a>(mut socket: &UnixStream, message: &impl Message<'a>) -> Result<(), End> {
    let mut frame = Vec::new();
    message.encode(&mut frame)?;
    Ok(socket.write_all(&frame)?)
}

/// Waits for more bytes.
fn fill(mut socket: &UnixStream, decoder: &mut Decoder) -> Result<(), End> {
    match socket.read(decoder.space())? {
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        n_bytes => {
            decoder.advance(n_bytes);
            Ok(())
        }
    }
}

/// One of the sockets that the front has left open for us.
fn socket(variable: &str) -> io::Result<UnixStream> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is a program of its own: nobody else reads its environment"
    )]
    let value = std::env::var(variable).map_err(io::Error::other)?;
    let number = value.parse().map_err(io::Error::other)?;
    Ok(inherited(number)?.into())
}

fn complain(text: &str) {
    #[expect(clippy::print_stderr, reason = "a worker's standard error is its log")]
    {
        eprintln!("exec_worker: {text}");
    }
}

const INVOCATIONS: &[u8] = b"/invocations";
const NOT_FOUND: Reply = Err((404, "there is no such path"));

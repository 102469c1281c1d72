//! What answers the requests: Python functions, an application, a program of the user's.

use std::{ffi::OsString, ops::RangeInclusive};

use camino::Utf8PathBuf;

use super::{
    bind::to_port,
    command_line::CommandLine,
    given::Given,
    problem::ServingProblem,
    reader::{Number, Reader},
};
use crate::{config::Origin, vars};

/// What answers the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// Python functions: `model_fn`, `predict_fn` and the others.
    Functions,
    /// A WSGI or ASGI application.
    Application(Application),
    /// A program that speaks the worker protocol.
    Exec(CommandLine),
    /// A program that speaks HTTP by itself.
    Http(Box<HttpProgram>),
}

/// A Python application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The module.
    pub module: String,
    /// The attribute of the module that is the application.
    pub attribute: String,
    /// Which of the two it is, if somebody said; else the worker finds out.
    pub interface: Option<Interface>,
}

/// How a Python application is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they have their names from their standards")]
pub enum Interface {
    Wsgi,
    Asgi,
}

/// A program with an HTTP server of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProgram {
    /// The program. `{port}` and `{socket}` in its words stand for where it is to listen.
    pub command: CommandLine,
    /// Where it listens.
    pub listens: Given<Listens>,
    /// The path that tells whether it is ready.
    pub health: Given<String>,
    /// The path that invocations go to.
    pub invocations: Given<String>,
}

/// Where a program with an HTTP server of its own listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listens {
    /// At this port.
    Port(u16),
    /// At a port that we choose, from this range if there is one.
    ChosenPort(Option<RangeInclusive<u16>>),
    /// At this Unix socket.
    Socket(Utf8PathBuf),
    /// At a Unix socket whose path we choose.
    ChosenSocket,
}

/// What stands for the port in a program's words.
pub const PORT_PLACEHOLDER: &str = "{port}";
/// What stands for the path of the Unix socket in a program's words.
pub const SOCKET_PLACEHOLDER: &str = "{socket}";

/// The most bytes that the path of a Unix socket may have: the 108 of `sockaddr_un` less the NUL.
const MAX_SOCKET_PATH: usize = 107;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Auto,
    Python,
    Application(Interface),
    Exec,
    Http,
}

/// What is named to be run, whatever the kind.
#[derive(Debug)]
struct Named {
    exec: Option<Given<CommandLine>>,
    http: Option<Given<CommandLine>>,
    application: Option<Given<Application>>,
}

impl Program {
    /// Its name in messages and in the start-up table.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Application(application) => match application.interface {
                Some(Interface::Wsgi) => "wsgi",
                Some(Interface::Asgi) => "asgi",
                None => "application",
            },
            Self::Exec(_) => "exec",
            Self::Http(_) => "http",
        }
    }

    /// True if a worker of ours runs Python.
    pub fn is_python(&self) -> bool {
        matches!(self, Self::Functions | Self::Application(_))
    }

    /// `words`: a command that was given on our own command line.
    pub(super) fn read(reader: &mut Reader<'_>, words: Option<&[OsString]>) -> Given<Self> {
        let kind = reader.word(
            vars::OPTML_KIND,
            &[
                ("auto", Kind::Auto),
                ("python", Kind::Python),
                ("wsgi", Kind::Application(Interface::Wsgi)),
                ("asgi", Kind::Application(Interface::Asgi)),
                ("exec", Kind::Exec),
                ("http", Kind::Http),
            ],
        );
        let named = Named::read(reader, words);
        let program = named.choose(reader, &kind);
        let origin = program.origin.clone();
        let program = program.map(|chosen| match chosen {
            Self::Http(program) => Self::Http(Box::new(program.read_places(reader, &origin))),
            other => {
                for variable in [
                    vars::OPTML_HTTP_PORT,
                    vars::OPTML_HTTP_SOCKET,
                    vars::OPTML_HTTP_HEALTH,
                    vars::OPTML_HTTP_INVOCATIONS,
                ] {
                    reader.unused(variable, "the kind is not `http`");
                }
                other
            }
        });
        if matches!(program.value, Self::Functions) && kind.value == Kind::Python {
            let why = format!("`{}` is `python`", vars::OPTML_KIND.name);
            reader.unused(vars::SAGEMAKER_SERVING_MODULE, &why);
        }
        program
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Python => "python",
            Self::Application(Interface::Wsgi) => "wsgi",
            Self::Application(Interface::Asgi) => "asgi",
            Self::Exec => "exec",
            Self::Http => "http",
        }
    }
}

impl Named {
    fn read(reader: &mut Reader<'_>, words: Option<&[OsString]>) -> Self {
        let exec = reader.parse(vars::OPTML_EXEC, CommandLine::split);
        let http = match words {
            None => reader.parse(vars::OPTML_HTTP, CommandLine::split),
            Some(words) => {
                let origin = Origin::Derived("the command after `--`".to_owned());
                reader.unused(vars::OPTML_HTTP, "the command after `--` counts");
                let command = CommandLine::from_words(words);
                if command.is_none() {
                    reader.minds(origin.clone(), ServingProblem::NoWords);
                }
                command.map(|command| Given::new(command, origin))
            }
        };
        if let (Some(exec), Some(http)) = (&exec, &http) {
            let other = http.origin.clone();
            reader.minds(exec.origin.clone(), ServingProblem::TwoPrograms { other });
        }
        let application = reader.parse(vars::SAGEMAKER_SERVING_MODULE, |raw| {
            application(&raw.to_string_lossy())
        });
        Self {
            exec,
            http,
            application,
        }
    }

    fn choose(self, reader: &mut Reader<'_>, kind: &Given<Kind>) -> Given<Program> {
        let is_refused = self.refuse_others(reader, kind);
        let exec = self.exec.map(|exec| exec.map(Program::Exec));
        let http = self
            .http
            .map(|http| http.map(|command| Program::Http(Box::new(HttpProgram::new(command)))));
        let application = |interface| {
            let with = |application| Application {
                interface,
                ..application
            };
            self.application
                .map(|found| found.map(|application| Program::Application(with(application))))
        };
        let (chosen, needs) = match kind.value {
            Kind::Auto => {
                let chosen = exec.or(http).or_else(|| application(None));
                return chosen.unwrap_or_else(|| Given::default(Program::Functions));
            }
            Kind::Python => return Given::new(Program::Functions, kind.origin.clone()),
            Kind::Exec => (exec, vars::OPTML_EXEC),
            Kind::Http => (http, vars::OPTML_HTTP),
            Kind::Application(interface) => {
                (application(Some(interface)), vars::SAGEMAKER_SERVING_MODULE)
            }
        };
        // One that is set and cannot be read has been reported.
        if chosen.is_none() && !is_refused && !reader.is_set(needs) {
            let problem = ServingProblem::NothingToRun {
                kind: kind.value.name(),
                needs: needs.name,
            };
            reader.minds(kind.origin.clone(), problem);
        }
        chosen.unwrap_or_else(|| Given::default(Program::Functions))
    }

    /// A kind that somebody named, and a command of another kind. True if there is one.
    fn refuse_others(&self, reader: &mut Reader<'_>, kind: &Given<Kind>) -> bool {
        let of_another = [(&self.exec, Kind::Exec), (&self.http, Kind::Http)]
            .into_iter()
            .filter(|(_, its)| kind.value != Kind::Auto && kind.value != *its)
            .filter_map(|(command, _)| command.as_ref());
        let mut is_refused = false;
        for command in of_another {
            is_refused = true;
            let problem = ServingProblem::OtherKind {
                kind: kind.value.name(),
                program: command.origin.clone(),
            };
            reader.minds(kind.origin.clone(), problem);
        }
        is_refused
    }
}

impl HttpProgram {
    fn new(command: CommandLine) -> Self {
        Self {
            command,
            listens: Given::default(Listens::ChosenPort(None)),
            health: Given::default(vars::OPTML_HTTP_HEALTH.default.to_owned()),
            invocations: Given::default(vars::OPTML_HTTP_INVOCATIONS.default.to_owned()),
        }
    }

    fn read_places(self, reader: &mut Reader<'_>, origin: &Origin) -> Self {
        let path = |raw: &std::ffi::OsStr| request_path(&raw.to_string_lossy());
        let listens = listens(reader, &self.command, origin);
        Self {
            listens,
            health: reader
                .parse(vars::OPTML_HTTP_HEALTH, path)
                .unwrap_or(self.health),
            invocations: reader
                .parse(vars::OPTML_HTTP_INVOCATIONS, path)
                .unwrap_or(self.invocations),
            command: self.command,
        }
    }
}

/// `origin`: where the command came from.
fn listens(reader: &mut Reader<'_>, command: &CommandLine, origin: &Origin) -> Given<Listens> {
    let number = Number::new(vars::OPTML_HTTP_PORT, 1..=u64::from(u16::MAX));
    let port = reader.number(&[number]).map(|port| port.map(to_port));
    let socket = reader.parse(vars::OPTML_HTTP_SOCKET, |raw| {
        socket_path(&raw.to_string_lossy())
    });
    let range = reader.port_range(vars::SAGEMAKER_SAFE_PORT_RANGE);
    if let (Some(port), Some(socket)) = (&port, &socket) {
        let other = socket.origin.clone();
        reader.minds(port.origin.clone(), ServingProblem::TwoPlaces { other });
    }
    let asks_port = command.mentions(PORT_PLACEHOLDER);
    let asks_socket = command.mentions(SOCKET_PLACEHOLDER);
    let mut refuse = |origin: &Origin, word, place| {
        reader.minds(origin.clone(), ServingProblem::OtherPlace { word, place });
    };
    match (port, socket) {
        (Some(port), _) => {
            if asks_socket {
                refuse(&port.origin, SOCKET_PLACEHOLDER, "port");
            }
            port.map(Listens::Port)
        }
        (None, Some(socket)) => {
            if asks_port {
                refuse(&socket.origin, PORT_PLACEHOLDER, "Unix socket");
            }
            socket.map(Listens::Socket)
        }
        (None, None) if asks_socket => {
            if asks_port {
                refuse(origin, PORT_PLACEHOLDER, "Unix socket");
            }
            let why = format!("the command has `{SOCKET_PLACEHOLDER}`");
            Given::new(Listens::ChosenSocket, Origin::Derived(why))
        }
        (None, None) => match range {
            Some(range) => range.map(|range| Listens::ChosenPort(Some(range))),
            None => Given::default(Listens::ChosenPort(None)),
        },
    }
}

fn application(text: &str) -> Result<Application, ServingProblem> {
    let parts = text.trim().split_once(':');
    let parts = parts.filter(|(module, attribute)| is_dotted(module) && is_dotted(attribute));
    match parts {
        Some((module, attribute)) => Ok(Application {
            module: module.to_owned(),
            attribute: attribute.to_owned(),
            interface: None,
        }),
        None => Err(ServingProblem::NotModuleAttribute {
            value: text.to_owned(),
        }),
    }
}

/// Names with dots between them. Python decides what a name is; what surely is none is refused here.
fn is_dotted(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "/:()".contains(c))
    };
    text.split('.').all(is_name)
}

fn request_path(text: &str) -> Result<String, ServingProblem> {
    let path = text.trim();
    let fits = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(path.to_owned())
    } else {
        Err(ServingProblem::NotARequestPath {
            value: text.to_owned(),
        })
    }
}

fn socket_path(text: &str) -> Result<Utf8PathBuf, ServingProblem> {
    if text.len() > MAX_SOCKET_PATH {
        return Err(ServingProblem::SocketPathTooLong {
            n_bytes: text.len(),
            max: MAX_SOCKET_PATH,
        });
    }
    Ok(text.into())
}

//! What only `serve` minds in its settings.

use camino::Utf8PathBuf;

use super::given::Bytes;
use crate::{config::Origin, text::Text};

/// What is wrong with a setting of `serve`, beyond its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServingProblem {
    /// Not the address of an interface.
    #[error("`{value}` is not an IP address")]
    NotAnAddress {
        /// What was given.
        value: String,
    },
    /// Two ports that must differ do not.
    #[error("port {port} is already that of {other}")]
    SamePort {
        /// The port.
        port: u16,
        /// The other setting.
        other: Origin,
    },
    /// A quote that does not end.
    #[error("the quote {quote} is not closed")]
    OpenQuote {
        /// The quote.
        quote: char,
    },
    /// A backslash with nothing to quote.
    #[error("it ends with a backslash")]
    OpenBackslash,
    /// A command line without a word.
    #[error("it names no program")]
    NoWords,
    /// Two programs to run.
    #[error("{other} names a program too")]
    TwoPrograms {
        /// The other setting.
        other: Origin,
    },
    /// A kind, and a program of another kind.
    #[error("kind `{kind}` does not run what {program} names")]
    OtherKind {
        /// The kind.
        kind: &'static str,
        /// The setting that names the program.
        program: Origin,
    },
    /// A kind without what it runs.
    #[error("kind `{kind}` runs what `{needs}` names, and that is not set")]
    NothingToRun {
        /// The kind.
        kind: &'static str,
        /// The variable that is missing.
        needs: &'static str,
    },
    /// Two places where a program would listen.
    #[error("{other} says another place where the program listens")]
    TwoPlaces {
        /// The other setting.
        other: Origin,
    },
    /// A word of the command asks for something that is not there.
    #[error("the command has a word with `{word}`, and the program listens at a {place}")]
    OtherPlace {
        /// The placeholder.
        word: &'static str,
        /// What there is instead.
        place: &'static str,
    },
    /// The path of a Unix socket that the system does not take.
    #[error("the path has {n_bytes} bytes, and a socket's path has at most {max}")]
    SocketPathTooLong {
        /// Its length.
        n_bytes: usize,
        /// The most that there can be.
        max: usize,
    },
    /// Not the path of a request.
    #[error("`{value}` is not a path that begins with `/`")]
    NotARequestPath {
        /// What was given.
        value: String,
    },
    /// Not `module:attribute`.
    #[error("`{value}` is not `module:attribute`")]
    NotModuleAttribute {
        /// What was given.
        value: String,
    },
    /// Not the name of a module in the code directory.
    #[error("`{value}` is not a module or file in the code directory")]
    NotAModule {
        /// What was given.
        value: Text,
    },
    /// Not a file of Python.
    #[error("`{path}` is not a Python file")]
    NotPython {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A file that must be there is not.
    #[error("there is no file `{path}`")]
    NoFile {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A directory that must be there is not.
    #[error("there is no directory `{path}`")]
    NoDirectory {
        /// The directory.
        path: Utf8PathBuf,
    },
    /// Code in an object store, and nowhere else.
    #[error(
        "`{url}` is in an object store, which `serve` does not read, and there is no `{instead}`"
    )]
    ObjectStore {
        /// Where it is.
        url: String,
        /// Where it could be.
        instead: Utf8PathBuf,
    },
    /// An explicit entry point, and no directory that could hold it.
    #[error("there is no code directory for it: looked for {}", listed(looked_at))]
    NoCode {
        /// The directories.
        looked_at: Vec<Utf8PathBuf>,
    },
    /// Many models on one endpoint.
    #[error("many models on one endpoint are not in this version")]
    MultiModel,
    /// A limit that another one makes useless.
    #[error("{value} is more than the {limit} of {other}")]
    MoreThan {
        /// What was given.
        value: Bytes,
        /// The other limit.
        limit: Bytes,
        /// Where that comes from.
        other: Origin,
    },
}

impl ServingProblem {
    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotAnAddress { .. } => {
                "`0.0.0.0` listens on every interface, `127.0.0.1` on this machine only"
            }
            Self::SamePort { .. } => "give one of them another port",
            Self::OpenQuote { .. } | Self::OpenBackslash => {
                "words are split as a shell does, without expanding anything; quote with '…', \"…\" or a backslash"
            }
            Self::TwoPrograms { .. } | Self::TwoPlaces { .. } => "keep one of them",
            Self::OtherKind { .. } => {
                "leave `OPTML_KIND` out, and what is set decides; or take the other setting away"
            }
            Self::NothingToRun { .. } => "set it, or leave `OPTML_KIND` out",
            Self::OtherPlace { .. } => {
                "`{port}` goes with a port, `{socket}` with a Unix socket: use one of them"
            }
            Self::SocketPathTooLong { .. } => "choose a shorter path, for example below `/tmp`",
            Self::NotModuleAttribute { .. } => "write it like `package.module:app`",
            Self::NotAModule { .. } => "give the name of a file in it, for example `inference.py`",
            Self::ObjectStore { .. } => {
                "put the code into the model archive below `code/`, or into the image and name its directory"
            }
            Self::MultiModel => {
                "unset it and serve one model, or use an image that has a multi-model server"
            }
            Self::MoreThan { .. } => "raise the one or lower the other",
            Self::NoWords
            | Self::NotARequestPath { .. }
            | Self::NotPython { .. }
            | Self::NoFile { .. }
            | Self::NoDirectory { .. }
            | Self::NoCode { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn listed(paths: &[Utf8PathBuf]) -> String {
    let quoted: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    quoted.join(", ")
}

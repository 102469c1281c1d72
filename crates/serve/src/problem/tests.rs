use std::{fmt::Write, sync::Arc};

use optml_codec::error::{JsonFault, NpyFault};

use super::*;
use crate::{call::Failure, http::fault::Excerpt};

const S: Duration = Duration::from_secs(1);

fn raised(status: u16, kind: &str, detail: &str) -> Problem {
    Problem::Refused(Refusal::Raised(Failure {
        status,
        kind: kind.to_owned(),
        message: "bad\nvalue".to_owned(),
        detail: detail.to_owned(),
    }))
}

fn died(memory: MemoryCause) -> Problem {
    Problem::Refused(Refusal::Died {
        how: Arc::from("killed by signal 9"),
        memory,
    })
}

/// One of each kind; where the facts change the answer, one of each of those.
fn every_problem() -> Vec<Problem> {
    let malformed = CodecError::MalformedJson {
        line: 1,
        column: 4,
        fault: JsonFault::ExpectedValue,
    };
    let unsupported = CodecError::UnsupportedContentType {
        content_type: "image/png".to_owned(),
        supported: "`text/csv`".to_owned(),
    };
    let not_acceptable = CodecError::NotAcceptable {
        accept: "image/png".to_owned(),
        supported: "`text/csv`".to_owned(),
    };
    let too_large = CodecError::TooLarge {
        content_type: "application/x-npy",
        limit: 65_535,
    };
    vec![
        Problem::Http(Fault::HostMissing),
        Problem::Http(Fault::ControlByte { byte: 0x16, at: 0 }),
        Problem::Http(Fault::HeadTooLong {
            limit_bytes: 65_536,
        }),
        Problem::SlowHead { limit: 10 * S },
        Problem::SlowBody { limit: 30 * S },
        Problem::ShortBody,
        Problem::NoRoute,
        Problem::Method { allow: "POST" },
        Problem::TooLarge {
            n_bytes: Some(9),
            limit_bytes: 8,
        },
        Problem::TooLarge {
            n_bytes: None,
            limit_bytes: 8,
        },
        Problem::NoRoom,
        Problem::ContentEncoding,
        Problem::Codec(malformed),
        Problem::Codec(CodecError::ObjectArray),
        Problem::Codec(CodecError::MalformedNpy(NpyFault::Magic)),
        Problem::Codec(unsupported),
        Problem::Codec(not_acceptable),
        Problem::Codec(too_large),
        Problem::Refused(Refusal::QueueFull { waiting: 100 }),
        Problem::Refused(Refusal::QueueTimeout {
            waited: 60 * S + S / 4,
        }),
        Problem::Refused(Refusal::NotReady { state: "loading" }),
        Problem::Refused(Refusal::Draining),
        Problem::Refused(Refusal::Deadline),
        died(MemoryCause::Other),
        died(MemoryCause::OutOfMemory),
        raised(500, "KeyError", "Traceback"),
        raised(422, "ValueError", ""),
        raised(500, "", ""),
        Problem::Refused(Refusal::Cancelled),
        Problem::Answer(ResponseFault::Status { status: 99 }),
        Problem::Answer(ResponseFault::FieldName {
            name: Excerpt::of(b"a b"),
        }),
        Problem::Internal("the reason"),
    ]
}

/// What clients are told. A program may look at the status and at the type, so that both stay as they are.
#[test]
fn every_problem_has_its_answer() {
    let mut table = String::new();
    for problem in every_problem() {
        let ErrorBody {
            code,
            kind,
            message,
        } = problem.body(ErrorDetail::Message);
        writeln!(table, "{code} {kind} {message:?}").unwrap();
    }
    let expected = r#"400 BadRequestException "no `host`, which HTTP/1.1 requires"
400 BadRequestException "the control byte 0x16 at byte 0 of the request head (does the client speak TLS? this port speaks plain HTTP)"
431 RequestHeaderFieldsTooLargeException "a request head of more than 65536 bytes"
408 RequestTimeoutException "the request's head did not arrive within 10 s"
408 RequestTimeoutException "no more of the request's body arrived for 30 s"
400 BadRequestException "the connection ended inside the request's body"
404 ResourceNotFoundException "no such resource: there are /ping, /invocations and /execution-parameters"
405 MethodNotAllowedException "the method is not allowed here: use POST"
413 PayloadTooLargeException "the body has 9 bytes, and at most 8 are accepted"
413 PayloadTooLargeException "the body has more than 8 bytes, which is as many as are accepted"
503 ServiceUnavailableException "too many bytes of requests are in memory"
415 UnsupportedMediaTypeException "compressed bodies are not accepted: send it without Content-Encoding"
400 BadRequestException "malformed JSON at line 1, column 4: expected a value"
400 BadRequestException "object arrays are not accepted (give the array a numeric dtype before saving it, `array.astype(float)`)"
400 BadRequestException "malformed NPY: the magic bytes are missing"
415 UnsupportedMediaTypeException "the content type `image/png` is not supported, these are: `text/csv`"
406 NotAcceptableException "none of `image/png` can be produced, these can: `text/csv`"
500 InternalServerException "the result needs more than the 65535 bytes that one part of `application/x-npy` can have"
503 ServiceUnavailableException "all workers are busy, and 100 requests wait already"
503 ServiceUnavailableException "no worker was free within 60.25 s"
503 ModelNotReadyException "the model is not ready: loading"
503 ModelShuttingDownException "the server is about to end"
504 GatewayTimeoutException "the model took too long"
502 BadGatewayException "the worker ended while it ran this request: killed by signal 9"
507 InsufficientStorageException "the worker ran out of memory"
500 KeyError "bad\nvalue"
422 ValueError "bad\nvalue"
500 ModelException "bad\nvalue"
500 InternalServerException "the request was given up before it was answered"
500 InternalServerException "the model's answer can't be sent: a response with status 99"
500 InternalServerException "the model's answer can't be sent: a response header whose name is not a token: `a b`"
500 InternalServerException "the reason"
"#;
    assert_eq!(table, expected);
}

/// What we do about it: a further header, the end of the connection, whom it concerns, and what it is counted as.
#[test]
fn every_problem_has_its_consequences() {
    let mut table = String::new();
    for problem in every_problem() {
        let code = problem.body(ErrorDetail::Message).code;
        let field = problem.fields().map_or("-".into(), |(name, value)| {
            [name, value].map(String::from_utf8_lossy).join("=")
        });
        let end = if problem.ends_connection() {
            "ends"
        } else {
            "goes on"
        };
        let blame = problem.blame();
        let rejection = problem.rejection().unwrap_or("-");
        writeln!(table, "{code} {field}, {end}, {blame:?}, {rejection}").unwrap();
    }
    let expected = "400 -, ends, Client, malformed
400 -, ends, Client, malformed
431 -, ends, Client, malformed
408 -, ends, Client, timeout
408 -, ends, Client, timeout
400 -, ends, Client, malformed
404 -, goes on, Client, -
405 allow=POST, goes on, Client, -
413 -, ends, Client, too_large
413 -, ends, Client, too_large
503 retry-after=1, ends, Moment, full
415 -, goes on, Client, -
400 -, goes on, Client, -
400 -, goes on, Client, -
400 -, goes on, Client, -
415 -, goes on, Client, -
406 -, goes on, Client, -
500 -, goes on, Server, -
503 retry-after=1, goes on, Moment, full
503 retry-after=1, goes on, Moment, timeout
503 retry-after=1, goes on, Moment, not_ready
503 retry-after=1, goes on, Moment, not_ready
504 -, goes on, Server, timeout
502 -, goes on, Server, -
507 -, goes on, Server, -
500 -, goes on, Server, -
422 -, goes on, Client, -
500 -, goes on, Server, -
500 -, goes on, Client, -
500 -, goes on, Server, -
500 -, goes on, Server, -
500 -, goes on, Server, -
";
    assert_eq!(table, expected);
}

#[test]
fn an_answer_is_one_line_and_its_status_an_error() {
    for problem in every_problem() {
        for detail in [
            ErrorDetail::None,
            ErrorDetail::Message,
            ErrorDetail::Traceback,
        ] {
            let body = problem.body(detail);
            assert!((400..600).contains(&body.code), "{problem:?}");
            assert!(!body.kind.is_empty(), "{problem:?}");
            let json = String::from_utf8(body.to_json("id")).unwrap();
            assert_eq!(json.find('\n'), Some(json.len() - 1), "{json}");
        }
        if !matches!(problem, Problem::Refused(Refusal::Raised(_))) {
            let message = problem.body(ErrorDetail::Message).message;
            let first = message.chars().next().unwrap();
            assert!(
                !first.is_uppercase() && !message.ends_with('.'),
                "{message}"
            );
            assert!(!message.contains('\n'), "{message}");
            // How much is told of user code's failures changes nothing about ours.
            assert_eq!(problem.body(ErrorDetail::None).message, message);
        }
    }
}

#[test]
fn what_user_code_raised_is_told_as_far_as_the_operator_wants() {
    let message = |problem: &Problem, detail| problem.body(detail).message.into_owned();
    let problem = raised(500, "KeyError", "Traceback");
    assert_eq!(message(&problem, ErrorDetail::None), "");
    assert_eq!(message(&problem, ErrorDetail::Message), "bad\nvalue");
    assert_eq!(message(&problem, ErrorDetail::Traceback), "Traceback");
    assert_eq!(problem.detail(), Some("Traceback"));
    let problem = raised(500, "KeyError", "");
    assert_eq!(message(&problem, ErrorDetail::Traceback), "bad\nvalue");
    assert_eq!(problem.detail(), None);
    assert_eq!(Problem::NoRoute.detail(), None);
}

#[test]
fn durations_have_a_fraction_only_where_there_is_one() {
    let text = |ms| seconds(Duration::from_millis(ms)).to_string();
    assert_eq!([0, 1, 1500, 60_000].map(text), ["0", "0.001", "1.5", "60"]);
    assert_eq!(
        seconds(Duration::from_nanos(1_000_499_999)).to_string(),
        "1"
    );
}

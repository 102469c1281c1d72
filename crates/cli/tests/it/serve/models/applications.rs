//! Applications of web frameworks, hosted in workers: WSGI and ASGI.

use std::fs;

use optml_testkit::BodyEnd;

use super::Serving;

/// `app.py` in the code directory, named by the variable of the older toolkit.
fn application(source: &str) -> Serving {
    Serving::empty()
        .file("model/code/app.py", source)
        .variable("SAGEMAKER_SERVING_MODULE", "app:app")
}

/// An application that the reference validator of the standard library watches, from both sides.
const VALIDATED: &str = "
import json
from wsgiref.validate import validator

def plain(environ, start_response):
    path = environ['PATH_INFO']
    body = environ['wsgi.input'].read(int(environ['CONTENT_LENGTH'] or 0))
    if path == '/ping':
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return [b'']
    if environ.get('HTTP_X_HOW') == 'stream':
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return (b'%d\\n' % n for n in range(3))
    if environ.get('HTTP_X_HOW') == 'write':
        write = start_response('202 Accepted', [('Content-Type', 'text/plain')])
        write(b'written, ')
        return [b'returned']
    if environ.get('HTTP_X_HOW') == 'fault':
        try:
            raise ValueError('no')
        except ValueError:
            import sys
            start_response('400 Bad Request', [('Content-Type', 'text/plain')], sys.exc_info())
        return [b'fault']
    start_response('200 OK', [('Content-Type', 'application/json'), ('X-Twice', '1'), ('X-Twice', '2')])
    seen = {name: environ[name] for name in sorted(environ) if isinstance(environ[name], str) and not name.startswith('OPTML')}
    return [json.dumps({'environ': seen, 'body': body.decode('latin-1'), 'flags': [environ['wsgi.multithread'],
        environ['wsgi.multiprocess'], environ['wsgi.run_once'], list(environ['wsgi.version'])]}).encode()]

app = validator(plain)
";

#[test]
fn wsgi_is_spoken_as_the_validator_of_the_standard_library_wants_it() {
    let served = application(VALIDATED).ready();
    let headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("X-Two-Words", "a"),
        ("X-Two-Words", "b"),
        ("X_Two_Words", "not this"),
    ];
    let response = served.request("POST", "/invocations?v=%202&w", &headers, b"caf\xe9");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    let twice = response.headers.iter();
    assert_eq!(
        twice
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-twice"))
            .count(),
        2
    );
    let seen: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(seen["body"], "café");
    assert_eq!(seen["flags"].to_string(), "[false,true,false,[1,0]]");
    let port = served.address.port().to_string();
    for (name, value) in [
        ("REQUEST_METHOD", "POST"),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", "/invocations"),
        ("QUERY_STRING", "v=%202&w"),
        ("CONTENT_TYPE", "text/plain; charset=utf-8"),
        ("CONTENT_LENGTH", "4"),
        ("SERVER_NAME", "test"),
        ("SERVER_PORT", &port),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("HTTP_X_TWO_WORDS", "a,b"),
        ("HTTP_HOST", "test"),
        ("wsgi.url_scheme", "http"),
    ] {
        assert_eq!(seen["environ"][name], value, "{name}");
    }
    for (how, status, body) in [
        ("stream", 200, "0\n1\n2\n"),
        ("write", 202, "written, returned"),
        ("fault", 400, "fault"),
    ] {
        let response = served.request("POST", "/invocations", &[("X-How", how)], b"x");
        assert_eq!(
            (response.status, response.text().as_str()),
            (status, body),
            "{how}"
        );
        assert_eq!(response.end, BodyEnd::Complete, "{how}");
    }
    let finished = served.stop();
    assert!(
        !finished.stderr.contains("AssertionError"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains("warning:"), "{}", finished.stderr);
}

const FLASK: &str = "
import flask
app = flask.Flask(__name__)
model = []

@app.get('/ping')
def ping():
    # Loaded at the first request, as some images do: the server has to make one before it is ready.
    model.append(2)
    return ''

@app.post('/invocations')
def invocations():
    if not model:
        flask.abort(503, 'the model is not loaded')
    numbers = flask.request.get_json()
    if 'stream' in flask.request.args:
        return flask.Response((f'{number * model[0]}\\n' for number in numbers), mimetype='text/csv')
    if not numbers:
        flask.abort(422)
    if numbers == ['raise']:
        raise RuntimeError('of its own')
    return flask.jsonify([number * model[0] for number in numbers])

@app.post('/elsewhere')
def elsewhere():
    return 'not reached'

@app.get('/execution-parameters')
def parameters():
    return {'MaxPayloadInMB': 7}
";

#[test]
fn a_flask_application_is_served_as_it_is() {
    let served = application(FLASK).variable("OPTML_WORKERS", "2").ready();
    // Both workers: each has had its model loaded before it was ready.
    let mut clients = [served.client(), served.client(), served.client()];
    for n in 0..12 {
        let response = clients[n % 3].request(
            "POST",
            "/invocations",
            &[("Content-Type", "application/json")],
            b"[1, 2.5]",
        );
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "[2,5.0]\n")
        );
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
    let csv = served.request(
        "POST",
        "/invocations?stream",
        &[("Content-Type", "application/json")],
        b"[1, 2]",
    );
    assert_eq!(csv.text(), "2\n4\n");
    // What Flask says, and what it says of its own faults, is passed on as it is.
    let empty = served.invoke("application/json", b"[]");
    assert_eq!(empty.status, 422);
    assert!(empty.text().contains("<!doctype html>"), "{}", empty.text());
    assert_eq!(served.invoke("application/json", b"{").status, 400);
    assert_eq!(served.invoke("text/csv", b"1").status, 415);
    assert_eq!(
        served.invoke("application/json", b"[\"raise\"]").status,
        500
    );
    let parameters = served.request("GET", "/execution-parameters", &[], b"");
    assert_eq!(parameters.text(), "{\"MaxPayloadInMB\":7}\n");
    // Only what the platform calls is open.
    assert_eq!(served.request("POST", "/elsewhere", &[], b"").status, 404);
    assert_eq!(served.stop().code, Some(0));
}

const STARLETTE: &str = "
import asyncio, contextlib, os
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

@contextlib.asynccontextmanager
async def lifespan(app):
    await asyncio.sleep(0)
    app.state.model = 3
    open('started', 'w').close()
    yield {'shared': 'by lifespan'}
    open('stopped', 'w').close()

async def ping(request):
    return PlainTextResponse('')

async def invocations(request):
    how = request.headers.get('x-how')
    if how == 'stream':
        return StreamingResponse(pieces(), media_type='text/event-stream')
    if how == 'break':
        return StreamingResponse(breaking())
    if how == 'pieces':
        sizes = [len(piece) async for piece in request.stream()]
        return JSONResponse(sum(sizes))
    if how == 'raise':
        raise RuntimeError('of its own')
    numbers = await request.json()
    return JSONResponse({'answer': [number * request.app.state.model for number in numbers], 'shared': request.state.shared,
        'path': request.url.path, 'query': dict(request.query_params), 'client': request.client.host})

async def pieces():
    for n in range(3):
        # The client opens the gate when it has the piece before.
        while not os.path.exists('gate%d' % n):
            await asyncio.sleep(0.002)
        yield 'data: %d\\n\\n' % n

async def breaking():
    yield 'begun'
    raise RuntimeError('in the middle')

app = Starlette(routes=[Route('/ping', ping), Route('/invocations', invocations, methods=['POST'])], lifespan=lifespan)
";

#[test]
fn a_starlette_application_lives_from_its_start_up_to_its_shutdown() {
    let served = application(STARLETTE).ready();
    assert!(served.path("started").exists());
    let response = served.request(
        "POST",
        "/invocations?a=1",
        &[("Content-Type", "application/json")],
        b"[1, 2]",
    );
    assert_eq!(
        response.text(),
        r#"{"answer":[3,6],"shared":"by lifespan","path":"/invocations","query":{"a":"1"},"client":"127.0.0.1"}"#
    );
    for n_bytes in [0, 100, 1 << 20, 5_000_000] {
        let body = vec![b'x'; n_bytes];
        let response = served.request("POST", "/invocations", &[("X-How", "pieces")], &body);
        assert_eq!(response.text(), n_bytes.to_string());
    }
    assert_eq!(
        served
            .request("POST", "/invocations", &[("X-How", "raise")], b"")
            .status,
        500
    );
    assert!(!served.path("stopped").exists());
    let (finished, folder) = served.stop_and_keep_files();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(folder.path().join("stopped").exists());
}

#[test]
fn each_piece_of_a_starlette_stream_is_there_before_the_next_is_made() {
    let served = application(STARLETTE).ready();
    let mut client = served.client();
    client.send(
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX-How: stream\r\nContent-Length: 0\r\n\r\n",
    );
    fs::write(served.path("gate0"), "").unwrap();
    let (status, headers) = client.head().unwrap();
    assert_eq!(status, 200);
    assert!(
        headers
            .iter()
            .any(|(_, value)| value.starts_with("text/event-stream")),
        "{headers:?}"
    );
    for n in 0..3 {
        assert_eq!(
            client.chunk().unwrap().unwrap(),
            format!("data: {n}\n\n").as_bytes()
        );
        fs::write(served.path(&format!("gate{}", n + 1)), "").unwrap();
    }
    assert_eq!(client.chunk().unwrap(), Some(Vec::new()));
    // A stream that breaks is one that the client can tell from a whole one.
    let response = served.request("POST", "/invocations", &[("X-How", "break")], b"");
    assert_eq!((response.status, response.end), (200, BodyEnd::Broken));
    assert_eq!(response.text(), "begun");
    assert_eq!(served.ping(), 200);
}

#[test]
fn requests_of_one_asgi_worker_run_beside_each_other() {
    let served = application(
        "import asyncio
waiting = []

async def app(scope, receive, send):
    if scope['type'] != 'http':
        raise RuntimeError('no lifespan here')
    event = asyncio.Event()
    waiting.append(event)
    if len(waiting) == 8:
        for each in waiting:
            each.set()
    await event.wait()
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'x-n', b'%d' % len(waiting))]})
    await send({'type': 'http.response.body', 'body': b'together'})
",
    )
    .ready();
    // None is answered before all eight are there.
    let mut clients: Vec<_> = (0..8).map(|_| served.client()).collect();
    for client in &mut clients {
        client.send(b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi");
    }
    for client in &mut clients {
        let response = client.response("POST");
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "together")
        );
    }
}

#[test]
fn an_application_that_can_not_be_served_ends_the_server_with_its_reason() {
    for (source, variable, reason) in [
        ("app = 7", "app:app", "`app:app` is a int"),
        ("", "app:app", "`app` has no `app`"),
        ("", "absent:app", "there is no module `absent`"),
        ("1 / 0", "app:app", "ZeroDivisionError"),
        (
            "import starlette.applications, contextlib
@contextlib.asynccontextmanager
async def lifespan(app):
    raise RuntimeError('no database')
    yield
app = starlette.applications.Starlette(lifespan=lifespan)",
            "app:app",
            "no database",
        ),
    ] {
        let finished = application(source)
            .variable("SAGEMAKER_SERVING_MODULE", variable)
            .fails();
        assert_eq!(finished.code, Some(1), "{source}: {}", finished.stderr);
        assert!(
            finished.stderr.contains(reason),
            "{reason}: {}",
            finished.stderr
        );
    }
}

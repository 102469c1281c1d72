//! `GET /metrics`, on a port of its own on loopback.
//!
//! One request a connection, within [`TIME`]; then the connection is closed. The text is written on another thread, so that whoever
//! asks delays no invocation.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{spawn_blocking, spawn_local},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{
    connection::Input,
    http::{
        BodyLength, Fault, HeadLimits, HeadParser, Method, Persistence, Progress, RequestHead,
        ResponseStart, put_head,
    },
    listener::{self, BindError},
    metrics::Page,
    site::Site,
};

#[cfg(test)]
mod tests;

/// Serves until the process ends, and switches the metrics on. `port` 0: any.
pub(crate) fn serve(port: u16, site: Rc<Site>) -> Result<SocketAddr, BindError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = listener::bind(address)?;
    let local = listener.local_addr().unwrap_or(address);
    site.metrics.switch_on();
    spawn_local(accept(listener, site));
    Ok(local)
}

async fn accept(listener: TcpListener, site: Rc<Site>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Further ones wait in the kernel: a place is free after TIME at the latest.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let site = Rc::clone(&site);
                spawn_local(async move {
                    match timeout(TIME, answer(stream, &site)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => debug!(%error, "nobody took the metrics"),
                        Err(_elapsed) => debug!("a client of the metrics was too slow"),
                    }
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "no connection to the metrics can be accepted now");
                // Descriptors or memory ran out: without a pause this would be a busy loop.
                sleep(PAUSE).await;
            }
        }
    }
}

/// Reads one request, and answers it.
async fn answer(mut stream: TcpStream, site: &Site) -> io::Result<()> {
    let mut input = Input::default();
    let mut head = RequestHead::default();
    let reply = match read_head(&mut stream, &mut input, &mut head).await? {
        Ok(()) => reply_to(&head, &input, site).await,
        Err(fault) => Reply::of_text(fault.status(), format!("{fault}\n")),
    };
    let start = ResponseStart {
        status: reply.status,
        version: head.version(),
        length: BodyLength::Known(reply.text.len() as u64),
        persistence: Persistence::Close,
        date: site.clock.date(),
    };
    let content_type: (&[u8], &[u8]) = (b"content-type", reply.content_type.as_bytes());
    let mut out = Vec::new();
    put_head(&mut out, &start, [content_type]).map_err(io::Error::other)?;
    if head.method() != Method::Head {
        out.extend_from_slice(reply.text.as_bytes());
    }
    stream.write_all(&out).await?;
    linger(&mut stream, &mut input).await
}

/// Reads until the head is whole. The outer error: there will be none.
async fn read_head(
    stream: &mut TcpStream,
    input: &mut Input,
    head: &mut RequestHead,
) -> io::Result<Result<(), Fault>> {
    let mut parser = HeadParser::new(LIMITS);
    loop {
        match parser.parse(input.bytes(), head) {
            Ok(Progress::Complete) => return Ok(Ok(())),
            Ok(Progress::Incomplete) => {}
            Err(fault) => return Ok(Err(fault)),
        }
        if input.fill(stream).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// What is answered.
#[derive(Debug)]
struct Reply {
    status: u16,
    content_type: &'static str,
    text: String,
}

impl Reply {
    fn of_text(status: u16, text: String) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            text,
        }
    }
}

async fn reply_to(head: &RequestHead, input: &Input, site: &Site) -> Reply {
    let is_known = head.path(input.bytes()) == b"/metrics"
        && matches!(head.method(), Method::Get | Method::Head);
    let page = is_known.then(|| site.metrics.page(site)).flatten();
    let Some(page) = page else {
        return Reply::of_text(404, "there is only GET /metrics\n".to_owned());
    };
    match spawn_blocking(move || page.render()).await {
        Ok(Ok(text)) => Reply {
            status: 200,
            content_type: Page::CONTENT_TYPE,
            text,
        },
        Ok(Err(_)) | Err(_) => Reply::of_text(500, "the metrics can't be written\n".to_owned()),
    }
}

/// Waits until the client has closed its side: closed with something unread, the kernel would throw away what was answered.
async fn linger(stream: &mut TcpStream, input: &mut Input) -> io::Result<()> {
    stream.shutdown().await?;
    let mut n_bytes = 0;
    while n_bytes < MAX_UNREAD_BYTES {
        input.discard(usize::MAX);
        match input.fill(stream).await? {
            0 => return Ok(()),
            n => n_bytes += n,
        }
    }
    Ok(())
}

/// A head that asks for the metrics has some hundred bytes.
const LIMITS: HeadLimits = HeadLimits {
    head_bytes: 16 << 10,
    n_fields: 100,
    target_bytes: 2 << 10,
};
/// From the accepted connection to its end.
const TIME: Duration = Duration::from_secs(5);
/// Answered at once; usually there is one scraper, every some seconds.
const MAX_CONNECTIONS: usize = 16;
/// What a client may send on after its head.
const MAX_UNREAD_BYTES: usize = 64 << 10;
const PAUSE: Duration = Duration::from_millis(50);

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio::task::{LocalSet, spawn_local, yield_now};

use super::*;

/// What the writer's side is told of the reader.
#[derive(Debug, Default)]
struct Notes {
    taken: RefCell<Vec<u32>>,
    left: RefCell<Vec<Withdrawal>>,
}

fn noted() -> (StreamWriter, ChunkStream, Rc<Notes>) {
    let notes: Rc<Notes> = Rc::default();
    let (takes, leaves) = (Rc::clone(&notes), Rc::clone(&notes));
    let (writer, reader) = stream(
        move |n_bytes| takes.taken.borrow_mut().push(n_bytes),
        move |why| leaves.left.borrow_mut().push(why),
    );
    (writer, reader, notes)
}

/// What the reader gets without waiting.
fn now(reader: &mut ChunkStream) -> Option<Piece> {
    let next = pin!(reader.next());
    match Future::poll(next, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(piece) => Some(piece),
        Poll::Pending => None,
    }
}

#[test]
fn what_came_meanwhile_is_one_piece() {
    let (writer, mut reader, notes) = noted();
    assert_eq!(now(&mut reader), None);
    for piece in [&b"ab"[..], b"", b"c"] {
        writer.push(piece);
    }
    assert_eq!(now(&mut reader), Some(Piece::Bytes(b"abc".to_vec())));
    assert_eq!(now(&mut reader), None);
    writer.push(b"d");
    assert_eq!(now(&mut reader), Some(Piece::Bytes(b"d".to_vec())));
    assert_eq!(*notes.taken.borrow(), [3, 1]);
}

#[test]
fn the_end_comes_after_all_bytes_and_stays() {
    for end in [StreamEnd::Complete, StreamEnd::Broken(Refusal::Deadline)] {
        let (writer, mut reader, notes) = noted();
        writer.push(b"ab");
        writer.end(end.clone());
        assert_eq!(now(&mut reader), Some(Piece::Bytes(b"ab".to_vec())));
        assert_eq!(now(&mut reader), Some(Piece::End(end.clone())));
        assert_eq!(now(&mut reader), Some(Piece::End(end)));
        assert_eq!(*notes.taken.borrow(), [2]);
    }
}

#[test]
fn a_writer_that_is_dropped_breaks_the_stream() {
    let (writer, mut reader, _) = noted();
    drop(writer);
    let broken = Piece::End(StreamEnd::Broken(Refusal::Cancelled));
    assert_eq!(now(&mut reader), Some(broken));
}

#[test]
fn without_a_reader_bytes_are_thrown_away() {
    let (writer, reader, notes) = noted();
    drop(reader);
    writer.push(b"ab");
    assert!(writer.shared.bytes.borrow().is_empty());
    assert!(notes.taken.borrow().is_empty());
    writer.end(StreamEnd::Complete);
}

#[test]
fn a_reader_that_goes_before_the_end_says_why() {
    let (writer, reader, notes) = noted();
    writer.push(b"ab");
    drop(reader);
    assert_eq!(*notes.left.borrow(), [Withdrawal::ClientGone]);
    let (_writer, reader, notes) = noted();
    reader.give_up();
    assert_eq!(*notes.left.borrow(), [Withdrawal::Deadline]);
}

#[test]
fn one_that_goes_after_it_says_nothing() {
    for end in [StreamEnd::Complete, StreamEnd::Broken(Refusal::Deadline)] {
        let (writer, reader, notes) = noted();
        writer.end(end);
        drop(reader);
        assert_eq!(*notes.left.borrow(), []);
    }
}

#[tokio::test]
async fn a_reader_that_waits_is_woken() {
    let (writer, mut reader, _) = noted();
    let read = async move {
        let reader = spawn_local(async move {
            let mut pieces = Vec::new();
            loop {
                let piece = reader.next().await;
                let is_end = matches!(piece, Piece::End(_));
                pieces.push(piece);
                if is_end {
                    return pieces;
                }
            }
        });
        for piece in [&b"ab"[..], b"c"] {
            yield_now().await;
            writer.push(piece);
        }
        yield_now().await;
        writer.end(StreamEnd::Complete);
        reader.await.unwrap()
    };
    let pieces = LocalSet::new().run_until(read).await;
    let bytes = |bytes: &[u8]| Piece::Bytes(bytes.to_vec());
    assert_eq!(
        pieces,
        [bytes(b"ab"), bytes(b"c"), Piece::End(StreamEnd::Complete)]
    );
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let (writer, mut reader, _) = noted();
    for _ in 0..3 {
        tokio::select! {
            biased;
            piece = reader.next() => panic!("{piece:?}"),
            () = async { writer.push(b"a") } => {}
        }
        assert_eq!(reader.next().await, Piece::Bytes(b"a".to_vec()));
    }
}

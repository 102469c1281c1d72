use super::*;

#[tokio::test]
async fn a_writer_that_is_dropped_breaks_the_stream() {
    let (writer, mut reader) = stream(|_| {});
    drop(writer);
    assert_eq!(reader.next().await, Piece::End(StreamEnd::Broken(Refusal::Cancelled)));
}

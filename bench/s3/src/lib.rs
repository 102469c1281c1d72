//! What the stub and the reader share: the head of an HTTP/1.1 message.

pub mod head;

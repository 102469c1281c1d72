//! Workers that raise, hang, die, leak, print: reliability.md F-15, F-16.

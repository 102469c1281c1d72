//! Clients that break the rules, are slow, or leave: reliability.md 4.2.

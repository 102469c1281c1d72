//! From the start to the end: readiness, failures, stop signals, the port.

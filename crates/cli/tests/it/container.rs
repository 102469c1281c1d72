//! In a container: an image of nothing but the binary and an interpreter, as process 1.
//!
//! With `OPTML_TEST_BIN` naming the static binary, these images hold no library at all; the ordinary build brings the
//! C library along.

mod image;
mod init;
mod memory;

use std::path::Path;

use optml_testkit::{Image, OptMl};

use crate::rig::binary;

/// Nobody in particular: no name, no home, no group of the machine's.
const SOMEBODY: (u32, u32) = (12345, 54321);

/// Fits a line through the points of a channel.
const FIT_A_LINE: &str = r#"#!/bin/sh
echo "parent $PPID, user $(id -u):$(id -g), home ${HOME-none}, in $PWD"
exec awk -F, '
    { n++; x += $1; y += $2; xx += $1 * $1; xy += $1 * $2 }
    END { slope = (n * xy - x * y) / (n * xx - x * x); print slope, (y - slope * x) / n }
' "$SM_CHANNEL_TRAINING/points.csv" >"$SM_MODEL_DIR/line"
"#;

/// The binary and nothing else.
fn bare_image() -> Image {
    Image::new().program(Path::new(&binary()), "/optml")
}

/// The binary and busybox.
fn shell_image() -> Image {
    bare_image().busybox(&[
        "sh", "awk", "cat", "grep", "id", "ls", "readlink", "seq", "setsid", "sleep", "tr", "true",
        "wc",
    ])
}

/// A job for [`FIT_A_LINE`]: y = 2x + 1.
fn line_job() -> OptMl {
    OptMl::with_script("train.sh", FIT_A_LINE).channel("training", "points.csv", "1,3\n2,5\n3,7\n")
}

/// A job for a shell.
fn script(lines: &str) -> OptMl {
    OptMl::with_script("train.sh", &format!("#!/bin/sh\n{lines}\n"))
}

use proptest::prelude::*;

use super::error_line;

#[track_caller]
fn check(stderr: &str, expected: &str) {
    assert_eq!(error_line(stderr.as_bytes()).as_deref(), Some(expected));
}

// What pip 23.2, pip 26.3 and uv 0.13 really print. Paths were shortened.

#[test]
fn pip_finds_no_version() {
    check(
        "ERROR: Could not find a version that satisfies the requirement dep==3 (from versions: 1.0, 2.0)\n\
         ERROR: No matching distribution found for dep==3\n\n[notice] A new release of pip is available: 23.2 -> 26.3\n",
        "No matching distribution found for dep==3 (from versions: 1.0, 2.0)",
    );
    check(
        "ERROR: Could not find a version that satisfies the requirement nosuch==9 (from versions: none)\n\
         ERROR: No matching distribution found for nosuch==9\n",
        "No matching distribution found for nosuch==9 (from versions: none)",
    );
    let many = "1.0, ".repeat(100);
    check(
        &format!(
            "ERROR: Could not find a version that satisfies the requirement dep==3 (from versions: {many}2.0)\n\
             ERROR: No matching distribution found for dep==3\n"
        ),
        "No matching distribution found for dep==3",
    );
}

#[test]
fn pip_has_no_network() {
    check(
        "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
         'NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=9): Failed to establish a new connection: [Errno 111] \
         Connection refused\")': /simple/nosuch/\n\
         ERROR: Could not find a version that satisfies the requirement nosuch (from versions: none)\n\
         ERROR: No matching distribution found for nosuch\n",
        "No matching distribution found for nosuch (the package index could not be reached)",
    );
}

#[test]
fn pip_has_other_errors() {
    check(
        "ERROR: Cannot install dep==2.0 and wants==1 because these package versions have conflicting dependencies.\n\
         ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/\n",
        "Cannot install dep==2.0 and wants==1 because these package versions have conflicting dependencies.",
    );
    check(
        "ERROR: Invalid requirement: 'foo = = 1': Expected semicolon (after name with no version specifier) or end\n\
         \x20   foo = = 1\n        ^ (from line 1 of r2.txt)\nHint: = is not a valid operator. Did you mean == ?\n",
        "Invalid requirement: 'foo = = 1': Expected semicolon (after name with no version specifier) or end",
    );
    check(
        "ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'missing.txt'\n",
        "Could not open requirements file: [Errno 2] No such file or directory: 'missing.txt'",
    );
    check(
        "/usr/bin/python: No module named pip\n",
        "/usr/bin/python: No module named pip",
    );
    check(
        "\nUsage:   \n  pip install [options]\n\nno such option: --bogus\n",
        "no such option: --bogus",
    );
    check(
        "ERROR: Exception:\nTraceback (most recent call last):\n  File \"/pip/cli.py\", line 1, in f\n    g()\nMemoryError\n",
        "MemoryError",
    );
}

#[test]
fn pip_refuses_a_managed_environment() {
    check(
        "error: externally-managed-environment\n\n× This environment is externally managed\n\
         ╰─> To install Python packages system-wide, try apt install\n    python3-xyz, where xyz is the package you are trying to\n\
         \x20   install.\n\nnote: If you believe this is a mistake, please contact your Python installation.\n\
         hint: See PEP 668 for the detailed specification.\n",
        "This environment is externally managed",
    );
}

const BUILD: &str = "  error: subprocess-exited-with-error\n  \n  × Preparing metadata (pyproject.toml) did not run successfully.\n\
    \x20 │ exit code: 1\n  ╰─> [18 lines of output]\n      Traceback (most recent call last):\n\
    \x20       File \"<string>\", line 1, in <module>\n      RuntimeError: needs a compiler\n      [end of output]\n  \n\
    \x20 note: This error originates from a subprocess, and is likely not a problem with pip.\n";

#[test]
fn pip_fails_to_build() {
    check(
        &format!(
            "{BUILD}error: metadata-generation-failed\n\n× Encountered error while generating package metadata.\n\
             ╰─> See above for output.\n\nnote: This is an issue with the package mentioned above, not pip.\n\
             hint: See above for details.\n"
        ),
        "RuntimeError: needs a compiler",
    );
    check(
        &format!(
            "{BUILD}ERROR: Failed to build 'file:///opt/ml/code' when installing build dependencies\n"
        ),
        "RuntimeError: needs a compiler",
    );
    check(
        &format!(
            "{BUILD}ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
        ),
        "Could not install packages due to an OSError: [Errno 28] No space left on device",
    );
    check(
        "  error: subprocess-exited-with-error\n  \n  × installing build dependencies did not run successfully.\n\
         \x20 │ exit code: 1\n  ╰─> [3 lines of output]\n      Looking in links: /opt/wheels, /opt/wheels\n\
         \x20     ERROR: Could not find a version that satisfies the requirement setuptools>=40.8.0 (from versions: none)\n\
         \x20     ERROR: No matching distribution found for setuptools>=40.8.0\n      [end of output]\n  \n\
         ERROR: Failed to build 'file:///opt/ml/code' when installing build dependencies\n",
        "No matching distribution found for setuptools>=40.8.0 (from versions: none)",
    );
}

#[test]
fn uv_finds_no_solution() {
    check(
        "Using Python 3.11.7 environment at: /venv\nerror: No solution found when resolving dependencies\n\
         \x20 cause: Because all versions of wants depend on dep<2 and you require dep==2.0, we can conclude that your \
         requirements and all versions of wants are incompatible.\n         And because you require wants, we can conclude that \
         your requirements are unsatisfiable.\n",
        "No solution found when resolving dependencies: Because all versions of wants depend on dep<2 and you require dep==2.0, \
         we can conclude that your requirements and all versions of wants are incompatible. And because you require wants, we \
         can conclude that your requirements are unsatisfiable.",
    );
    // As older versions print it.
    check(
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because nosuch was not found in the package registry and you\n\
         \x20     require nosuch==9, we can conclude that your requirements are\n      unsatisfiable.\n",
        "No solution found when resolving dependencies: Because nosuch was not found in the package registry and you require \
         nosuch==9, we can conclude that your requirements are unsatisfiable.",
    );
}

#[test]
fn uv_has_other_errors() {
    check(
        "error: Couldn't parse requirement in `r2.txt` at position 0\n\
         \x20 cause: no such comparison operator \"=\", must be one of ~= == != <= >= < > ===\n         foo = = 1\n             ^^^^^\n",
        "Couldn't parse requirement in `r2.txt` at position 0: no such comparison operator \"=\", must be one of ~= == != <= >= \
         < > === foo = = 1",
    );
    check(
        "error: File not found: missing.txt\n",
        "File not found: missing.txt",
    );
    check(
        "error: Request failed after 3 retries in 6.1s\n  cause: Failed to fetch: https://aws:TOKEN@host/simple/nosuch/\n\
         \x20 cause: client error (Connect)\n  cause: Connection refused (os error 111)\n",
        "Request failed after 3 retries in 6.1s: Failed to fetch: https://***@host/simple/nosuch/: Connection refused (os error 111)",
    );
    check(
        "error: The build backend returned an error\n  cause: Call to `setuptools.build_meta` failed (exit status: 1)\n\n\
         \x20        [stderr]\n         Traceback (most recent call last):\n         RuntimeError: needs a compiler\n\n\
         \x20        hint: This usually indicates a problem with the package or the build environment.\n",
        "RuntimeError: needs a compiler",
    );
    check(
        "error: The interpreter at `/usr` is externally managed, and indicates the following:\n\n  To install Python packages\n\n\
         hint: Virtual environments were not considered due to the `--system` flag\n",
        "The interpreter at `/usr` is externally managed, and indicates the following",
    );
}

#[test]
fn colours_and_nothing() {
    check(
        "\x1b[31merror\x1b[39m\x1b[0m: File not found: `x`\n",
        "File not found: `x`",
    );
    assert_eq!(error_line(b""), None);
    assert_eq!(error_line(b"\n  \nWARNING: slow\n"), None);
}

proptest! {
    #[test]
    fn never_panics(stderr in prop::collection::vec(any::<u8>(), 0..300)) {
        error_line(&stderr);
    }

    #[test]
    fn never_panics_on_parts(parts in prop::collection::vec(prop::sample::select(vec![
        "ERROR: ", "No matching distribution found for ", "(from versions: ", "\n", "[end of output]", "╰─>", "  × ", "error: ", "  cause:",
        "[stderr]", "Exception:", "  ", "x", "ResolutionImpossible",
    ]), 0..40)) {
        error_line(parts.concat().as_bytes());
    }
}

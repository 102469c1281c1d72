//! Made-up bodies, with numpy as the judge of what they are and of how the answers are written.

use super::{Serving, ask, identity};

#[test]
fn two_thousand_bodies_are_read_and_written_as_numpy_reads_and_writes_them() {
    let describing = Serving::functions(
        "import base64

def model_fn(model_dir):
    pass

def predict_fn(data, model):
    if data.dtype.hasobject:
        return '%s %s %r' % (data.dtype.str, data.shape, data.tolist())
    return '%s %s %s' % (data.dtype.str, data.shape, base64.b64encode(data.tobytes()).decode())
",
    )
    .ready();
    let served = identity().ready();
    ask(
        &served,
        include_str!("judge.py"),
        &[&describing.address.to_string()],
    );
}

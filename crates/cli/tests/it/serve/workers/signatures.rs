//! Which arguments user functions take.

use std::thread;

use super::{OCTETS, Serving};

/// Every function says in the answer what it was given. All forms stand side by side: `context` or not, in any place.
const ACCEPTED: &[(&str, &str)] = &[
    (
        "the usual arguments",
        "def model_fn(model_dir): return 'm'\n\
         def input_fn(body, content_type): return content_type\n\
         def predict_fn(data, model): return data + ' ' + model\n\
         def output_fn(prediction, accept): return prediction\n",
    ),
    (
        "a context after them",
        "def model_fn(model_dir, context): return 'm' if context.system_properties['model_dir'] == model_dir else '?'\n\
         def input_fn(body, content_type, context): return context.get_request_header(0, 'content-type')\n\
         def predict_fn(data, model, context): return data + ' ' + model\n\
         def output_fn(prediction, accept, context): return prediction\n",
    ),
    (
        "a context of another name",
        "def model_fn(model_dir, ctx): return 'm'\n\
         def input_fn(body, content_type, c): return c.headers['Content-Type']\n\
         def predict_fn(data, model, _): return data + ' ' + model\n\
         def output_fn(prediction, accept, third): return prediction\n",
    ),
    (
        "a context by its name, wherever it stands",
        "def model_fn(context, model_dir): return 'm' if isinstance(model_dir, str) else '?'\n\
         def input_fn(body, context, content_type): return context.headers['content-type']\n\
         def predict_fn(data, model, *, context): return data + ' ' + model\n\
         def output_fn(prediction, accept, context=None): return prediction if context else '?'\n",
    ),
    (
        "optional ones, which are left alone",
        "def model_fn(model_dir, device='cpu', *, quiet=True): return 'm' if device == 'cpu' else '?'\n\
         def input_fn(body, content_type='text/plain', extra=None): return content_type if extra is None else '?'\n\
         def predict_fn(data, model, n=3, context=None): return data + ' ' + model if n == 3 and context else '?'\n\
         def output_fn(prediction, accept, **options): return prediction\n",
    ),
    (
        "any number of them",
        "def model_fn(*args): return 'm' if len(args) == 2 else '?'\n\
         def input_fn(body, *args): return args[0]\n\
         def predict_fn(*args, **kwargs): return args[0] + ' ' + args[1]\n\
         def output_fn(prediction, accept, *rest): return prediction if len(rest) == 1 else '?'\n",
    ),
    (
        "callables of all kinds",
        "import functools\n\
         class Model:\n\
         \x20   def __call__(self, model_dir): return 'm'\n\
         \x20   @staticmethod\n\
         \x20   def read(body, content_type): return content_type\n\
         \x20   def predict(self, data, model, context): return data + ' ' + model\n\
         def write(prefix, prediction, accept): return prediction\n\
         model_fn = Model()\n\
         input_fn = Model.read\n\
         predict_fn = Model().predict\n\
         output_fn = functools.partial(write, '')\n",
    ),
    (
        "decorated ones",
        "import functools\n\
         def logged(function):\n\
         \x20   @functools.wraps(function)\n\
         \x20   def inner(*args, **kwargs): return function(*args, **kwargs)\n\
         \x20   return inner\n\
         @logged\n\
         def model_fn(model_dir): return 'm'\n\
         @logged\n\
         def input_fn(body, content_type, context): return context.headers['content-type']\n\
         @logged\n\
         def predict_fn(data, model): return data + ' ' + model\n\
         output_fn = lambda prediction, accept: prediction\n",
    ),
    (
        "coroutines",
        "async def model_fn(model_dir, context): return 'm'\n\
         async def input_fn(body, content_type): return content_type\n\
         class Predict:\n\
         \x20   async def __call__(self, data, model, context): return data + ' ' + model\n\
         predict_fn = Predict()\n\
         async def output_fn(prediction, accept, context=None): return prediction if context else '?'\n",
    ),
    (
        "a transform_fn",
        "def model_fn(model_dir): return 'm'\n\
         def transform_fn(model, body, content_type, accept, context): return content_type + ' ' + model\n",
    ),
    (
        "a transform_fn with a context in the middle",
        "def model_fn(model_dir): return 'm'\n\
         def transform_fn(model, context, body, content_type, accept): return content_type + ' ' + model\n",
    ),
];

#[test]
fn b13_signatures_that_can_be_called() {
    thread::scope(|scope| {
        for (name, source) in ACCEPTED {
            scope.spawn(move || {
                let served = Serving::functions(source).ready();
                let response = served.invoke(OCTETS, b"x");
                let expected = format!("{OCTETS} m");
                assert_eq!(
                    (response.status, response.text()),
                    (200, expected),
                    "{name}"
                );
            });
        }
    });
}

/// With what the log says of them.
const REFUSED: &[(&str, &str)] = &[
    (
        "def model_fn(): return None\ndef predict_fn(data, model): return 1\n",
        "model_fn must take (model_dir), and may take a context after them; found model_fn()",
    ),
    (
        "def model_fn(model_dir): return None\ndef predict_fn(data): return 1\n",
        "predict_fn must take (data, model), and may take a context after them; found predict_fn(data)",
    ),
    (
        "def model_fn(model_dir): return None\ndef predict_fn(data, model, a, b): return 1\n",
        "found predict_fn(data, model, a, b)",
    ),
    (
        "def model_fn(model_dir): return None\ndef predict_fn(data, model, *, device): return 1\n",
        "found predict_fn(data, model, *, device)",
    ),
    (
        "def model_fn(model_dir): return None\ndef transform_fn(model, body): return 1\n",
        "found transform_fn(model, body)",
    ),
    (
        "def model_fn(model_dir): return None\npredict_fn = 5\n",
        "`predict_fn` is no function, but a int",
    ),
    (
        "def model_fn(model_dir): return None\n\
         def transform_fn(model, body, ct, accept): return 1\ndef predict_fn(data, model): return 1\n",
        "`inference.py` has a transform_fn and also predict_fn",
    ),
    (
        "def predict_fn(data, model): return 1\n",
        "`inference.py` has no model_fn",
    ),
    (
        "def model_fn(model_dir): return 1\n",
        "`inference.py` has no predict_fn",
    ),
];

#[test]
fn b13_signatures_that_cannot_be_called_are_failed_loads() {
    thread::scope(|scope| {
        for (source, expected) in REFUSED {
            scope.spawn(move || {
                let finished = Serving::functions(source).fails();
                assert_eq!(finished.code, Some(1), "{expected}");
                assert!(
                    finished.stderr.contains(expected),
                    "no {expected:?} in {}",
                    finished.stderr
                );
            });
        }
    });
}

//! Models that `optml train` makes and `optml serve` serves, from the same tree, as in one image.

use std::fs;

use optml_testkit::{OptMl, Proc};

use super::{Serving, ask};
use crate::{
    rig::{binary, train},
    serve::rig::Served,
};

/// Trains in the tree, and serves what is left in its `model` folder with the code in its `code` folder.
#[track_caller]
fn train_and_serve(tree: &OptMl) -> Served {
    let finished = train(tree);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    Serving::empty()
        .variable("SAGEMAKER_BASE_DIR", tree.base().to_str().unwrap())
        .ready()
}

#[test]
fn digits_of_scikit_learn_are_told_as_the_model_tells_them_itself() {
    let tree = OptMl::with_script(
        "train.py",
        "import os, joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
images, labels = load_digits(return_X_y=True)
model = RandomForestClassifier(20, random_state=1).fit(images[:1200], labels[:1200])
joblib.dump(model, os.path.join(os.environ['SM_MODEL_DIR'], 'model.joblib'))
",
    )
    .file(
        "code/inference.py",
        "import os, joblib, numpy

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, 'model.joblib'))

def predict_fn(data, model):
    return model.predict(numpy.atleast_2d(data))
",
    );
    let served = train_and_serve(&tree);
    let script = ASK_IN_ALL_FORMATS.replace(
        "LOAD",
        "
import joblib
from sklearn.datasets import load_digits
images = load_digits().data[1200:]
answers = joblib.load(os.path.join(model_dir, 'model.joblib')).predict(images)
assert (answers == load_digits().target[1200:]).mean() > 0.9
",
    );
    let model = tree.path("model");
    ask(&served, &script, &[model.to_str().unwrap()]);
}

#[test]
fn probabilities_of_xgboost_are_those_of_the_model_itself_to_the_last_bit() {
    let tree = OptMl::with_script(
        "train.py",
        "import os, xgboost
from sklearn.datasets import load_breast_cancer
rows, labels = load_breast_cancer(return_X_y=True)
parameters = {'objective': 'binary:logistic', 'max_depth': 3, 'seed': 1, 'nthread': 1}
model = xgboost.train(parameters, xgboost.DMatrix(rows[:400], labels[:400]), 15)
model.save_model(os.path.join(os.environ['SM_MODEL_DIR'], 'model.json'))
",
    )
    .file(
        "code/inference.py",
        "import os, numpy, xgboost

def model_fn(model_dir):
    return xgboost.Booster(model_file=os.path.join(model_dir, 'model.json'))

def predict_fn(data, model):
    return model.predict(xgboost.DMatrix(numpy.atleast_2d(data)))
",
    );
    let served = train_and_serve(&tree);
    let script = ASK_IN_ALL_FORMATS.replace(
        "LOAD",
        "
import xgboost
from sklearn.datasets import load_breast_cancer
images = load_breast_cancer().data[400:]
answers = xgboost.Booster(model_file=os.path.join(model_dir, 'model.json')).predict(xgboost.DMatrix(images))
assert answers.dtype == numpy.float32
",
    );
    let model = tree.path("model");
    ask(&served, &script, &[model.to_str().unwrap()]);
}

/// Sends the rows `images` in every format, asks for the `answers` in every format, one by one and all at once.
const ASK_IN_ALL_FORMATS: &str = r"
model_dir = sys.argv[2]
LOAD
def npy(array):
    out = io.BytesIO()
    numpy.save(out, array)
    return out.getvalue()

def csv(array):
    return '\n'.join(','.join(repr(float(cell)) for cell in row) for row in array)

bodies = {'application/json': lambda rows: json.dumps(rows.tolist()), 'text/csv': csv, 'application/x-npy': npy}
readers = {
    'application/json': lambda body: numpy.array(json.loads(body), answers.dtype),
    'text/csv': lambda body: numpy.array(body.decode().split(), answers.dtype),
    'application/x-npy': lambda body: numpy.load(io.BytesIO(body)),
}
n_asked = 0
for content_type, write in bodies.items():
    for accept, read in readers.items():
        for rows in [slice(0, 1), slice(5, 6), slice(None)]:
            status, kind, body = post(write(images[rows]), content_type, accept)
            assert (status, kind) == (200, accept), (status, kind, body)
            got = read(body)
            assert got.dtype == answers.dtype, got.dtype
            assert got.tobytes() == answers[rows].tobytes(), (content_type, accept, rows)
            n_asked += 1
assert n_asked == 27
";

/// What the README says, from a copy of the example.
struct Iris {
    serving: Serving,
}

impl Iris {
    #[track_caller]
    fn trained() -> Self {
        let original = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/iris");
        let mut serving = Serving::empty();
        for file in [
            "optml.toml",
            "train.py",
            "inference.py",
            "data/training/iris.csv",
        ] {
            let content = fs::read_to_string(format!("{original}/{file}")).unwrap();
            serving = serving.file(&format!("examples/iris/{file}"), &content);
        }
        let words = ["local", "train", "examples/iris"];
        let mut command = Proc::command(binary(), words, &[]);
        command.current_dir(serving.path());
        let finished = Proc::start_command(command).wait();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        Self { serving }
    }

    fn serving(self) -> Serving {
        self.serving.words(&SERVE)
    }
}

const SERVE: [&str; 4] = [
    "--handler",
    "examples/iris/inference.py",
    "--model-dir",
    "examples/iris/.optml/runs/latest/algo-1/model",
];

/// Each a body, its type, and the answer.
const FLOWERS: [(&str, &str, &str); 4] = [
    ("text/csv", "5.1,3.5,1.4,0.2", r#"["setosa"]"#),
    (
        "text/csv",
        "5.1,3.5,1.4,0.2\n7.0,3.2,4.7,1.4\n6.3,3.3,6.0,2.5\n",
        r#"["setosa", "versicolor", "virginica"]"#,
    ),
    (
        "application/json",
        "[6.3, 3.3, 6.0, 2.5]",
        r#"["virginica"]"#,
    ),
    (
        "application/json",
        "[[7.0, 3.2, 4.7, 1.4], [5, 3, 1, 0]]",
        r#"["versicolor", "setosa"]"#,
    ),
];

#[track_caller]
fn check_flowers(served: &Served) {
    for (content_type, body, expected) in FLOWERS {
        let response = served.invoke(content_type, body.as_bytes());
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, expected),
            "{body}"
        );
    }
    for body in ["[1, 2, 3]", "7", "[[1, 2, 3, 4], [1, 2, 3]]", r#"{"a": 1}"#] {
        let response = served.invoke("application/json", body.as_bytes());
        assert_eq!(response.status, 400, "{body}: {}", response.text());
    }
    let response = served.invoke("text/csv", b"5.1,3.5,,0.2");
    assert_eq!(response.status, 400, "{}", response.text());
    assert!(response.text().contains("flower 1"), "{}", response.text());
}

#[test]
fn the_three_lines_of_the_readme_train_serve_and_answer() {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"));
    for line in [
        "optml local train examples/iris",
        &format!("optml serve {}", SERVE.join(" ")),
        "curl -H 'Content-Type: text/csv' -d '5.1,3.5,1.4,0.2' localhost:8080/invocations",
    ] {
        assert!(readme.contains(line), "{line}");
    }
    let served = Iris::trained().serving().ready();
    // What curl sends.
    let headers = [
        ("User-Agent", "curl/7.88.1"),
        ("Accept", "*/*"),
        ("Content-Type", "text/csv"),
    ];
    let response = served.request("POST", "/invocations", &headers, b"5.1,3.5,1.4,0.2");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, r#"["setosa"]"#)
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    check_flowers(&served);
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn the_example_needs_no_numpy() {
    let iris = Iris::trained();
    let python = iris.serving.path().join("bare-python");
    // Without `site`, nothing that is installed is found.
    let bare = OptMl::new().file("python", "#!/bin/sh\nexec python3 -S \"$@\"\n");
    fs::copy(bare.path("python"), &python).unwrap();
    let python = python.to_str().unwrap().to_owned();
    let served = iris.serving().variable("OPTML_PYTHON", &python).ready();
    check_flowers(&served);
    // What needs numpy says so.
    let response = served.invoke("application/x-npy", b"\x93NUMPY");
    assert_eq!(response.status, 415, "{}", response.text());
    assert!(response.text().contains("numpy"), "{}", response.text());
}

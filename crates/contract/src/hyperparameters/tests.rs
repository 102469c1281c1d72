use super::*;

fn parse(json: &str) -> Result<Hyperparameters, Vec<ConfigError>> {
    let Ok(Json::Object(object)) = Json::parse(json.as_bytes()) else {
        panic!("no object: {json}")
    };
    Hyperparameters::parse(&object, "/h.json".into())
}

fn words(json: &str) -> Vec<String> {
    parse(json)
        .unwrap()
        .to_args()
        .iter()
        .map(Text::to_string)
        .collect()
}

#[test]
fn what_was_written_is_kept_beside_what_it_means() {
    let all = parse(r#"{"version": "1.10", "name": "x y"}"#).unwrap();
    assert_eq!(all.all()[0].raw, "1.10".into());
    assert_eq!(all.get("version"), Some(&Json::Float(1.1)));
    assert_eq!(all.get("name"), Some(&"x y".into()));
    assert_eq!(all.get("none"), None);
}

#[test]
fn names_decide_who_reads_a_value() {
    for name in RESERVED {
        assert_eq!(Role::of(&name.into()), Role::Reserved, "{name}");
    }
    assert_eq!(Role::of(&"sagemaker_mpi_enabled".into()), Role::Framework);
    assert_eq!(Role::of(&"sagemaker_".into()), Role::Framework);
    for name in ["Sagemaker_x", "SAGEMAKER_X", "sagemaker", "model_dir", ""] {
        assert_eq!(Role::of(&name.into()), Role::User, "{name}");
    }
}

#[test]
fn words_are_by_name_with_one_dash_or_two() {
    assert_eq!(words("{}"), [""; 0]);
    assert_eq!(
        words(r#"{"U": "1", "b": "2", "T": "", "": "42"}"#),
        ["", "42", "-T", "", "-U", "1", "-b", "2"]
    );
    assert_eq!(
        words(r#"{"é": "null", "ab": "-5"}"#),
        ["--ab", "-5", "-é", ""]
    );
    assert_eq!(
        words(r#"{"nested": ["1", ["2", "3", [["6"]]]]}"#),
        ["--nested", "['1', ['2', '3', [['6']]]]"]
    );
    assert_eq!(
        words(r#"{"map": {"b": "x", "a": [1, null]}}"#),
        ["--map", "a=[1, None],b=x"]
    );
    assert_eq!(
        words(r#"{"truthy": true, "falsy": "false"}"#),
        ["--falsy", "False", "--truthy", "True"]
    );
}

#[test]
fn too_deep_json_is_an_error_that_names_the_key() {
    let errors = parse(&format!(
        r#"{{"a/b": "{}", "c": "{}"}}"#,
        "[".repeat(5000),
        "1".repeat(5000)
    ))
    .unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        ["read `/h.json` at `/a~1b`: not JSON: line 1 column 901: nested deeper than 900 levels"]
    );
}

#[test]
fn numbers_that_python_refuses_stay_text() {
    let digits = "1".repeat(5000);
    assert_eq!(words(&format!(r#"{{"n": "{digits}"}}"#)), ["-n", &digits]);
}

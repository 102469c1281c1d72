use super::*;

fn parse(json: &str) -> Result<Resources, Vec<ConfigError>> {
    let Ok(Json::Object(object)) = Json::parse(json.as_bytes()) else {
        panic!("no object: {json}")
    };
    Resources::parse(object, "/r.json".into())
}

#[test]
fn what_is_absent_has_a_default() {
    let resources = parse(r#"{"current_host": "a", "hosts": ["a"], "future": {"x": 1}}"#).unwrap();
    assert_eq!(*resources.current_instance_type(), "local");
    assert_eq!(*resources.current_group_name(), "homogeneousCluster");
    assert_eq!(*resources.network_interface_name(), "eth0");
    assert_eq!(resources.topology(), Json::Array(Vec::new()));
    assert!(resources.instance_groups().is_empty() && resources.current_group_hosts().is_empty());
    assert_eq!(resources.object().len(), 3);
    assert_eq!(
        resources.origin("hosts").to_string(),
        "`/r.json` at `/hosts`"
    );
    assert_eq!(resources.origin("network_interface_name"), Origin::Default);
}

#[test]
fn every_problem_is_reported() {
    let errors = parse(
        r#"{"hosts": ["a", 2], "current_instance_type": null, "network_interface_name": 5,
            "instance_groups": ["g", {"hosts": "a"}]}"#,
    )
    .unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    read `/r.json` at `/hosts/1`: expected a string, found a number
    read `/r.json` at `/current_host`: the key is missing
    read `/r.json` at `/current_instance_type`: expected a string, found null
    read `/r.json` at `/network_interface_name`: expected a string, found a number
    read `/r.json` at `/instance_groups/0`: expected an object, found a string
    read `/r.json` at `/instance_groups/1/instance_group_name`: the key is missing
    read `/r.json` at `/instance_groups/1/hosts`: expected an array of strings, found a string
    ");
    let errors = parse(r#"{"hosts": [], "current_host": "a", "instance_groups": {}}"#).unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    read `/r.json` at `/hosts`: the list is empty
    read `/r.json` at `/instance_groups`: expected an array, found an object
    ");
}

#[test]
fn ranks_are_the_master_and_then_by_number() {
    let resources = parse(
        r#"{"current_host": "algo-9", "hosts": ["algo-1", "algo-10", "algo-2", "algo-11", "algo-09", "algo-9", "x"]}"#,
    )
    .unwrap();
    let ranked: Vec<_> = resources
        .ranked(&"algo-2".into())
        .into_iter()
        .map(Text::to_string)
        .collect();
    assert_eq!(
        ranked,
        [
            "algo-2", "algo-1", "algo-09", "algo-9", "algo-10", "algo-11", "x"
        ]
    );
    assert_eq!(resources.current_rank(&"algo-2".into()), 3);
}

#[test]
fn numbers_of_any_length_are_ordered() {
    let hosts = [
        "n-99999999999999999999999",
        "n-100000000000000000000000",
        "n-1",
    ];
    let resources = parse(&format!(r#"{{"current_host": "n-1", "hosts": {hosts:?}}}"#)).unwrap();
    let ranked: Vec<_> = resources
        .ranked(&"none".into())
        .into_iter()
        .map(Text::to_string)
        .collect();
    assert_eq!(ranked, ["n-1", hosts[0], hosts[1]]);
}

#[test]
fn the_list_has_every_host_once() {
    for (json, expected) in [
        (
            r#"{"current_host": "algo-3", "hosts": ["algo-1", "algo-2"]}"#,
            "read `/r.json` at `/current_host`: `algo-3` is not among the hosts",
        ),
        (
            r#"{"current_host": "a", "hosts": ["a", "b", "b"]}"#,
            "read `/r.json` at `/hosts`: `b` is there more than once",
        ),
    ] {
        let errors = parse(json).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].to_string(), expected);
    }
}

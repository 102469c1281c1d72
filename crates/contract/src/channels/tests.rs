use super::*;

fn parse(json: &str) -> Result<Channels, Vec<ConfigError>> {
    let Ok(Json::Object(object)) = Json::parse(json.as_bytes()) else {
        panic!("no object: {json}")
    };
    Channels::parse(object, "/c.json".into(), "/b/input/data".into())
}

#[test]
fn channels_keep_their_order_and_what_is_said_of_them() {
    let channels = parse(
        r#"{"train": {"TrainingInputMode": "Pipe", "ContentType": "text/csv", "S3DistributionType": "ShardedByS3Key",
                      "RecordWrapperType": "RecordIO", "Future": 1},
            "Val.2": null}"#,
    )
    .unwrap();
    let train = &channels.all()[0];
    assert_eq!(train.directory, "/b/input/data/train");
    assert_eq!(train.content_type(), Some(&"text/csv".into()));
    assert_eq!(train.input_mode(), Some(&"Pipe".into()));
    assert_eq!(train.distribution(), Some(&"ShardedByS3Key".into()));
    assert_eq!(train.record_wrapper(), Some(&"RecordIO".into()));
    assert_eq!(channels.all()[1].content_type(), None);
    assert_eq!(
        channels.sorted_names(),
        [&Text::from("Val.2"), &"train".into()]
    );
    assert_eq!(channels.object().len(), 2);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let errors = parse(r#"{"/etc": {}, "ok": {}, "../x": {}}"#).unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    read `/c.json` at `/~1etc`: the channel name leads out of `/b/input/data`
    read `/c.json` at `/..~1x`: the channel name leads out of `/b/input/data`
    ");
    assert_eq!(
        errors[0].hint().unwrap(),
        "a channel is a directory below it: no `..`, no leading `/`"
    );
}

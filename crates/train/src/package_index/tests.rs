use super::*;

#[test]
fn an_arn_names_region_account_domain_and_repository() {
    let repository = Repository::parse(
        "arn:aws-cn:codeartifact:cn-north-1:123456789012:repository/my-domain/my.repo_1",
    )
    .unwrap();
    assert_eq!(
        repository,
        Repository {
            region: "cn-north-1".to_owned(),
            account: "123456789012".to_owned(),
            domain: "my-domain".to_owned(),
            name: "my.repo_1".to_owned(),
        }
    );
}

#[test]
fn anything_else_is_refused_with_the_form_to_write() {
    for arn in [
        "",
        "arn:aws:codeartifact:eu-west-1:1:repository/d",
        "arn:aws:codeartifact:eu-west-1:1:domain/d/r",
        "arn:aws:s3:eu-west-1:1:repository/d/r",
        "arn:aws:codeartifact::1:repository/d/r",
        "arn:aws:codeartifact:eu-west-1:1:repository/d/r&x=1",
        "arn:aws:codeartifact:eu-west-1/../x:1:repository/d/r",
        "https://example.com",
    ] {
        let error = Repository::parse(arn).unwrap_err();
        assert!(error.to_string().contains("CA_REPOSITORY_ARN"), "{error}");
        assert!(error.hint().unwrap().contains("REPOSITORY"), "{arn}");
    }
}

#[test]
fn an_index_is_not_shown() {
    let index = IndexUrl("https://aws:hidden@host/simple/".to_owned());
    assert_eq!(format!("{index:?}"), "IndexUrl(***)");
}

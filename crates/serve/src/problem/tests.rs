use super::*;

#[test]
fn no_route_is_404() {
    assert_eq!(Problem::NoRoute.body(ErrorDetail::Message).code, 404);
}

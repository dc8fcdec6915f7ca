//! Redirects: what is followed, and what is told to whom.

use std::io::Write;

use super::{Ask, OK, Server, get, open_for, sent};

fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 4\r\n\r\nmove")
}

#[test]
fn redirects_are_the_guests_unless_they_are_granted() {
    let end = Server::saying(OK);
    let server = Server::saying(redirect(302, &end.url("/end")));
    let url = server.url("/");
    let both = open_for(&[&server, &end]);
    let as_it_is = (302, format!("content-length: 4\nlocation: {}\nmove", end.url("/end")));
    assert_eq!(sent(both.clone(), get(&url)), as_it_is);
    assert_eq!(end.asked().len(), 0);
    assert_eq!(sent(both.clone().with_http_redirects(1), get(&url)).0, 200);
    assert_eq!(end.asked().len(), 1);
    // Where no rule leads, no redirect does; nor one request more than there may be.
    assert_eq!(sent(open_for(&[&server]).with_http_redirects(5), get(&url)), as_it_is);
    assert_eq!(sent(both.with_http_redirects(5).with_http_requests(1), get(&url)), as_it_is);
    assert_eq!(end.asked().len(), 1);

    // Where the others lead nobody goes.
    for place in
        ["http://127.1/", "file:///etc/passwd", "http://user@127.0.0.1/", "/%2e%2e/", "https://localhost:1/", "\\\\x"]
    {
        let server = Server::saying(redirect(301, place));
        assert_eq!(sent(open_for(&[&server]).with_http_redirects(5), get(&server.url("/"))).0, 301, "{place}");
        assert_eq!(server.asked().len(), 1);
    }
    // Round and round.
    let server = Server::saying(redirect(308, "/x?y"));
    assert_eq!(sent(open_for(&[&server]).with_http_redirects(5), get(&server.url("/"))).0, 308);
    let asked = server.asked();
    assert_eq!(asked.len(), 6);
    assert!(asked[1..].iter().all(|text| text.starts_with("GET /x?y ")));
}

#[test]
fn redirects_change_what_they_have_to_and_tell_no_secrets() {
    let headers = "authorization: secret\ncookie: secret\ncontent-type: text/plain\nx: y\n";
    for (status, method, becomes) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
        (302, "HEAD", "HEAD"),
    ] {
        let end = Server::saying(OK);
        let server = Server::saying(redirect(status, &end.url("/")));
        let body = if method == "HEAD" { "" } else { "the body" };
        let url = server.url("/");
        let ask = Ask { method, headers, body, ..get(&url) };
        assert_eq!(sent(open_for(&[&server, &end]).with_http_redirects(1), ask).0, 200);
        let [first, second] = [&server, &end].map(|server| server.asked()[0].clone());
        assert_eq!(first.matches("secret").count(), 2);
        assert!(second.starts_with(&format!("{becomes} / ")), "{status} {method}: {second}");
        assert!(second.contains("x: y\r\n") && !second.contains("secret"), "{second}");
        assert_eq!(second.ends_with("the body"), becomes != "GET" && method != "HEAD", "{second}");
        assert_eq!(second.contains("content-type"), becomes != "GET" && becomes != "HEAD", "{second}");
    }
    // To the same server they are no secrets.
    let server = Server::new(|request, stream| {
        let answer = if request.starts_with("GET /end") { OK.into() } else { redirect(302, "end") };
        drop(stream.write_all(answer.as_bytes()));
    });
    let url = server.url("/");
    assert_eq!(sent(open_for(&[&server]).with_http_redirects(1), Ask { headers, ..get(&url) }).0, 200);
    assert_eq!(server.asked()[1].matches("secret").count(), 2);
}

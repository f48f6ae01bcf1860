//! Pages as they are seen in the wild.

use super::*;
use time::macros::datetime;

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const SHA256: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn page(body: &str, content_type: &str) -> Result<UpstreamPage, String> {
    let url = Url::parse("https://up.example/simple/foo/").unwrap();
    parse(body.as_bytes(), content_type, &url, &ProjectName::parse("foo").unwrap())
}

/// The page with this in its body.
fn html(body: &str) -> UpstreamPage {
    page(&format!("<!DOCTYPE html><html><head>{body}</html>"), "text/html").unwrap()
}

/// The page with these files; `S` stands for a digest.
fn json(files: &str) -> UpstreamPage {
    let files = files.replace("'S'", &format!("'{SHA256}'")).replace('\'', "\"");
    page(&format!("{{\"meta\": {{\"api-version\": \"1.4\"}}, \"files\": [{files}]}}"), JSON).unwrap()
}

/// The link of a file that is described by the rest of an object.
fn described(rest: &str) -> Link {
    let mut page = json(&format!("{{'filename': 'foo-1.0.zip', 'url': 'foo-1.0.zip', {rest}}}"));
    page.links.pop().unwrap()
}

/// The link of an anchor with further attributes.
fn anchor(attributes: &str) -> Link {
    html(&format!("<a href=foo-1.0.zip {attributes}>x</a>")).links.pop().unwrap()
}

fn urls(page: &UpstreamPage) -> Vec<&str> {
    page.links.iter().map(|link| link.url.as_str()).collect()
}

#[test]
fn everything_that_json_says_of_a_file_is_kept() {
    let page = json(
        "{'filename': 'Foo-1.0-py3-none-any.whl', 'url': '../../f/Foo-1.0-py3-none-any.whl?x=y#z',
          'hashes': {'SHA256': 'S', 'md5': 'ABCD', 'crc': 'xyz', 'x': 1}, 'requires-python': '>=3.8', 'size': 5,
          'upload-time': '2024-01-02T03:04:05.123456Z', 'core-metadata': {'sha256': 'S'}, 'yanked': 'bad',
          'provenance': 'https://up.example/p', 'gpg-sig': true, 'unknown': [{}]}",
    );
    let expected = Link {
        filename: "Foo-1.0-py3-none-any.whl".into(),
        version: "1.0".into(),
        url: "https://up.example/f/Foo-1.0-py3-none-any.whl?x=y".into(),
        hashes: BTreeMap::from([("md5".into(), "abcd".into()), ("sha256".into(), SHA256.into())]),
        size: Some(5),
        uploaded_at: Some(datetime!(2024-01-02 03:04:05.123_456 UTC)),
        requires_python: Some(">=3.8".into()),
        yanked: Some("bad".into()),
        core_metadata: Some(CoreMetadata::Sha256(SHA256.into())),
        provenance: Some("https://up.example/p".into()),
        read_metadata: None,
    };
    assert_eq!(page, UpstreamPage { status: Status::default(), links: vec![expected] });
}

#[test]
fn html_says_the_same_in_attributes() {
    let page = html(&format!(
        "<meta name='pypi:project-status' content=archived><meta name='pypi:project-status-reason' content='a &amp; b'>
         <body><A HREF='/f/foo-1.0.tar.gz?x=1&amp;y=2#sha256={SHA256}' data-requires-python='&gt;=3.8'
         DATA-Core-Metadata='sha256={SHA256}' data-dist-info-metadata=true data-yanked='&quot;bad&quot;'
         data-provenance=https://up.example/p>another text</A>"
    ));
    let expected = Link {
        filename: "foo-1.0.tar.gz".into(),
        version: "1.0".into(),
        url: "https://up.example/f/foo-1.0.tar.gz?x=1&y=2".into(),
        hashes: BTreeMap::from([("sha256".into(), SHA256.into())]),
        size: None,
        uploaded_at: None,
        requires_python: Some(">=3.8".into()),
        yanked: Some("\"bad\"".into()),
        core_metadata: Some(CoreMetadata::Sha256(SHA256.into())),
        provenance: Some("https://up.example/p".into()),
        read_metadata: None,
    };
    let status = Status { status: "archived".into(), reason: Some("a & b".into()) };
    assert_eq!(page, UpstreamPage { status, links: vec![expected] });
}

#[test]
fn links_are_resolved_against_page_or_base_and_lose_their_credentials() {
    for (body, expected) in [
        ("<a href=foo-1.0.zip>", "https://up.example/simple/foo/foo-1.0.zip"),
        ("<a href='//cdn.example/foo-1.0.zip'>", "https://cdn.example/foo-1.0.zip"),
        ("<a href='http://u:p@x.example:81/foo-1.0.zip'>", "http://x.example:81/foo-1.0.zip"),
        ("<a href=' foo-1.0.zip\n'>", "https://up.example/simple/foo/foo-1.0.zip"),
        ("<a href='foo-1.0.zip#egg=foo-1.0'>", "https://up.example/simple/foo/foo-1.0.zip"),
        ("<base href='/b/'><base href='/c/'><a href=foo-1.0.zip>", "https://up.example/b/foo-1.0.zip"),
        ("<BASE HREF=//b.example><a href=foo-1.0.zip>", "https://b.example/foo-1.0.zip"),
        ("<base href='file:///b/'><a href=foo-1.0.zip>", "https://up.example/simple/foo/foo-1.0.zip"),
        ("<base target=_top><a href=foo-1.0.zip>", "https://up.example/simple/foo/foo-1.0.zip"),
        ("<a href=foo-1.0%2Bcpu.zip>", "https://up.example/simple/foo/foo-1.0%2Bcpu.zip"),
    ] {
        assert_eq!(urls(&html(body)), [expected], "{body}");
    }
    assert_eq!(html("<a href=foo-1.0%2Bcpu.zip>").links[0].filename, "foo-1.0+cpu.zip");
    assert_eq!(json("{'url': '/x/foo-1.0%2B1.zip'}").links[0].version, "1.0+1");
}

#[test]
fn only_archives_of_the_project_are_kept() {
    let long = format!("foo-1.0{}.zip", "0".repeat(250));
    for name in [
        "foo-1.0.txt",
        "foo-1.0.zip.asc",
        "foo-1.0.whl.metadata",
        "foo.zip",
        "foobar-1.0.zip",
        "bar-1.0.zip",
        "foo-1.0/",
        "foo_bar-1.0-py3-none-any.whl",
        "foo-.zip",
        "foo-1..0.zip",
        "foo-1.0%00.zip",
        "foo-1.0%0A.zip",
        "foo-1.0%2Fx.zip",
        "foo-1.0%5Cx.zip",
        "foo-1.0%FF.zip",
        "ftp://up.example/foo-1.0.zip",
        "javascript:foo-1.0.zip",
        "http://",
        "",
        &long,
    ] {
        assert_eq!(urls(&html(&format!("<a href='{name}'>"))), [""; 0], "{name}");
        assert_eq!(urls(&json(&format!("{{'url': '{name}'}}"))), [""; 0], "{name}");
    }
    assert_eq!(urls(&html("<a rel='nofollow HomePage' href=foo-1.0.zip>")), [""; 0]);
    assert_eq!(urls(&html("<!-- <a href=foo-1.0.zip> --><script>'<a href=foo-1.0.zip>'</script>")), [""; 0]);
    assert_eq!(
        urls(&json("1, null, {}, {'filename': 'foo-1.0.zip'}, {'url': 1}, {'url': 'http://['}")),
        [""; 0]
    );
    assert_eq!(urls(&json("{'url': 'foo-1.0.zip', 'filename': '../foo-1.0.zip'}")), [""; 0]);
    for name in ["FOO-1.0.TAR.GZ", "foo-1.0.tar.xz", "foo-1.0.tar", "foo_1.0-1_all.deb", "foo.bar-1.tgz"] {
        assert_eq!(html(&format!("<a href={name}>")).links[0].filename, name);
    }
}

#[test]
fn hashes_are_read_from_fragments_too() {
    let other = "f".repeat(64);
    for (link, expected) in [
        (html(&format!("<a href='foo-1.zip#SHA256={}'>", SHA256.to_uppercase())), vec![("sha256", SHA256)]),
        (html("<a href='foo-1.zip#md5=ABCD'>"), vec![("md5", "abcd")]),
        (html("<a href='foo-1.zip#blake2b=ab&egg=foo'>"), vec![("blake2b", "ab")]),
        (html("<a href='foo-1.zip#egg=abc'>"), vec![]),
        (html("<a href='foo-1.zip#sha256=abc'>"), vec![]),
        (html("<a href='foo-1.zip#md5=xyz'>"), vec![]),
        (json(&format!("{{'url': 'foo-1.zip#sha256={SHA256}', 'hashes': {{}}}}")), vec![("sha256", SHA256)]),
        (
            json(&format!("{{'url': 'foo-1.zip#sha256={SHA256}', 'hashes': {{'sha256': '{other}'}}}}")),
            vec![("sha256", other.as_str())],
        ),
        (json("{'url': 'foo-1.zip', 'hashes': ['S']}"), vec![]),
    ] {
        let hashes = &link.links[0].hashes;
        let hashes: Vec<_> = hashes.iter().map(|(name, digest)| (name.as_str(), digest.as_str())).collect();
        assert_eq!(hashes, expected);
    }
}

#[test]
fn of_equal_file_names_the_one_with_a_digest_counts_else_the_first() {
    let with = format!("#sha256={SHA256}");
    for (hrefs, expected) in [
        (["a/foo-1.zip".to_owned(), "b/foo-1.zip".into()], "a"),
        (["a/foo-1.zip".into(), format!("b/foo-1.zip{with}")], "b"),
        ([format!("a/foo-1.zip{with}"), format!("b/foo-1.zip{with}")], "a"),
        ([format!("a/foo-1.zip{with}"), "b/foo-1.zip".into()], "a"),
    ] {
        let page = html(&format!("<a href='{}'><a href='{}'>", hrefs[0], hrefs[1]));
        assert_eq!(urls(&page), [format!("https://up.example/simple/foo/{expected}/foo-1.zip")]);
    }
}

#[test]
fn a_python_requirement_is_kept_as_text() {
    let long = format!("'requires-python': '{}'", ">".repeat(1001));
    for (rest, expected) in [
        ("'requires-python': '>=3.6.*, <4'", Some(">=3.6.*, <4")),
        ("'requires-python': ''", None),
        ("'requires-python': null", None),
        ("'requires-python': 3", None),
        ("'requires-python': '>=\\u00003'", Some(">=3")),
        (long.as_str(), None),
    ] {
        assert_eq!(described(rest).requires_python.as_deref(), expected, "{rest}");
    }
    for (attributes, expected) in [
        ("data-requires-python='&amp;gt;=3.6,&amp;lt;4'", Some(">=3.6,<4")),
        ("data-requires-python=&gt;=3.6", Some(">=3.6")),
        ("data-requires-python='>=2.7, !=3.0.*'", Some(">=2.7, !=3.0.*")),
        ("data-requires-python=''", None),
        ("data-requires-python", None),
        ("", None),
    ] {
        assert_eq!(anchor(attributes).requires_python.as_deref(), expected, "{attributes}");
    }
}

#[test]
fn a_yank_has_a_reason_or_none() {
    for (rest, expected) in [
        ("'yanked': true", Some("")),
        ("'yanked': 'bad\\u0000'", Some("bad")),
        ("'yanked': false", None),
        ("'yanked': null", None),
        ("'yanked': ''", None),
        ("'size': 1", None),
    ] {
        assert_eq!(described(rest).yanked.as_deref(), expected, "{rest}");
    }
    let long = described(&format!("'yanked': '{}'", "é".repeat(5000)));
    assert_eq!(long.yanked, Some("é".repeat(1000)));
    for (attributes, expected) in [
        ("data-yanked", Some("")),
        ("data-yanked=''", Some("")),
        ("data-yanked=bad", Some("bad")),
        ("", None),
    ] {
        assert_eq!(anchor(attributes).yanked.as_deref(), expected, "{attributes}");
    }
}

#[test]
fn sizes_and_times_that_cannot_be_read_are_unknown() {
    for (rest, expected) in [
        ("'size': 0", Some(0)),
        ("'size': 9223372036854775807", Some(i64::MAX)),
        ("'size': 9223372036854775808", None),
        ("'size': -1", None),
        ("'size': 1.5", None),
        ("'size': '1'", None),
        ("'size': null", None),
    ] {
        assert_eq!(described(rest).size, expected, "{rest}");
    }
    for (time, expected) in [
        ("2024-01-02T03:04:05Z", Some(datetime!(2024-01-02 03:04:05 UTC))),
        ("2024-01-02T03:04:05.123Z", Some(datetime!(2024-01-02 03:04:05.123 UTC))),
        ("2024-01-02T03:04:05.123456789Z", Some(datetime!(2024-01-02 03:04:05.123_456 UTC))),
        ("2024-01-02T03:04:05+02:00", Some(datetime!(2024-01-02 01:04:05 UTC))),
        ("0001-01-01T00:00:00+01:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("2024-01-02", None),
        ("yesterday", None),
        ("", None),
    ] {
        assert_eq!(described(&format!("'upload-time': '{time}'")).uploaded_at, expected, "{time}");
    }
}

#[test]
fn core_metadata_have_three_spellings() {
    let (promised, digest) = (Some(CoreMetadata::Promised), Some(CoreMetadata::Sha256(SHA256.into())));
    for (rest, expected) in [
        ("'core-metadata': true", &promised),
        ("'core-metadata': {'sha256': 'S'}", &digest),
        ("'dist-info-metadata': {'sha256': 'S'}", &digest),
        ("'data-dist-info-metadata': {'sha256': 'S'}", &digest),
        ("'core-metadata': null, 'dist-info-metadata': true", &promised),
        ("'core-metadata': {'sha512': 'ab'}", &promised),
        ("'core-metadata': false, 'dist-info-metadata': true", &None),
        ("'core-metadata': 'x'", &None),
        ("'size': 1", &None),
    ] {
        assert_eq!(described(rest).core_metadata, *expected, "{rest}");
    }
    for (attributes, expected) in [
        ("data-core-metadata=true", &promised),
        ("data-core-metadata='sha256=S'", &digest),
        ("data-dist-info-metadata='sha256=S'", &digest),
        ("data-core-metadata='sha512=ab'", &promised),
        ("data-core-metadata=false data-dist-info-metadata=true", &None),
        ("data-core-metadata=''", &None),
    ] {
        assert_eq!(anchor(&attributes.replace('S', SHA256)).core_metadata, *expected, "{attributes}");
    }
}

#[test]
fn a_status_is_one_of_the_known_or_active() {
    for (text, status, reason) in [
        (r#"{"status": "quarantined", "reason": "bad\u0000"}"#, "quarantined", Some("bad")),
        (r#"{"status": "deprecated", "reason": ""}"#, "deprecated", None),
        (r#""archived""#, "archived", None),
        (r#"{"status": "unknown", "reason": "x"}"#, "active", None),
        (r#"{"status": 1}"#, "active", None),
        ("null", "active", None),
    ] {
        let body = format!(r#"{{"project-status": {text}, "files": [], "meta": {{"api-version": "1.0"}}}}"#);
        let expected = Status { status: status.into(), reason: reason.map(str::to_owned) };
        assert_eq!(page(&body, JSON).unwrap().status, expected, "{text}");
    }
    assert_eq!(html("<META NAME=pypi:project-status CONTENT=wrong>").status, Status::default());
}

#[test]
fn a_page_of_no_files_is_a_page() {
    let json = "\u{feff}\r\n{\"meta\": {\"api-version\": \"1.0\"}, \"name\": 5, \"files\": []}";
    for (body, content_type) in [
        (json, JSON),
        (json, "text/html"),
        (json, "application/octet-stream"),
        ("<html></html>", "text/html; charset=utf-8"),
        ("<!doctype html>", "application/vnd.pypi.simple.v1+html"),
        ("<H1>Links for foo</H1>", "TEXT/HTML"),
        ("Links: <a href=x>x</a>", "text/html"),
        (
            "<h1>foo</h1><form action=\"https://up.example/foo/refresh\"><input type=submit></form>",
            "text/html",
        ),
    ] {
        assert_eq!(page(body, content_type), Ok(UpstreamPage::default()), "{body}");
    }
}

#[test]
fn what_is_no_page_is_refused_with_the_reason() {
    let many = "<a href=x>".repeat(MOST_LINKS + 1);
    for (body, content_type, reason) in [
        ("", "text/html", "it is empty"),
        (" \n", JSON, "it is empty"),
        ("\0\u{1}\u{2}<b", "text/html", "it is no HTML"),
        ("not found", "text/html", "it is no HTML"),
        ("<html></html>", "text/plain", "its type is 'text/plain'"),
        ("PK\u{3}\u{4}", "application/zip", "its type is 'application/zip'"),
        ("<html></html>", JSON, "expected value"),
        ("<html><form method=post>Who are you?</form>", "text/html", "it is a page for people, with a form"),
        ("<html><a href=/x>x</a><input type=password>", "text/html", "it is a page for people, with a form"),
        ("[]", JSON, "expected an object with files"),
        (r#"{"meta": {"api-version": "1.0"}, "files": [{"url": "#, JSON, "EOF while parsing"),
        (r#"{"meta": {"api-version": "1.0"}, "files": []} {}"#, JSON, "trailing characters"),
        (r#"{"meta": {"api-version": "1.0"}}"#, JSON, "it has no files"),
        (r#"{"meta": {"api-version": "1.0"}, "files": {}}"#, JSON, "expected a list of files"),
        (r#"{"meta": {"api-version": "2.0"}, "files": []}"#, JSON, "its api-version is '2.0'"),
        (r#"{"errors": [{"status": 404}]}"#, "application/json", "it states no api-version"),
        (many.as_str(), "text/html", "it lists more than 200000 files"),
    ] {
        let error = page(body, content_type).unwrap_err();
        assert!(error.contains(reason), "{}: {error}", &body[..body.len().min(80)]);
        assert!(error.starts_with("says nothing that a simple page says: "), "{error}");
    }
}

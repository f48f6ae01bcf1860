//! Uploads that must not work: each is answered with what was wrong, and nothing of it stays.

use crate::harness::{Client, RawForm, Reply, Server, Upload, archive};
use serde_json::{Value, json};

const METADATA: &str = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";

/// Everything that an upload could have changed.
async fn state(server: &Server) -> (i64, Vec<String>, Value) {
    (server.serial().await, server.objects().await, server.anonymous().get("alice/dev").await.result())
}

/// The message must be in the reason phrase, in the body by `Accept`, and name what was wrong.
#[track_caller]
fn assert_refused(reply: &Reply, status: u16, message: &str) {
    assert_eq!(reply.status, status, "{message}: {reply}");
    assert!(reply.message().contains(message), "{message}: {reply}");
    assert!(reply.message().starts_with(&reply.reason) || !reply.message().is_ascii(), "{}", reply.reason);
    assert_eq!(reply.json()["code"], format!("{status} {}", reply.message()));
    assert_eq!(reply.header("content-type"), "application/json");
}

async fn alice_with_index(server: &Server) -> Client {
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    alice
}

#[tokio::test]
async fn a_form_that_lacks_or_distorts_something_is_refused_by_name() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let before = state(&server).await;
    let (filename, content) = archive::wheel("pkg", "1.0");
    let form = || RawForm::upload("pkg", "1.0");
    let with = |form: RawForm| form.file("content", &filename, &content);
    let bare = |action: &str| RawForm::default().field(":action", action);
    let long = "a".repeat(10_000);
    let many_numbers = (1..3000).map(|number| number.to_string()).collect::<Vec<_>>().join(".");
    for (form, message) in [
        (with(RawForm::default().field("name", "pkg").field("version", "1.0")), "no field ':action'"),
        (with(bare("foo").field("name", "pkg").field("version", "1.0")), "action 'foo' not supported"),
        (with(bare("file_upload").field("version", "1.0")), "Missing required field \"name\""),
        (
            with(bare("file_upload").field("name", "").field("version", "1.0")),
            "Missing required field \"name\"",
        ),
        (with(bare("file_upload").field("name", "pkg")), "Missing required field \"version\""),
        (with(bare("file_upload").field("name", "pkg").field("version", "UNKNOWN")), "field \"version\""),
        (bare("submit").field("version", "1.0"), "Missing required field \"name\""),
        (bare("submit").field("name", "pkg"), "Missing required field \"version\""),
        (
            bare("submit").field("name", "pkg").field("version", many_numbers.as_str()),
            "longer than 200 characters",
        ),
        (form(), "content file field not found"),
        (form().field("content", "text"), "content file field not found"),
        (with(with(form())), "more than one file in field 'content'"),
        (with(form().field("protocol_version", "2")), "Unknown protocol version"),
        (with(form().field("summary", "a\0b")), "field 'summary' holds a NUL character"),
        (with(form().field("summary", b"\xff\xfe")), "field 'summary' is not UTF-8"),
        (with(RawForm::upload("-pkg", "1.0")), "must start with an ASCII letter or digit"),
        (with(RawForm::upload("pkg.", "1.0")), "must end with an ASCII letter or digit"),
        (with(RawForm::upload("päckchen", "1.0")), "must contain only ASCII letters"),
        (with(RawForm::upload("../pkg", "1.0")), "must contain only ASCII letters"),
        (with(RawForm::upload("a/b", "1.0")), "must contain only ASCII letters"),
        (with(RawForm::upload(&long, "1.0")), "must not be longer than"),
        (with(RawForm::upload("other", "1.0")), "does not match project name 'other'"),
        (with(RawForm::upload("pkg", "2.0")), "does not contain version '2.0'"),
        (with(RawForm::upload("pkg", "french toast")), "not a valid version by PEP 440"),
        (with(RawForm::upload("pkg", "1.0--1")), "not a valid version by PEP 440"),
        (with(RawForm::upload("pkg", "../1.0")), "not a valid version by PEP 440"),
        (with(RawForm::upload("pkg", &format!("1.{}", "0".repeat(10_000)))), "version"),
        (bare("submit").field("name", "pkg").field("version", "x"), "not a valid version by PEP 440"),
    ] {
        assert_refused(&alice.post_form("alice/dev", form).await, 400, message);
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test]
async fn a_file_name_that_is_dangerous_or_none_of_a_distribution_is_refused() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let before = state(&server).await;
    let (_, content) = archive::wheel("pkg", "1.0");
    let long = format!("pkg-1.0-py3-none-{}.whl", "a".repeat(10_000));
    for (filename, message) in [
        ("", "filename is empty"),
        ("../pkg-1.0-py3-none-any.whl", "contains the character '/'"),
        ("a/pkg-1.0-py3-none-any.whl", "contains the character '/'"),
        ("/etc/pkg-1.0-py3-none-any.whl", "contains the character '/'"),
        ("a\\\\pkg-1.0-py3-none-any.whl", "contains the character '\\\\'"),
        ("pkg-1.0..-py3-none-any.whl", "contains '..'"),
        ("pkg-1.0-py3-none-any .whl", "contains the character ' '"),
        ("pkg-1.0-py3-none-änÿ.whl", "contains the character"),
        (&long, "longer than 255 bytes"),
        ("pkg-1.0-py3-none-any.txt", "is not a valid archive name"),
        ("pkg-1.0", "is not a valid archive name"),
        ("pkg-1.0.WHL", "is not a valid archive name"),
        ("pkg-1.0-py3-none.whl", "wrong number of parts"),
        ("pkg-1.0-b1-py3-none-any.whl", "invalid build number"),
        ("pkg-1.0.post1-py3-none-any.whl", "version is not '1.0'"),
        ("pkg-1.0x-py3-none-any.whl", "invalid version"),
        ("pkgx-1.0-py3-none-any.whl", "project name is not 'pkg'"),
        ("pkg-x-1.0.tar.gz", "should be 'pkg-1.0.tar.gz'"),
    ] {
        let form = RawForm::upload("pkg", "1.0").file("content", filename, &content);
        assert_refused(&alice.post_form("alice/dev", form).await, 400, message);
    }
    for filename in [&b"pkg-1.0-py3-none-\xff\xfe.whl"[..], b"pkg-1.0-py3-none-any.whl\0", b"pkg-1.0\x01.whl"]
    {
        let form = RawForm::upload("pkg", "1.0").file("content", filename, &content);
        assert_refused(&alice.post_form("alice/dev", form).await, 400, "");
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test]
async fn a_digest_of_any_kind_that_is_not_the_files_is_refused() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let before = state(&server).await;
    let upload = || Upload::new("pkg", "1.0", archive::wheel("pkg", "1.0"));
    let large = archive::large_wheel("pkg", "1.0", 9 << 20);
    for (field, digits) in [("sha256_digest", 64), ("md5_digest", 32), ("blake2_256_digest", 64)] {
        for wrong in ["0".repeat(digits), "x".into(), "0".repeat(10_000)] {
            let reply = alice.upload("alice/dev", upload().with(field, &wrong)).await;
            assert_refused(&reply, 400, &format!("is not what field '{field}' says"));
        }
        let reply =
            alice.upload("alice/dev", Upload::new("pkg", "1.0", large.clone()).with(field, "00")).await;
        assert_refused(&reply, 400, &format!("is not what field '{field}' says"));
    }
    assert_eq!(state(&server).await, before);
    let right = upload().with("md5_digest", "").with("sha256_digest", "UNKNOWN");
    alice.upload("alice/dev", right).await.expect(200);
}

#[tokio::test]
async fn an_archive_that_is_broken_or_of_another_release_is_refused() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let before = state(&server).await;
    let (wheel, whole) = archive::wheel("pkg", "1.0");
    let (sdist, tar) = archive::sdist("pkg", "1.0");
    let with = |metadata: &str| archive::wheel_with("pkg", "1.0", metadata, "").1;
    let bomb = with(&format!("{METADATA}\n{}", "a".repeat(17 << 20)));
    let cut = |bytes: &[u8], length: usize| bytes[..length].to_vec();
    for (filename, content, message) in [
        (&wheel, vec![], "is empty"),
        (&wheel, cut(&whole, whole.len() / 2), "is truncated"),
        (&wheel, cut(&whole, whole.len() - 1), "truncated"),
        (&wheel, b"garbage".to_vec(), "is not a zip file"),
        (&wheel, tar.clone(), "begins like a gzip file"),
        (&wheel, b"<!DOCTYPE html>".to_vec(), "begins like an HTML or XML file"),
        (&wheel, archive::zip(&[("pkg.py", b"")]), "has no .dist-info folder"),
        (
            &wheel,
            archive::zip(&[("pkg-1.0.dist-info/METADATA", METADATA.as_bytes())]),
            "has no WHEEL, RECORD",
        ),
        (&wheel, archive::wheel("pkg", "2.0").1, "is not that of pkg 1.0"),
        (&wheel, with("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"), "the form says 'pkg'"),
        (&wheel, with("Metadata-Version: 2.1\nName: pkg\nVersion: 1.1\n"), "the form says '1.0'"),
        (&wheel, with("Metadata-Version: 2.1\nName: pkg\n"), "without Version"),
        (&wheel, with("Metadata-Version: 3.0\nName: pkg\nVersion: 1.0\n"), "only 1.x and 2.x are known"),
        (&wheel, bomb, "has a METADATA of more than 4194304 bytes"),
        (&sdist, vec![], "is empty"),
        (&sdist, cut(&tar, tar.len() / 2), "is truncated"),
        (&sdist, whole.clone(), "begins like a zip file"),
        (&sdist, archive::sdist("pkg", "2.0").1, "the form says '1.0'"),
        (&sdist, archive::sdist("other", "1.0").1, "the form says 'pkg'"),
        (&"pkg-1.0.egg".to_owned(), b"PK".to_vec(), "'pkg-1.0.egg'"),
        (&"pkg-1.0.exe".to_owned(), whole.clone(), "is not what its name says"),
    ] {
        let reply = alice.upload("alice/dev", Upload::new("pkg", "1.0", (filename.clone(), content))).await;
        assert_refused(&reply, 400, message);
        assert!(reply.message().contains(filename), "{reply}");
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_refused() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let before = state(&server).await;
    let (filename, content) = archive::wheel("pkg", "1.0");
    let whole = || RawForm::upload("pkg", "1.0").file("content", &filename, &content);
    let cut = |length: usize| whole().cut()[..length].to_vec();
    let (multipart, urlencoded) = (RawForm::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (content_type, body) in [
        ("multipart/form-data", whole().finish()),
        ("multipart/form-data; boundary=other", whole().finish()),
        (multipart, vec![]),
        (multipart, whole().cut()),
        (multipart, cut(whole().cut().len() - content.len() / 2)),
        (multipart, cut(30)),
        (multipart, b"\0\xff".repeat(100)),
        (urlencoded, b"%3Aaction=submit&name=pkg&version=1.0&summary=%00".to_vec()),
        (urlencoded, b"%3Aaction=file_upload&name=pkg&version=1.0&content=x".to_vec()),
        (urlencoded, b"\0\xff".repeat(100)),
    ] {
        let headers = [("accept", "application/json"), ("content-type", content_type)];
        let reply = alice.send("POST", "alice/dev/", &headers, body).await;
        assert_refused(&reply, 400, "");
        assert!(!reply.message().is_empty());
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let server = Server::start_with(|config| config.server.max_upload = 1 << 20).await;
    let alice = alice_with_index(&server).await;
    let before = state(&server).await;
    let large = archive::large_wheel("pkg", "1.0", 1 << 20);
    let reply = alice.upload("alice/dev", Upload::new("pkg", "1.0", large)).await;
    assert_refused(&reply, 413, "larger than 1048576 bytes");

    let (filename, content) = archive::wheel("pkg", "1.0");
    let form = || RawForm::upload("pkg", "1.0").file("content", &filename, &content);
    let reply = alice.post_form("alice/dev", form().field("description", vec![b'a'; (10 << 20) + 1])).await;
    assert_refused(&reply, 400, "fields of the form together are larger than 10485760 bytes");
    let many = (0..10_001).fold(form(), |form, _| form.field("classifiers", "a"));
    assert_refused(&alice.post_form("alice/dev", many).await, 400, "more than 10000 fields");

    let headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];
    let submit = "%3Aaction=submit&name=pkg&version=1.0";
    let many = format!("{submit}{}", "&classifiers=a".repeat(10_000));
    let reply = alice.send("POST", "alice/dev/", &headers, many).await;
    assert_refused(&reply, 400, "more than 10000 fields");
    let large = format!("{submit}&description={}", "a".repeat(11 << 20));
    let reply = alice.send("POST", "alice/dev/", &headers, large).await;
    assert_refused(&reply, 400, "larger than 10485760 bytes");
    assert_eq!(state(&server).await, before);

    let description = "a".repeat(1 << 20);
    alice.post_form("alice/dev", form().field("description", &description)).await.expect(200);
    assert_eq!(alice.get("alice/dev/pkg/1.0").await.result()["description"], description);
}

#[tokio::test]
async fn a_refusal_is_worded_for_each_accept_and_its_reason_phrase_is_one_line() {
    let server = Server::start().await;
    let alice = alice_with_index(&server).await;
    let refusal = async |accept: &str| {
        let form = RawForm::default().field(":action", "<b>ä\n</b>");
        let headers = [("accept", accept), ("content-type", RawForm::CONTENT_TYPE)];
        alice.send("POST", "alice/dev/", &headers, form.finish()).await.expect(400)
    };
    for accept in ["*/*", "text/plain", "image/png"] {
        let reply = refusal(accept).await;
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.text(), "400 action '<b>ä\n</b>' not supported\n");
        assert_eq!(reply.reason, "action '<b>??</b>' not supported");
    }
    let uv = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7";
    for accept in ["application/json", uv] {
        let reply = refusal(accept).await;
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.message(), "action '<b>ä\n</b>' not supported");
        assert_eq!(reply.json()["title"], reply.json()["message"]);
    }
    let reply = refusal("text/html,application/xhtml+xml;q=0.9").await;
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    let escaped = "action &#x27;&lt;b&gt;ä\n&lt;&#x2f;b&gt;&#x27; not supported";
    assert!(reply.text().contains(&format!("<title>{escaped} ·")), "{reply}");
    assert!(reply.text().contains(&format!("<h1>{escaped}</h1>")), "{reply}");
}

//! Push to an external repository.

use crate::harness::{
    Client, Server, Upload, archive,
    binary::{Binary, command, environment, place},
    repository::Repository,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

const PASSWORD: &str = "hunter2-of-the-other-place";

/// Alice with a wheel and an sdist of Pkg 1.0 on alice/dev.
async fn alice_with_pkg(alice: Client) -> Client {
    alice.create_index("alice/dev", json!({})).await;
    let upload = Upload::new("Pkg", "1.0", archive::wheel("pkg", "1.0"))
        .with("summary", "é")
        .with("classifiers", "a")
        .with("classifiers", "b")
        .with("provides_extra", "x");
    alice.upload("alice/dev", upload).await.expect(200);
    alice.upload("alice/dev", Upload::new("Pkg", "1.0", archive::sdist("pkg", "1.0"))).await.expect(200);
    alice
}

fn to(url: &str, register: bool) -> Value {
    json!({"name": "pkg", "version": "1.0", "posturl": url, "username": "bob", "password": PASSWORD,
        "register_project": register})
}

#[tokio::test]
async fn whoever_can_read_has_to_log_in_to_make_the_server_talk_to_another() {
    let server = Server::start().await;
    alice_with_pkg(server.user("alice").await).await;
    let repository = Repository::start(&[]).await;
    let reply = server.anonymous().json("PUSH", "alice/dev", to(&repository.url, true)).await.expect(401);
    assert_eq!(reply.message(), "only a user may push to another repository");
    assert!(repository.forms().is_empty());
}

#[tokio::test]
async fn each_file_is_uploaded_with_its_metadata_and_digest() {
    let server = Server::start().await;
    let alice = alice_with_pkg(server.user("alice").await).await;
    let before = server.serial().await;
    let repository = Repository::start(&[(201, "Created")]).await;
    let reply = alice.json("PUSH", "alice/dev", to(&repository.url, false)).await.expect(200);
    let wheel = alice.file_path("alice/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    let sdist = alice.file_path("alice/dev", "pkg", "pkg-1.0.tar.gz").await;
    let log = json!([[201, "upload", wheel, ""], [200, "upload", sdist, ""]]);
    assert_eq!(reply.json(), json!({"type": "actionlog", "result": log}));
    assert_eq!(server.serial().await, before);

    let forms = repository.forms();
    let files = [
        (archive::wheel("pkg", "1.0"), "bdist_wheel", "py3"),
        (archive::sdist("pkg", "1.0"), "sdist", "source"),
    ];
    assert_eq!(forms.len(), 2);
    for (form, (file, filetype, pyversion)) in forms.iter().zip(files) {
        assert_eq!(form.authorization, format!("Basic {}", STANDARD.encode(format!("bob:{PASSWORD}"))));
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&file.1));
        for (field, expected) in [
            (":action", vec!["file_upload"]),
            ("name", vec!["Pkg"]),
            ("version", vec!["1.0"]),
            ("summary", vec!["é"]),
            ("classifiers", vec!["a", "b"]),
            ("provides_extra", vec!["x"]),
            ("license", vec![]),
            ("filetype", vec![filetype]),
            ("pyversion", vec![pyversion]),
            ("sha256_digest", vec![digest.as_str()]),
        ] {
            assert_eq!(form.field(field), expected, "{field}");
        }
        assert_eq!(form.file.as_ref().unwrap(), &file);
    }
}

#[tokio::test]
async fn what_we_push_to_ourselves_is_what_we_have() {
    let server = Server::start().await;
    let alice = alice_with_pkg(server.user("alice").await).await;
    let other = Server::start().await;
    let bob = other.user("bob").await;
    bob.create_index("bob/prod", json!({"volatile": false})).await;
    let body = |register| {
        let url = format!("{}/bob/prod/", other.url);
        json!({"name": "pkg", "version": "1.0", "posturl": url, "username": "bob", "password": "secret",
            "register_project": register})
    };
    let reply = alice.json("PUSH", "alice/dev", body(true)).await.expect(200);
    assert_eq!(reply.result()[0], json!([200, "register", "pkg", "1.0"]));
    assert_eq!(alice.filenames("alice/dev", "pkg").await, bob.filenames("bob/prod", "pkg").await);
    assert_eq!(bob.get("bob/prod/pkg/1.0").await.result()["summary"], "é");
    alice.json("PUSH", "alice/dev", body(false)).await.expect(200);
}

#[tokio::test]
async fn a_project_is_registered_first_and_a_repository_that_has_it_or_knows_no_registration_goes_on() {
    let server = Server::start().await;
    let alice = alice_with_pkg(server.user("alice").await).await;
    for (status, expected, forms) in
        [(200, 200, 3), (201, 200, 3), (410, 200, 3), (403, 502, 1), (302, 502, 1)]
    {
        let repository = Repository::start(&[(status, "Register says")]).await;
        let reply = alice.post("alice/dev", to(&repository.url, true)).await.expect(expected);
        assert_eq!(reply.json()["type"], "actionlog");
        let log = reply.result();
        assert_eq!(
            log[0].as_array().unwrap()[..4],
            [json!(status), json!("register"), json!("pkg"), json!("1.0")]
        );
        assert_eq!((log.as_array().unwrap().len(), repository.forms().len()), (forms, forms));
        let first = &repository.forms()[0];
        assert_eq!(
            (first.field(":action"), first.field("summary"), &first.file),
            (vec!["submit"], vec!["é"], &None)
        );
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_the_repositorys_words_and_the_other_files_still_go() {
    let server = Server::start().await;
    let alice = alice_with_pkg(server.user("alice").await).await;
    let wheel = alice.file_path("alice/dev", "pkg", "pkg-1.0-py3-none-any.whl").await;
    let sdist = alice.file_path("alice/dev", "pkg", "pkg-1.0.tar.gz").await;
    for (status, words) in
        [(400, "File already exists"), (401, "Unauthorized"), (500, "Oh no"), (307, "Elsewhere")]
    {
        let repository = Repository::start(&[(status, words)]).await;
        let reply = alice.post("alice/dev", to(&repository.url, false)).await.expect(200);
        assert_eq!(reply.result(), json!([[status, "upload", wheel, words], [200, "upload", sdist, ""]]));
        assert_eq!(repository.forms().len(), 2);
        let repository = Repository::start(&[(200, "OK"), (status, words)]).await;
        let reply = alice.post("alice/dev", to(&repository.url, false)).await.expect(502);
        assert_eq!(reply.result(), json!([[200, "upload", wheel, ""], [status, "upload", sdist, words]]));
    }

    let other = Server::start().await;
    let bob = other.user("bob").await;
    bob.create_index("bob/prod", json!({"volatile": false})).await;
    let mut body = to(&format!("{}/bob/prod/", other.url), false);
    body["password"] = json!("wrong");
    let log = alice.post("alice/dev", body).await.expect(502).result();
    assert_eq!(log[0], json!([401, "upload", wheel, "401 no permission to submit\n"]));
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told_of() {
    let server = Server::start().await;
    let alice = alice_with_pkg(server.user("alice").await).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:{PASSWORD}@{}/", listener.local_addr().unwrap());
    drop(listener);
    for register in [false, true] {
        let reply = alice.post("alice/dev", to(&url, register)).await.expect(502);
        assert_eq!(reply.result()[0][0], -1);
        assert!(reply.text().contains("exception on"), "{reply}");
        assert!(!reply.text().contains(PASSWORD), "{reply}");
    }
}

#[tokio::test]
async fn a_target_that_is_none_is_refused() {
    let server = Server::start().await;
    let alice = alice_with_pkg(server.user("alice").await).await;
    for (key, value, message) in [
        ("posturl", json!("ftp://x/"), "'posturl' must be a URL"),
        ("posturl", json!("file:///etc/passwd"), "'posturl' must be a URL"),
        ("posturl", json!("nonsense"), "'posturl' must be a URL"),
        ("posturl", json!(1), "'posturl' must be a text"),
        ("username", json!(null), "'username' must be a text"),
        ("password", json!(["x"]), "'password' must be a text"),
        ("register_project", json!("yes"), "'register_project' must be true or false"),
        ("foo", json!(1), "unknown additional options: foo"),
    ] {
        let mut body = to("http://127.0.0.1:9/", false);
        body[key] = value;
        let reply = alice.post("alice/dev", body).await.expect(400);
        assert!(reply.message().starts_with(message), "{reply}");
        assert!(!reply.text().contains(PASSWORD), "{reply}");
    }
}

#[tokio::test]
async fn the_password_of_a_push_is_in_no_log() {
    let (database, prefix) = place().await;
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).envs(environment(&database, &prefix));
    command.env("WHEELYARD_LOG", "trace,s3s=off").stderr(std::process::Stdio::piped());
    let mut binary = Binary::start(command).await;
    let mut log = binary.child.stderr.take().unwrap();
    let read = tokio::task::JoinSet::from_iter([async move {
        let mut text = String::new();
        log.read_to_string(&mut text).await.unwrap();
        text
    }]);
    binary.client(None).put("alice", json!({"password": "secret-of-alice"})).await.expect(201);
    let alice = alice_with_pkg(binary.client(Some(("alice", "secret-of-alice")))).await;
    let repository = Repository::start(&[(400, "Refused")]).await;
    alice.post("alice/dev", to(&repository.url, true)).await.expect(502);
    alice.post("alice/dev", to(&repository.url, true)).await.expect(200);
    alice.post("alice/dev", to("http://127.0.0.1:9/", false)).await.expect(502);
    assert!(binary.end("-TERM").await.success());
    let log = read.join_all().await.concat();
    assert!(log.contains("POST /alice/dev 200"), "{log}");
    for secret in [PASSWORD, &STANDARD.encode(format!("bob:{PASSWORD}")), "secret-of-alice"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

//! `root/pypi`: which index `dev` and `init` make it mirror, and when.

use crate::harness::{
    Folder,
    binary::{self, Binary, environment, run},
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// The settings of `root/pypi`, if it is there.
async fn mirror(server: &Binary) -> Option<Value> {
    server.client(None).get("root").await.result()["indexes"].get("pypi").cloned()
}

/// A start on a folder, where nothing is said of mirrors but by these arguments, and these programs are found first.
async fn start(data: &Folder, programs: &[(&str, &str)], arguments: &[&str]) -> Binary {
    let folder = data.path().join("bin");
    fs::create_dir_all(&folder).unwrap();
    for (name, script) in programs {
        fs::write(folder.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = [folder.as_os_str().to_owned(), std::env::var_os("PATH").unwrap()].join(":".as_ref());
    let mut command = binary::command();
    command.env_remove("WHEELYARD_MIRROR_URL").env("PATH", path);
    command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path()).args(arguments);
    command.args(["--log", "debug"]);
    Binary::start_with_log(command, fs::File::create(data.path().join("log")).unwrap()).await
}

const NOTHING: &str = "exit 1";
const CONFIGURED: &str =
    "[ \"$*\" = '-m pip config get global.index-url' ] && echo http://a:hidden@127.0.0.1:9/simple";
const OWN_CONFIGURED: &str = "[ \"$*\" = 'config get global.index-url' ] && echo http://127.0.0.1:9/own/";
const BUILT_IN: &str = "[ \"$1\" = -c ] && echo http://127.0.0.1:9/simple && echo http://127.0.0.1:9/";
const VERSION: &str = "[ \"$1\" = --version ] && echo 'pip 1.0 from /some/where/pip (python 9.9)'";
const ELSEWHERE: &str =
    "[ \"$PYTHONPATH\" = /some/where ] && echo http://127.0.0.1:9/else/ && echo http://127.0.0.1:9";

#[tokio::test]
async fn the_first_start_mirrors_what_pip_installs_from() {
    let given = |url: &str| {
        Some(json!({"type": "mirror", "volatile": false, "title": "127.0.0.1", "mirror_url": url}))
    };
    let built_in = |url: &str| {
        Some(json!({
            "type": "mirror", "volatile": false, "title": "PyPI", "mirror_url": url,
            "mirror_web_url_fmt": "http://127.0.0.1:9/project/{name}/",
        }))
    };
    let cases: [(&[(&str, &str)], _); 6] = [
        (&[("python3", CONFIGURED), ("pip", OWN_CONFIGURED)], given("http://127.0.0.1:9/simple")),
        (&[("python3", NOTHING), ("pip", OWN_CONFIGURED)], given("http://127.0.0.1:9/own/")),
        (&[("python3", BUILT_IN), ("pip", NOTHING)], built_in("http://127.0.0.1:9/simple/")),
        (
            &[("python3", NOTHING), ("pip", VERSION), ("python9.9", ELSEWHERE)],
            built_in("http://127.0.0.1:9/else/"),
        ),
        (&[("python3", "echo nonsense"), ("pip", "echo nonsense; echo more")], None),
        (&[("python3", NOTHING), ("pip", NOTHING)], None),
    ];
    for (programs, expected) in cases {
        let data = Folder::new();
        let server = start(&data, programs, &[]).await;
        assert_eq!(mirror(&server).await, expected, "{programs:?}");
        let words =
            if expected.is_some() { "created root/pypi, a mirror of " } else { "there is no root/pypi" };
        server.end("-TERM").await;
        let log = data.read("log");
        assert!(log.contains(words) && !log.contains("hidden"), "{log}");
    }
}

#[tokio::test]
async fn a_given_url_wins_and_what_was_deleted_or_not_wanted_does_not_come() {
    // Whatever is asked answers with another index.
    let programs = [("python3", CONFIGURED), ("pip", OWN_CONFIGURED)];
    let url = ["--mirror-url", "http://a:hidden@127.0.0.1:9/given"];
    let data = Folder::new();
    let server = start(&data, &programs, &["--mirror-url", "none", "--restrict-modify", "nobody"]).await;
    assert_eq!(mirror(&server).await, None);
    server.end("-TERM").await;
    assert!(!data.read("log").contains("root/pypi"), "{}", data.read("log"));

    // It is not the first start any more, so that only a wish makes a mirror.
    let server = start(&data, &programs, &[]).await;
    assert_eq!(mirror(&server).await, None);
    server.end("-TERM").await;

    let server = start(&data, &programs, &[url[0], url[1], "--restrict-modify", "nobody"]).await;
    let shown = json!({
        "type": "mirror", "volatile": false, "title": "127.0.0.1", "mirror_url": "http://127.0.0.1:9/given",
    });
    assert_eq!(mirror(&server).await, Some(shown));
    server.end("-TERM").await;
    assert!(!data.read("log").contains("hidden"), "{}", data.read("log"));

    let server = start(&data, &programs, &["--mirror-url", "http://127.0.0.1:9/other"]).await;
    assert_eq!(mirror(&server).await.unwrap()["mirror_url"], "http://127.0.0.1:9/given");
    let root = server.client(Some(("root", "")));
    root.patch("root/pypi", json!(["volatile=yes"])).await.expect(200);
    root.delete("root/pypi").await.expect(201);
    server.end("-TERM").await;

    let server = start(&data, &programs, &url).await;
    assert_eq!(mirror(&server).await, None);
    server.end("-TERM").await;
}

#[tokio::test]
async fn a_wrong_url_is_refused_before_anything_starts_and_without_its_password() {
    let data = Folder::new();
    let folder = data.path().join("data");
    let folder = folder.to_str().unwrap();
    let outcome = run(&["dev", "--data-dir", folder, "--mirror-url", "ftp://a:hidden@127.0.0.1/"], &[]).await;
    assert!(!outcome.success && !Path::new(folder).exists());
    let words = "wheelyard: --mirror-url must be a URL that begins with http:// or https://, or none";
    assert_eq!(outcome.stderr.trim(), words);
}

#[tokio::test]
async fn init_makes_the_mirror_that_is_given_once() {
    let (database, prefix) = binary::place().await;
    let environment = environment(&database, &prefix);
    let init = async |url| run(&["init", "--mirror-url", url], &environment).await.stdout;
    assert_eq!(init("none").await, "created user root\n");
    let url = "http://a:hidden@127.0.0.1:9/simple/";
    assert_eq!(init(url).await, "user root exists already\ncreated index root/pypi\n");
    let again = "user root exists already\nindex root/pypi exists already, or was deleted\n";
    assert_eq!(init(url).await, again);
    let server = Binary::serve(&database, &prefix, &[]).await;
    assert_eq!(mirror(&server).await.unwrap()["mirror_url"], "http://127.0.0.1:9/simple/");
}

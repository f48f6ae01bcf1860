//! pip, uv and devpi's client through mirrors, of a small upstream and of the one that pip installs from.

use super::{Home, programs, wheel, wheelyard};
use crate::harness::{
    Client, Folder, Upload, Upstream, archive,
    binary::{self, Binary},
    upstream::{File, Sidecar},
};
use serde_json::json;
use std::{fs, time::Duration};
use tokio::process::Command;

/// A wheel as a good upstream has it, with its core metadata beside it.
fn published(upstream: &Upstream, name: &str, version: &str, requires: &str) {
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}");
    let module = format!("NAME = '{name} {version}'\n");
    let wheel = archive::wheel_with(name, version, &metadata, &module);
    upstream.add(name, File::new(wheel).sidecar(Sidecar::Sha256, metadata));
}

fn filename(name: &str, version: &str) -> String {
    format!("{name}-{version}-py3-none-any.whl")
}

/// An upstream with `app` 1.0 and two versions of `dep`, of which it wants the first; and a wheelyard where `alice/mirror`
/// mirrors it and `alice/top` inherits from it and from `alice/dev`.
async fn with_mirror() -> (Binary, Client, Upstream) {
    let (server, alice) = wheelyard(&[]).await;
    let upstream = Upstream::start();
    published(&upstream, "dep", "1.0", "");
    published(&upstream, "dep", "2.0", "");
    published(&upstream, "app", "1.0", "Requires-Dist: dep<2\n");
    alice.create_mirror("alice/mirror", &upstream, json!({})).await;
    alice.create_index("alice/top", json!({"bases": ["alice/dev", "alice/mirror"]})).await;
    (server, alice, upstream)
}

#[tokio::test]
async fn pip_installs_through_a_mirror_and_the_second_time_without_its_upstreams_files() {
    let (server, alice, upstream) = with_mirror().await;
    let ours = wheel("ours", "1.0", &["Requires-Dist: app"]);
    alice.upload("alice/dev", Upload::new("ours", "1.0", ours)).await.expect(200);
    for round in ["one", "two"] {
        let home = Home::new();
        let simple = format!("{}/alice/top/+simple/", server.url);
        home.run(&format!("pip install --index-url {simple} --target {round} ours")).await.works();
        for (module, expected) in [("ours", "ours 1.0"), ("app", "app 1.0"), ("dep", "dep 1.0")] {
            assert_eq!(home.imported(round, module).await, expected);
        }
        assert_eq!(upstream.file_requests(&filename("app", "1.0")), 1, "{round}");
        assert_eq!(upstream.file_requests(&filename("dep", "1.0")), 1, "{round}");
        assert_eq!(upstream.file_requests(&filename("dep", "2.0")), 0, "{round}");
    }
}

#[tokio::test]
async fn pip_checks_the_hashes_of_a_mirrors_files() {
    let (server, alice, _upstream) = with_mirror().await;
    let page = alice.simple("alice/mirror", "dep").await;
    let files = page["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["filename"] == filename("dep", "1.0")).unwrap();
    let home = Home::new();
    let sha256 = file["hashes"]["sha256"].as_str().unwrap();
    home.folder.write("right.txt", format!("dep==1.0 --hash=sha256:{sha256}\n"));
    home.folder.write("wrong.txt", format!("dep==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    let download = format!("pip download --index-url {}/alice/top/+simple/ -d files -r", server.url);
    home.run(&format!("{download} wrong.txt")).await.fails_with("DO NOT MATCH THE HASHES");
    home.run(&format!("{download} right.txt")).await.works();
    assert!(home.path().join("files").join(filename("dep", "1.0")).exists());
}

#[tokio::test]
async fn uv_resolves_by_the_mirrored_metadata_and_fetches_only_what_it_installs() {
    let (server, _, upstream) = with_mirror().await;
    let (home, simple) = (Home::new(), format!("{}/alice/top/+simple/", server.url));
    home.folder.write("requirements.in", "app\n");
    let said = home.run(&format!("uv pip compile --default-index {simple} requirements.in")).await.works();
    assert!(said.contains("app==1.0") && said.contains("dep==1.0"), "{said}");
    let requests = |name: &str, version: &str| {
        let filename = filename(name, version);
        upstream.file_requests(&filename) + upstream.range_requests(&filename)
    };
    let all = [("app", "1.0"), ("dep", "1.0"), ("dep", "2.0")];
    assert_eq!(all.map(|(name, version)| requests(name, version)), [0, 0, 0]);
    for target in ["one", "two"] {
        let home = Home::new();
        home.run(&format!("uv pip install --default-index {simple} --target {target} app")).await.works();
        assert_eq!(home.imported(target, "app").await, "app 1.0");
        assert_eq!(home.imported(target, "dep").await, "dep 1.0");
        assert_eq!(all.map(|(name, version)| requests(name, version)), [1, 1, 0], "{target}");
    }
}

#[tokio::test]
async fn devpis_client_makes_a_mirror_lists_it_and_looks_upstream_again() {
    let (server, _) = wheelyard(&[]).await;
    let upstream = Upstream::start();
    published(&upstream, "dep", "1.0", "");
    let home = Home::new();
    let devpi = async |command: &str| home.run(&format!("devpi {command} --clientdir client")).await.works();
    devpi(&format!("use {}/alice/dev", server.url)).await;
    devpi("login alice --password secret").await;
    let said = devpi(&format!("index -c mirror type=mirror mirror_url={}", upstream.url())).await;
    for line in ["type=mirror", &format!("mirror_url={}", upstream.url())] {
        assert!(said.contains(line), "{line}: {said}");
    }
    devpi("use alice/mirror").await;
    assert!(devpi("list").await.contains("dep"));
    assert!(devpi("list dep").await.contains(&filename("dep", "1.0")));
    published(&upstream, "dep", "2.0", "");
    assert!(!devpi("list --all dep").await.contains(&filename("dep", "2.0")));
    devpi("refresh dep").await;
    assert!(devpi("list --all dep").await.contains(&filename("dep", "2.0")));
}

/// Whether the pip of the clients can install from where it would without any setting of ours.
async fn reaches_its_own_index(folder: &Folder) -> bool {
    let mut pip = Command::new(format!("{}/pip", programs()));
    pip.args(["download", "--no-deps", "--retries", "0", "--timeout", "10", "-d", "reached", "itsdangerous"]);
    pip.current_dir(folder.path()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), pip.output()).await;
    output.is_ok_and(|output| output.unwrap().status.success())
}

/// How many requests for files a server has made so far.
async fn file_requests(server: &Binary) -> u64 {
    let metrics = server.client(None).get("metrics").await.expect(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("wheelyard_upstream_file_requests_total "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn real_projects_install_through_the_mirror_that_dev_makes_and_then_without_its_upstream() {
    let data = Folder::new();
    if !reaches_its_own_index(&data).await {
        println!("skipped: pip's own index is out of reach");
        return;
    }
    // What `dev` asks where pip installs from is the pip of the clients.
    let path = [programs().into(), std::env::var_os("PATH").unwrap()].join(":".as_ref());
    let mut command = binary::command();
    command.env_remove("WHEELYARD_MIRROR_URL").env("PATH", path);
    command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path().join("data"));
    let server = Binary::start_with_log(command, fs::File::create(data.path().join("log")).unwrap()).await;
    let simple = format!("{}/root/pypi/+simple/", server.url);
    let mut requests = Vec::new();
    for target in ["one", "two"] {
        for (tool, option) in [("pip", "--index-url"), ("uv pip", "--default-index")] {
            let home = Home::new();
            let said = home.run(&format!("{tool} install {option} {simple} --target {target} flask")).await;
            assert!(said.success, "{}\n{}", said.text, data.read("log"));
            home.folder.write("show.py", "import flask; print(flask.Flask('x').name)");
            let shown = home.run_with("python show.py", &[("PYTHONPATH", &home.at(target))], "").await;
            assert_eq!(shown.works().trim(), "x");
            requests.push(file_requests(&server).await);
        }
    }
    assert!(requests[0] > 0, "{requests:?}");
    assert_eq!((requests[1], requests[1]), (requests[2], requests[3]), "{requests:?}");
    server.end("-TERM").await;
}

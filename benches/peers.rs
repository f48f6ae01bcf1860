//! devpi-server beside us: the same pages, read by the same load (`--peers`).

use crate::{
    compare::{Contender, Pace, compare},
    grounds::{Grounds, INHERITED, SMALL, inherit},
    load::Expected,
    person::{Person, stage, wheels},
    process::Process,
    table::{self, Targets},
};
use std::{path::Path, time::Duration};
use tokio::process::Command;

/// `programs`: the folder that has devpi-server.
pub async fn measure(grounds: &Grounds, targets: &mut Targets, pace: Pace, programs: &Path) {
    let devpi = start(grounds, programs).await;
    let root = Person::new(&devpi.url, "root");
    root.index("private", stage(&[])).await;
    root.fill("private", "small", wheels("small", 0..200)).await;
    inherit(&root, &grounds.upstream).await;

    table::heading("pages beside devpi-server's (which stands where the limit stood)");
    for (what, path) in [("200 files, HTML", SMALL), ("200 files of a mirror, inherited", INHERITED)] {
        // The page that devpi shows of a mirror differs from time to time.
        let theirs = async || root.get(path, &[]).await.text().await.unwrap().matches(".whl</a>").count();
        assert_eq!(theirs().await, 200, "devpi's page of {what}");
        let ours = grounds.page(path, &[], 200).await;
        for connections in [1, 10, 64] {
            let contenders = [
                Contender::get(&[&devpi], path, "", Expected::any(200)),
                Contender::get(&[&grounds.strict], path, "", ours.expected()),
            ];
            let measured = compare(&contenders, connections, pace);
            let ratio = table::row(what, connections, measured[0], measured[1]);
            if connections == 64 {
                assert_eq!(theirs().await, 200, "devpi's page of {what}");
                targets.add(&format!("{what}: {ratio:.0} times devpi-server, at least 100"), ratio >= 100.0);
            }
        }
    }
}

/// With its default settings, and a password for root.
async fn start(grounds: &Grounds, programs: &Path) -> Process {
    let folder = grounds.site.path("devpi");
    let program = |name: &str| {
        let mut command = Command::new(programs.join(name));
        command.arg("--serverdir").arg(&folder);
        command
    };
    let init = program("devpi-init")
        .args(["--no-root-pypi", "--root-passwd", crate::person::PASSWORD])
        .stdout(std::process::Stdio::null())
        .status();
    let init = tokio::time::timeout(Duration::from_secs(120), init).await.expect("devpi-init hangs");
    assert!(init.unwrap().success());
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut command = program("devpi-server");
    command.args(["--port", &port.to_string()]);
    Process::start_at(&mut command, port, &grounds.site.path("devpi.log")).await
}

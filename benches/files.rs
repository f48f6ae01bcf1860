//! Files: streamed beside what the object store itself gives, and the redirect to it.

use crate::{
    compare::{Contender, Pace, compare, request},
    grounds::{BIG, FILES, Grounds, MEDIUM},
    load::{Expected, Load, Requests},
    table::{self, Targets},
};

pub async fn measure(grounds: &Grounds, targets: &mut Targets, pace: Pace) {
    table::heading("files, beside a plain GET of the object store");
    for (name, version, size) in [("file of 1 MB", "1.0", MEDIUM), ("file of 50 MB", "2.0", BIG)] {
        let (filename, content) = crate::archive::large_wheel("files", version, size);
        let path = path(grounds, &filename).await;
        let redirect = grounds.root.at(&grounds.redirecting.url).get(&path, &[]).await;
        assert_eq!(redirect.status(), 302);
        let presigned = url::Url::parse(redirect.headers()["location"].to_str().unwrap()).unwrap();
        let presigned = format!("{}?{}", &presigned.path()[1..], presigned.query().unwrap_or_default());
        let expected = Expected::body(200, content);
        let store = &grounds.site.store;
        // What is signed is the Host header too.
        let get = request(&presigned, "");
        let get = String::from_utf8(get).unwrap().replace("Host: bench", &format!("Host: {}", store.address));
        let plain = Contender {
            load: Load {
                addresses: vec![store.address],
                requests: Requests::Same(get.into_bytes()),
                expected: expected.clone(),
            },
            processes: vec![store],
        };
        for connections in [1, 10] {
            // One of a few seconds each.
            let pace = Pace { seconds: pace.seconds * if size == BIG { 3.0 } else { 1.0 }, ..pace };
            let get = |process| Contender::get(&[process], &path, "", expected.clone());
            let mut contenders = vec![plain.clone(), get(&grounds.streaming)];
            if size == MEDIUM {
                contenders.push(get(&grounds.strict));
            }
            let measured = compare(&contenders, connections, pace);
            let ratio = table::row(name, connections, measured[0], measured[1]);
            if let Some(from_memory) = measured.get(2) {
                table::row("  the same, from memory", connections, measured[0], *from_memory);
            }
            let what = format!(
                "{name}, {connections} connections: {:.0} % of the store, at least 70",
                ratio * 100.0
            );
            targets.add(&what, ratio >= 0.70);
        }
    }
    table::heading("a redirect, beside the smallest page");
    let (filename, _) = crate::archive::large_wheel("files", "2.0", 1);
    let path = path(grounds, &filename).await;
    let tiny = grounds.page(crate::grounds::TINY, &[], 1).await;
    for connections in [1, 10, 64] {
        let tiny = Contender::get(&[&grounds.redirecting], crate::grounds::TINY, "", tiny.expected());
        let redirect = Contender::get(&[&grounds.redirecting], &path, "", Expected::any(302));
        let measured = compare(&[tiny, redirect], connections, pace);
        let ratio = table::row("redirect", connections, measured[0], measured[1]);
        if connections == 64 {
            let what = format!("redirect: {:.0} % of the smallest page, at least 90", ratio * 100.0);
            targets.add(&what, ratio >= 0.90);
        }
    }
}

/// The path of a file as the page links it.
async fn path(grounds: &Grounds, filename: &str) -> String {
    let page = grounds.root.get(FILES, &[("Accept", "application/vnd.pypi.simple.v1+json")]).await;
    let page: serde_json::Value = serde_json::from_slice(&page.bytes().await.unwrap()).unwrap();
    let file = page["files"].as_array().unwrap().iter().find(|file| file["filename"] == filename).unwrap();
    let base = url::Url::parse(&format!("http://x/{FILES}")).unwrap();
    base.join(file["url"].as_str().unwrap()).unwrap().path()[1..].to_owned()
}

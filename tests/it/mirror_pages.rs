//! Pages of a mirror: what they pass on from upstream, how often the upstream is asked, and what is kept.

use crate::harness::{
    Server, Upstream, archive, until,
    upstream::{Fault, File, Hash, Part, Shape, Sidecar, Validators},
};
use futures::future::join_all;
use serde_json::{Value, json};

const ONE: &str = "pkg-1.0-py3-none-any.whl";
const TWO: &str = "pkg-2.0-py3-none-any.whl";

/// Ask the upstream each time, and only for what somebody wants.
fn eager() -> Value {
    json!({"mirror_cache_expiry": 0, "mirror_no_project_list": true})
}

/// The files of a page by name.
fn by_name(page: &Value) -> serde_json::Map<String, Value> {
    let files = page["files"].as_array().unwrap().iter();
    files.map(|file| (file["filename"].as_str().unwrap().to_owned(), file.clone())).collect()
}

/// Waits until another process has the files without any upstream.
async fn stored(server: &Server, upstream: &mut Upstream, filenames: &[&str]) {
    upstream.stop().await;
    let beside = server.beside().await;
    let other = beside.anonymous();
    until("the page is stored", async || {
        let reply = other.simple_page("alice/mirror", "pkg", &[]).await;
        reply.status == 200 && by_name(&reply.json()).keys().eq(filenames)
    })
    .await;
    upstream.start_again().await;
}

#[tokio::test]
async fn every_form_of_an_upstreams_page_gives_the_same_files() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = server.user("alice").await;
    let wheel = File::wheel("my-pkg", "1.0").requires_python(">=3.8,<4").yanked("\"bad\" & <worse>");
    upstream.add("My.Pkg", wheel.sidecar(Sidecar::Sha256, "Name: my-pkg"));
    upstream.add("My.Pkg", File::wheel("my-pkg", "2.0").yanked("").sidecar(Sidecar::True, "x"));
    upstream.add("My.Pkg", File::new(archive::sdist("my-pkg", "2.0")).hash(Hash::Md5));
    upstream.add("My.Pkg", File::wheel("my-pkg", "3.0+local.1").hash(Hash::None));
    upstream.add("My.Pkg", File::wheel("my-pkg", "4.0").elsewhere());
    upstream.add("My.Pkg", File::new(("my_pkg-5.0.zip".into(), archive::zip(&[("a", b"")]))));

    let mut pages = Vec::new();
    for (index, shape) in
        [("alice/json", Shape::Json), ("alice/html", Shape::Html), ("alice/wild", Shape::HtmlWild)]
    {
        upstream.shape(shape);
        alice.create_mirror(index, &upstream, json!({})).await;
        let mut page = alice.simple(index, "my-pkg").await;
        for file in page["files"].as_array_mut().unwrap() {
            // HTML has no place for the size.
            file.as_object_mut().unwrap().remove("size");
        }
        assert!(page["meta"].take()["_last-serial"].is_i64());
        pages.push(page);
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(pages[0], pages[2]);
    assert_eq!(pages[0]["versions"], json!(["1.0", "2.0", "3.0+local.1", "4.0", "5.0"]));
    let files = by_name(&pages[0]);
    let wheel = &files["my_pkg-1.0-py3-none-any.whl"];
    assert_eq!(wheel["requires-python"], ">=3.8,<4");
    assert_eq!(wheel["yanked"], "\"bad\" & <worse>");
    assert_eq!(files["my_pkg-2.0-py3-none-any.whl"]["yanked"], true);
    assert_eq!(files["my_pkg-2.0-py3-none-any.whl"]["core-metadata"], true);
    assert_eq!(files["my_pkg-3.0+local.1-py3-none-any.whl"]["hashes"], json!({}));
}

#[tokio::test]
async fn a_page_passes_on_all_that_the_upstream_says() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let provenance = "https://provenance.invalid/pkg";
    let wheel = File::wheel("pkg", "1.0")
        .requires_python(">=3.6.*")
        .yanked("bad")
        .uploaded("2026-11-02T12:00:00.123456789+02:00")
        .provenance(provenance)
        .sidecar(Sidecar::Sha256, "Name: pkg");
    let wheel_bytes = upstream.add("pkg", wheel).1;
    let sdist = File::new(archive::sdist("pkg", "1.0")).hash(Hash::Md5).size(None);
    let (sdist_name, sdist_bytes) = upstream.add("pkg", sdist);
    let (bare_name, _) = upstream.add("pkg", File::wheel("pkg", "2.0").hash(Hash::None).size(None));
    upstream.status("pkg", "archived", "it is \"done\"");
    upstream.serial("pkg", 7);
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    let before = server.serial().await;

    let page = alice.simple("alice/mirror", "pkg").await;
    until("the page is stored", async || server.serial().await > before).await;
    assert_eq!(page["project-status"], json!({"status": "archived", "reason": "it is \"done\""}));
    assert_eq!((&page["name"], &page["versions"]), (&json!("pkg"), &json!(["1.0", "2.0"])));
    let sha256 = archive::sha256(&wheel_bytes);
    let md5 = hex::encode(<md5::Md5 as sha2::Digest>::digest(&sdist_bytes));
    let bare_url = upstream.file_url(&bare_name);
    let bare_folder = bare_url.rsplit_once('/').unwrap().0.replace("://", "_").replace([':', '/'], "_");
    let path = |folder: &str, filename: &str| format!("../../{folder}/{filename}");
    let digest_path =
        |digest: &str, filename: &str| path(&format!("+f/{}/{}", &digest[..3], &digest[3..16]), filename);
    let expected = json!({
        ONE: {
            "filename": ONE,
            "url": digest_path(&sha256, ONE),
            "hashes": {"sha256": sha256},
            "size": wheel_bytes.len(),
            "upload-time": "2026-11-02T10:00:00.123456Z",
            "requires-python": ">=3.6.*",
            "yanked": "bad",
            "core-metadata": {"sha256": archive::sha256(b"Name: pkg")},
            "provenance": provenance,
        },
        &sdist_name: {
            "filename": sdist_name,
            "url": digest_path(&md5, &sdist_name),
            "hashes": {"md5": md5},
        },
        &bare_name: {
            "filename": bare_name,
            "url": path(&format!("+e/{bare_folder}"), &bare_name),
            "hashes": {},
        },
    });
    assert_eq!(Value::Object(by_name(&page)), expected);

    let own = alice.get_with("alice/mirror/+simple/pkg/", &[("accept", "text/html")]).await.expect(200);
    let stages = alice.get_with("alice/dev/+simple/pkg/", &[("accept", "text/html")]).await.expect(200);
    assert_eq!(own.header("x-pypi-last-serial"), "7");
    assert_eq!(stages.header("x-pypi-last-serial"), stages.header("x-devpi-serial"));
    for page in [own.text(), stages.text()] {
        for said in [
            &format!("#md5={md5}\""),
            &format!("#sha256={sha256}\""),
            &format!("/{bare_name}\""),
            " data-requires-python=\"&gt;=3.6.*\"",
            " data-yanked=\"bad\"",
            &format!(" data-core-metadata=\"sha256={}\"", archive::sha256(b"Name: pkg")),
            &format!(" data-provenance=\"{provenance}\""),
            "content=\"archived\"",
        ] {
            assert!(page.contains(said), "{said} in {page}");
        }
    }
    let page = alice.simple("alice/dev", "pkg").await;
    let url = by_name(&page)[ONE]["url"].as_str().unwrap().to_owned();
    assert!(url.contains("alice/mirror/+f/") || url.contains("../mirror/+f/"), "{url}");
}

#[tokio::test]
async fn a_quarantined_project_offers_nothing() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    upstream.status("pkg", "quarantined", "malware");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    let page = alice.simple("alice/mirror", "pkg").await;
    assert_eq!((&page["files"], &page["project-status"]["status"]), (&json!([]), &json!("quarantined")));
}

#[tokio::test]
async fn the_upstream_is_asked_with_what_it_should_know_and_its_packed_pages_are_read() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("Pkg", "1.0");
    upstream.pack_pages();
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, ["Pkg-1.0-py3-none-any.whl"]);
    for asked in upstream.requests() {
        assert!(asked.header("accept").contains("application/vnd.pypi.simple.v1+json"));
        assert!(asked.header("accept").contains("text/html;q=0.01"));
        assert!(asked.header("user-agent").starts_with("wheelyard/"), "{}", asked.header("user-agent"));
        assert!(asked.header("accept-encoding").contains("gzip"));
        assert_eq!(asked.header("authorization"), "");
    }
}

#[tokio::test]
async fn thirty_readers_at_once_cost_one_request() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    upstream.fail(Part::Pages, Fault::Stall);
    let readers = join_all((0..30).map(|_| alice.filenames("alice/mirror", "pkg")));
    let (read, ()) = tokio::join!(readers, async {
        until("the upstream is asked", async || upstream.page_requests("pkg") > 0).await;
        upstream.mend();
    });
    assert!(read.iter().all(|filenames| *filenames == [ONE]));
    assert_eq!(upstream.page_requests("pkg"), 1);
    assert!(upstream.list_requests() <= 1);
}

#[tokio::test]
async fn two_processes_ask_at_most_once_each_and_once_it_is_stored_not_at_all() {
    let (one, upstream) = (Server::start().await, Upstream::start());
    let two = one.beside().await;
    upstream.add_wheel("pkg", "1.0");
    let alice = one.alice_with_mirror(&upstream, json!({"mirror_no_project_list": true})).await;
    let before = one.serial().await;
    let readers = (0..30).map(|number| alice.at(if number % 2 == 0 { &one.url } else { &two.url }));
    let read =
        join_all(readers.map(|reader| async move { reader.filenames("alice/mirror", "pkg").await })).await;
    assert!(read.iter().all(|filenames| *filenames == [ONE]));
    let asked = upstream.page_requests("pkg");
    assert!((1..=2).contains(&asked), "{asked}");

    until("the page is stored", async || one.serial().await > before).await;
    for server in [&one, &two, &one.beside().await] {
        assert_eq!(server.anonymous().filenames("alice/mirror", "pkg").await, [ONE]);
    }
    assert_eq!(upstream.page_requests("pkg"), asked);
    assert_eq!(one.serial().await, before + 1);
}

#[tokio::test]
async fn within_the_expiry_the_upstream_is_left_alone_even_if_it_has_changed() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
    upstream.add_wheel("pkg", "2.0");
    for _ in 0..3 {
        assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
    }
    assert_eq!(upstream.page_requests("pkg"), 1);
    stored(&server, &mut upstream, &[ONE]).await;

    alice.patch("alice/mirror", json!({"mirror_cache_expiry": 0})).await.expect(200);
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE, TWO]);
}

#[tokio::test]
async fn a_page_that_did_not_change_is_no_change() {
    let server = Server::start().await;
    let (alice, root) = (server.user("alice").await, server.root());
    for (index, validators, header) in [
        ("alice/tags", Validators::ETag, "if-none-match"),
        ("alice/dates", Validators::LastModified, "if-modified-since"),
        ("alice/none", Validators::None, ""),
    ] {
        let upstream = Upstream::start();
        upstream.add_wheel("pkg", "1.0");
        upstream.validators(validators);
        let before = server.serial().await;
        alice.create_mirror(index, &upstream, eager()).await;
        alice.simple(index, "pkg").await;
        // The mirror itself, and its project with a file.
        until("the page is stored", async || server.serial().await == before + 2).await;
        upstream.clear_requests();
        for count in 1..=3 {
            assert_eq!(alice.filenames(index, "pkg").await, [ONE]);
            assert_eq!(upstream.page_requests("pkg"), count, "{index}");
        }
        for asked in upstream.requests().iter().filter(|_| !header.is_empty()) {
            assert_ne!(asked.header(header), "", "{index}");
        }
        let reply = alice.simple_page(index, "pkg", &[]).await.expect(200);
        assert_eq!((reply.serial(), server.serial().await), (before + 2, before + 2));
        root.get(&format!("+changelog/{}", before + 2)).await.expect(200);
        let later = root.get(&format!("+changelog/{}", before + 3)).await;
        assert!(later.status == 404 || later.result() == json!([]), "{later}");
    }
}

#[tokio::test]
async fn a_changed_page_is_seen_by_who_fetched_it_and_stored_as_one_change() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
    stored(&server, &mut upstream, &[ONE]).await;

    let serial = server.serial().await;
    upstream.add("pkg", File::wheel("pkg", "2.0").yanked("bad"));
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE, TWO]);
    stored(&server, &mut upstream, &[ONE, TWO]).await;
    assert_eq!(server.serial().await, serial + 1);

    upstream.change("pkg", TWO, |file| file.yanked = None);
    upstream.remove("pkg", ONE);
    let page = alice.simple("alice/mirror", "pkg").await;
    assert!(by_name(&page).keys().eq([TWO]), "{page}");
    assert_eq!(page["files"][0].get("yanked").unwrap_or(&json!(false)), false);
    stored(&server, &mut upstream, &[TWO]).await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [TWO]);
    assert_eq!(server.serial().await, serial + 2);
}

#[tokio::test]
async fn whoever_has_a_mirrors_page_is_told_so_until_it_changes() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    upstream.add_wheel("pkg", "1.0");
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    for index in ["alice/mirror", "alice/dev"] {
        let mut etag = String::new();
        until("the page has the tag of what is stored", async || {
            let reply = alice.simple_page(index, "pkg", &[("if-none-match", &etag)]).await;
            reply.header("etag").clone_into(&mut etag);
            reply.status == 304
        })
        .await;
        let version = if index == "alice/mirror" { "2.0" } else { "3.0" };
        let (filename, _) = upstream.add_wheel("pkg", version);
        let reply = alice.simple_page(index, "pkg", &[("if-none-match", &etag)]).await.expect(200);
        assert!(by_name(&reply.json()).contains_key(&filename));
    }
}

#[tokio::test]
async fn that_there_is_no_such_project_is_remembered_as_long_as_a_page() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let alice = server.alice_with_mirror(&upstream, json!({"mirror_no_project_list": true})).await;
    for _ in 0..3 {
        let reply = alice.simple_page("alice/mirror", "pkg", &[]).await.expect(404);
        assert_eq!(reply.message(), "The project pkg does not exist.");
        alice.get("alice/mirror/pkg").await.expect(404);
    }
    assert_eq!(upstream.page_requests("pkg"), 1);
    assert_eq!(alice.get("alice/mirror").await.result()["projects"], json!([]));

    upstream.add_wheel("pkg", "1.0");
    alice.patch("alice/mirror", json!({"mirror_cache_expiry": 0})).await.expect(200);
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
}

#[tokio::test]
async fn an_older_copy_of_a_page_is_not_believed_unless_told_to() {
    let (server, mut upstream) = (Server::start().await, Upstream::start());
    for version in ["1.0", "2.0"] {
        upstream.add_wheel("pkg", version);
    }
    upstream.serial("pkg", 10);
    let alice = server.alice_with_mirror(&upstream, eager()).await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE, TWO]);
    stored(&server, &mut upstream, &[ONE, TWO]).await;

    upstream.remove("pkg", TWO);
    upstream.serial("pkg", 9);
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE, TWO]);
    upstream.serial("pkg", 11);
    until("a newer copy is believed", async || alice.filenames("alice/mirror", "pkg").await == [ONE]).await;
    stored(&server, &mut upstream, &[ONE]).await;

    upstream.add_wheel("pkg", "2.0");
    upstream.serial("pkg", 3);
    alice.patch("alice/mirror", json!({"mirror_ignore_serial_header": true})).await.expect(200);
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE, TWO]);
}

#[tokio::test]
async fn another_mirror_url_makes_all_pages_fresh() {
    let (server, mut old, new) = (Server::start().await, Upstream::start(), Upstream::start());
    old.add_wheel("pkg", "1.0");
    new.add_wheel("pkg", "2.0");
    let alice = server.alice_with_mirror(&old, json!({})).await;
    assert_eq!(alice.filenames("alice/mirror", "pkg").await, [ONE]);
    alice.simple_page("alice/mirror", "other", &[]).await.expect(404);
    stored(&server, &mut old, &[ONE]).await;

    new.add_wheel("other", "1.0");
    alice.patch("alice/mirror", json!({"mirror_url": new.mirror_url()})).await.expect(200);
    let beside = server.beside().await;
    for reader in [&alice, &beside.anonymous()] {
        assert_eq!(reader.filenames("alice/mirror", "pkg").await, [TWO]);
        assert_eq!(reader.filenames("alice/mirror", "other").await, ["other-1.0-py3-none-any.whl"]);
    }
    assert_eq!(alice.simple_list("alice/mirror").await.json()["projects"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn versions_in_json_say_what_the_upstream_says_of_their_files() {
    let (server, upstream) = (Server::start().await, Upstream::start());
    let wheel = File::wheel("pkg", "1.0").requires_python(">=3.8").yanked("bad");
    let (_, bytes) = upstream.add("pkg", wheel);
    let (bare, _) = upstream.add("pkg", File::wheel("pkg", "2.0").hash(Hash::None));
    let alice = server.alice_with_mirror(&upstream, json!({})).await;
    alice.create_index("alice/dev", json!({"bases": "alice/mirror"})).await;
    let sha256 = archive::sha256(&bytes);
    let href = format!("{}/{}", server.url, alice.file_path("alice/mirror", "pkg", ONE).await);
    let bare_href = format!("{}/{}", server.url, alice.file_path("alice/mirror", "pkg", &bare).await);
    let one = json!({
        "name": "pkg",
        "version": "1.0",
        "requires_python": ">=3.8",
        "yanked": "bad",
        "+links": [{
            "rel": "releasefile",
            "href": href,
            "hash_spec": format!("sha256={sha256}"),
            "hashes": {"sha256": sha256},
        }],
    });
    let two = json!({
        "name": "pkg",
        "version": "2.0",
        "+links": [{"rel": "releasefile", "href": bare_href, "hash_spec": "", "hashes": {}}],
    });
    for index in ["alice/mirror", "alice/dev"] {
        let versions = alice.get(&format!("{index}/pkg")).await.expect(200).result();
        assert_eq!(versions, json!({"1.0": one, "2.0": two}));
        assert_eq!(alice.get(&format!("{index}/pkg/1.0")).await.expect(200).result(), one);
        alice.get(&format!("{index}/pkg/9.0")).await.expect(404);
    }
    assert_eq!(alice.get("alice/dev/pkg?ignore_bases").await.expect(200).result(), json!({}));
}

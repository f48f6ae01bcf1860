//! `acl_read`: who may see an index and download from it, on every route.

use crate::harness::{Client, Reply, Server, Upload, archive};
use serde_json::{Value, json};
use wheelyard::config::FileDelivery;

/// The routes that are about one index, as the router writes them, and requests that read there. `FILE` is the path of a file,
/// `PUSH` and `POST` push a release to an index that anybody may upload to.
const READS: &[(&str, &[(&str, &str)])] = &[
    (
        "/+events",
        &[
            ("GET", "+events?index=alice/secret&since=0&wait=0"),
            ("HEAD", "+events?index=alice/secret&wait=0"),
            ("html", "+events?index=alice/secret&wait=0"),
        ],
    ),
    ("/{user}/{index}/+api", &[("GET", "alice/secret/+api")]),
    (
        "/{user}/{index}",
        &[
            ("GET", "alice/secret"),
            ("HEAD", "alice/secret"),
            ("html", "alice/secret"),
            ("GET", "alice/secret?no_projects="),
            ("PUSH", "alice/secret"),
            ("POST", "alice/secret"),
            ("GET", "alice/%73ecret"),
        ],
    ),
    (
        "/{user}/{index}/",
        &[
            ("GET", "alice/secret/"),
            ("html", "alice/secret/"),
            ("pip", "alice/secret/"),
            ("PUSH", "alice/secret/"),
            ("POST", "alice/secret/"),
        ],
    ),
    (
        "/{user}/{index}/+diagram.svg",
        &[("GET", "alice/secret/+diagram.svg"), ("html", "alice/secret/+diagram.svg")],
    ),
    (
        "/{user}/{index}/+search",
        &[("GET", "alice/secret/+search?query=pkg"), ("html", "alice/secret/+search?query=pkg")],
    ),
    (
        "/{user}/{index}/+changelog",
        &[
            ("GET", "alice/secret/+changelog"),
            ("html", "alice/secret/+changelog"),
            ("html", "alice/secret/+changelog?inherited&before=9"),
        ],
    ),
    ("/{user}/{index}/+simple", &[("GET", "alice/secret/+simple"), ("pip", "alice/secret/+simple")]),
    (
        "/{user}/{index}/+simple/",
        &[
            ("GET", "alice/secret/+simple/"),
            ("HEAD", "alice/secret/+simple/"),
            ("pip", "alice/secret/+simple/"),
            ("html", "alice/secret/+simple/"),
            ("pip", "alice/secret/%2Bsimple/"),
        ],
    ),
    (
        "/{user}/{index}/+simple/{project}",
        &[("GET", "alice/secret/+simple/pkg"), ("pip", "alice/secret/+simple/pkg")],
    ),
    (
        "/{user}/{index}/+simple/{project}/",
        &[
            ("GET", "alice/secret/+simple/pkg/"),
            ("HEAD", "alice/secret/+simple/pkg/"),
            ("pip", "alice/secret/+simple/pkg/"),
            ("html", "alice/secret/+simple/pkg/"),
        ],
    ),
    ("/{user}/{index}/+hosted", &[("GET", "alice/secret/+hosted"), ("html", "alice/secret/+hosted")]),
    (
        "/{user}/{index}/+hosted/{project}",
        &[("GET", "alice/secret/+hosted/pkg"), ("html", "alice/secret/+hosted/pkg")],
    ),
    ("/{user}/{index}/+hosted/", &[("GET", "alice/secret/+hosted/"), ("html", "alice/secret/+hosted/")]),
    (
        "/{user}/{index}/+hosted/{project}/",
        &[("GET", "alice/secret/+hosted/pkg/"), ("html", "alice/secret/+hosted/pkg/")],
    ),
    ("/{user}/{index}/+own", &[("GET", "alice/secret/+own"), ("html", "alice/secret/+own")]),
    (
        "/{user}/{index}/+own/{project}",
        &[("GET", "alice/secret/+own/pkg"), ("html", "alice/secret/+own/pkg")],
    ),
    ("/{user}/{index}/+own/", &[("GET", "alice/secret/+own/"), ("html", "alice/secret/+own/")]),
    (
        "/{user}/{index}/+own/{project}/",
        &[("GET", "alice/secret/+own/pkg/"), ("html", "alice/secret/+own/pkg/")],
    ),
    ("/{user}/{index}/+simple/{project}/refresh", &[("refresh", "alice/secret/+simple/pkg/refresh")]),
    (
        "/{user}/{index}/+f/{first}/{next}/{filename}",
        &[
            ("GET", "FILE"),
            ("HEAD", "FILE"),
            ("html", "FILE"),
            ("range", "FILE"),
            ("GET", "FILE.metadata"),
            ("HEAD", "FILE.metadata"),
        ],
    ),
    // Files of mirrors only, by the same handler.
    ("/{user}/{index}/+e/{dir}/{filename}", &[]),
    ("/packages/{user}/{index}/+e/{dir}/{filename}", &[]),
    (
        "/packages/{user}/{index}/+f/{first}/{next}/{filename}",
        &[("GET", "packages/FILE"), ("HEAD", "packages/FILE"), ("GET", "packages/FILE.metadata")],
    ),
    (
        "/{user}/{index}/pypi/{project}/json",
        &[("GET", "alice/secret/pypi/pkg/json"), ("HEAD", "alice/secret/pypi/pkg/json")],
    ),
    ("/{user}/{index}/pypi/{project}/json/", &[("GET", "alice/secret/pypi/pkg/json/")]),
    ("/{user}/{index}/pypi/{project}/{version}/json", &[("GET", "alice/secret/pypi/pkg/1.0/json")]),
    ("/{user}/{index}/pypi/{project}/{version}/json/", &[("GET", "alice/secret/pypi/pkg/1.0/json/")]),
    (
        "/{user}/{index}/{project}",
        &[
            ("GET", "alice/secret/pkg"),
            ("html", "alice/secret/pkg"),
            ("pip", "alice/secret/pkg"),
            ("pip", "alice/secret/simple"),
            ("xmlrpc", "alice/secret/pypi"),
            ("GET", "alice/secret/pkg?ignore_bases="),
        ],
    ),
    ("/{user}/{index}/{project}/", &[("GET", "alice/secret/pkg/"), ("pip", "alice/secret/pkg/")]),
    (
        "/{user}/{index}/{project}/{version}",
        &[
            ("GET", "alice/secret/pkg/1.0"),
            ("html", "alice/secret/pkg/1.0"),
            ("html", "alice/secret/pkg/latest"),
            ("HEAD", "alice/secret/pkg/1.0"),
            ("pip", "alice/secret/simple/pkg"),
        ],
    ),
    ("/{user}/{index}/{project}/{version}/", &[("GET", "alice/secret/pkg/1.0/")]),
    (
        "/{user}/{index}/{project}/{version}/+toxresults/{filename}",
        &[("html", "alice/secret/pkg/1.0/+toxresults/pkg-1.0-py3-none-any.whl")],
    ),
    // As strict as the list, from which the result is taken.
    ("/{user}/{index}/{project}/{version}/+toxresults/{filename}/{result}", &[]),
    // In JSON it leads to the same below `+doc`, whether it is there or not.
    ("/{user}/{index}/{project}/{version}/+d", &[("html", "alice/secret/pkg/1.0/+d")]),
    ("/{user}/{index}/{project}/{version}/+d/", &[("html", "alice/secret/pkg/1.0/+d/")]),
    ("/{user}/{index}/{project}/{version}/+d/{*path}", &[("html", "alice/secret/pkg/1.0/+d/index.html")]),
    ("/{user}/{index}/{project}/{version}/+doc", &[("folder", "alice/secret/pkg/1.0/+doc")]),
    ("/{user}/{index}/{project}/{version}/+doc/", &[("folder", "alice/secret/pkg/1.0/+doc/")]),
    (
        "/{user}/{index}/{project}/{version}/+doc/{*path}",
        &[
            ("GET", "alice/secret/pkg/1.0/+doc/index.html"),
            ("HEAD", "alice/secret/pkg/1.0/+doc/index.html"),
            ("html", "alice/secret/pkg/1.0/+doc/index.html"),
            ("GET", "alice/secret/pkg/latest/+doc/index.html"),
            ("folder", "alice/secret/pkg/stable/+doc/guide"),
        ],
    ),
];

/// Routes that tell nothing of an index, or only of those that the caller may read.
const OTHERS: &[&str] = &[
    "/",
    "/+status",
    "/+login",
    "/+logout",
    "/+static/{*path}",
    "/+new-user",
    "/{user}/+edit",
    "/{user}/+password",
    "/{user}/+delete",
    "/{user}/+new-index",
    // Forms, for those alone who may change something, see web/manage.rs.
    "/{user}/{index}/+edit",
    "/{user}/{index}/+delete",
    "/{user}/{index}/+upload",
    "/{user}/{index}/{project}/+manage",
    "/{user}/{index}/{project}/{version}/+manage",
    "/+api",
    "/+authcheck",
    "/{user}/+api",
    "/+changelog",
    "/+changelog/{serial}",
    "/+search",
    "/+theme",
    "/+searchhelp",
    "/favicon.ico",
    "/robots.txt",
    "/+diagram.svg",
    "/{user}",
    "/{user}/",
    "/+health/live",
    "/+health/ready",
    "/metrics",
    "/{user}/+token-create",
    "/{user}/+tokens",
    "/{user}/+tokens/",
    "/{user}/+tokens/{id}",
    "/_/oidc/audience",
    "/_/oidc/mint-token",
    "/_/oidc/github/mint-token",
    "/_/oidc/burn-token",
    // For those alone who rule the index, see trusted_publishing.rs.
    "/{user}/{index}/+publishers",
    "/{user}/{index}/+publishers/",
    "/{user}/{index}/+publishers/{id}",
    // The same, see webhooks/.
    "/{user}/{index}/+webhooks",
    "/{user}/{index}/+webhooks/",
    "/{user}/{index}/+webhooks/{id}",
    "/{user}/{index}/+webhooks/{id}/test",
    "/{user}/{index}/+webhooks/{id}/deliveries",
    "/{user}/{index}/+webhooks/{id}/deliveries/{delivery}/retry",
    // For root alone.
    "/+webhooks",
    "/+webhooks/",
    "/+webhooks/{id}",
    "/+webhooks/{id}/test",
    "/+webhooks/{id}/deliveries",
    "/+webhooks/{id}/deliveries/{delivery}/retry",
];

/// An index of alice that bob may read, with one release and its documentation; returns the path of its file.
async fn secret(server: &Server) -> String {
    let alice = server.user("alice").await;
    for name in ["bob", "carol"] {
        server.user(name).await;
    }
    alice.create_index("alice/secret", json!({"acl_read": "bob"})).await;
    alice.create_index("alice/heir", json!({"bases": "alice/secret"})).await;
    alice.create_index("alice/inbox", json!({"acl_upload": ":ANONYMOUS:"})).await;
    let wheel = alice.upload_wheel("alice/secret", "pkg", "1.0").await;
    let docs = archive::zip(&[("index.html", b"secret"), ("guide/index.html", b"secret")]);
    alice.upload("alice/secret", Upload::documentation("pkg", Some("1.0"), docs)).await.expect(200);
    alice.file_path("alice/secret", "pkg", &wheel).await
}

async fn read(client: &Client, method: &str, path: &str) -> Reply {
    let json = ("accept", "application/json");
    let simple = ("accept", "application/vnd.pypi.simple.v1+json");
    match method {
        "pip" => client.get_with(path, &[("user-agent", "pip/26.0"), simple]).await,
        "html" => client.get_with(path, &[("accept", "text/html")]).await,
        "range" => client.get_with(path, &[("range", "bytes=0-3")]).await,
        "PUSH" | "POST" => {
            let push = json!({"name": "pkg", "version": "1.0", "targetindex": "alice/inbox"});
            client.json(method, path, push).await
        }
        "xmlrpc" => {
            let call = "<methodCall><methodName>list_packages_with_serial</methodName></methodCall>";
            client.send("POST", path, &[json], call).await
        }
        "folder" => client.send("GET", path, &[json], "").await,
        "refresh" => client.send("POST", path, &[json], "").await,
        method => client.send(method, path, &[json], "").await,
    }
}

/// What a reply says beside the version of the program and the URL that was asked for.
fn told(reply: &Reply) -> String {
    let text = reply.text().replace(env!("CARGO_PKG_VERSION"), "");
    text.lines().filter(|line| !line.contains("+login?next=")).collect()
}

#[test]
fn no_route_is_forgotten_here() {
    let source = include_str!("../../src/http/router.rs");
    let routes = source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for route in routes {
        let known = READS.iter().any(|(known, _)| *known == route) || OTHERS.contains(&route);
        assert!(known, "{route} has no place in this test");
    }
}

#[tokio::test]
async fn strangers_are_kept_out_and_readers_let_in_on_every_route() {
    let server = Server::start().await;
    let file = secret(&server).await;
    let (anonymous, carol) = (server.anonymous(), server.login("carol"));
    let wrong = carol.with_secret("wrong");
    let bob = server.login("bob");
    let token = async |limits: Value| {
        let made = bob.post("bob/+token-create", limits).await.expect(200).result();
        bob.with_secret(made["token"].as_str().unwrap())
    };
    let not_to_read = token(json!({"allowed": ["upload", "index_modify"]})).await;
    let elsewhere = token(json!({"indexes": ["alice/inbox"]})).await;
    let both = json!({"indexes": ["alice/secret", "alice/inbox"], "projects": ["pkg"]});
    let for_it = token(both).await;
    for (route, requests) in READS {
        for (method, path) in *requests {
            let path = path.replace("FILE", &file);
            for client in [&anonymous, &wrong] {
                let reply = read(client, method, &path).await;
                assert_eq!(reply.status, 401, "{route}: {method} {path}: {reply}");
                assert_eq!(
                    reply.header("www-authenticate"),
                    "Basic realm=\"pypi\"",
                    "{route}: {method} {path}"
                );
                assert!(!told(&reply).contains("1.0"), "{reply}");
            }
            for client in [&carol, &not_to_read, &elsewhere] {
                let reply = read(client, method, &path).await;
                assert_eq!(reply.status, 403, "{route}: {method} {path}: {reply}");
                assert!(!told(&reply).contains("1.0"), "{reply}");
            }
            for client in [&bob, &for_it, &server.login("alice"), &server.root()] {
                let reply = read(client, method, &path).await;
                let expected = match *method {
                    "range" => 206,
                    "refresh" | "folder" => 302,
                    _ => 200,
                };
                assert_eq!(reply.status, expected, "{route}: {method} {path}: {reply}");
            }
        }
    }
}

#[tokio::test]
async fn no_condition_opens_a_page_or_file_to_a_stranger() {
    let server = Server::start().await;
    let file = secret(&server).await;
    let bob = server.login("bob");
    let page = "alice/secret/pkg/1.0/+doc/index.html";
    for path in [file.as_str(), page, "alice/secret/+simple/pkg/", "alice/secret/+simple/"] {
        let etag = bob.get_with(path, &[]).await.expect(200).header("etag").to_owned();
        for etag in [etag.as_str(), "*"] {
            let headers = [("if-none-match", etag)];
            bob.get_with(path, &headers).await.expect(304);
            server.anonymous().get_with(path, &headers).await.expect(401);
            server.login("carol").get_with(path, &headers).await.expect(403);
        }
    }
}

#[tokio::test]
async fn a_reader_only_reads() {
    let server = Server::start().await;
    let file = secret(&server).await;
    let (anonymous, carol, bob) = (server.anonymous(), server.login("carol"), server.login("bob"));
    let before = server.serial().await;
    for (method, path, body, for_anonymous) in [
        ("PUT", "alice/secret2", json!({}), 403),
        ("PATCH", "alice/secret", json!({"acl_read": ":ANONYMOUS:"}), 403),
        ("PATCH", "alice/secret", json!(["acl_read-="]), 403),
        ("DELETE", "alice/secret", json!({}), 403),
        ("DELETE", "alice/secret/pkg", json!({}), 403),
        ("PATCH", "alice/secret/pkg", json!({"status": "archived"}), 401),
        ("DELETE", "alice/secret/pkg/1.0", json!({}), 403),
        ("PATCH", "alice/secret/pkg/1.0", json!({"yanked": true}), 401),
        ("DELETE", file.as_str(), json!({}), 401),
        ("PATCH", file.as_str(), json!({"yanked": true}), 401),
    ] {
        assert_eq!(anonymous.json(method, path, body.clone()).await.status, for_anonymous, "{method} {path}");
        for client in [&carol, &bob] {
            assert_eq!(client.json(method, path, body.clone()).await.status, 403, "{method} {path}");
        }
    }
    let form =
        || reqwest::multipart::Form::new().text(":action", "submit").text("name", "x").text("version", "1");
    assert_eq!(anonymous.send_form("alice/secret", form()).await.status, 401);
    assert_eq!(bob.send_form("alice/secret", form()).await.status, 403);
    assert_eq!(server.serial().await, before);
}

#[tokio::test]
async fn lists_of_users_leave_out_what_the_caller_may_not_read() {
    let server = Server::start().await;
    secret(&server).await;
    let indexes = async |client: &Client| {
        let names = |indexes: &Value| indexes.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let one = names(&client.get("alice").await.expect(200).result()["indexes"]);
        assert_eq!(names(&client.get("").await.expect(200).result()["alice"]["indexes"]), one);
        one
    };
    for client in [server.anonymous(), server.login("carol")] {
        assert_eq!(indexes(&client).await, ["heir", "inbox"]);
    }
    for client in [server.login("bob"), server.login("alice"), server.root()] {
        assert_eq!(indexes(&client).await, ["heir", "inbox", "secret"]);
    }
}

#[tokio::test]
async fn files_and_pages_that_not_all_may_read_are_private_to_caches() {
    let server = Server::start().await;
    let file = secret(&server).await;
    let bob = server.login("bob");
    let cache =
        async |path: &str| bob.get_with(path, &[]).await.expect(200).header("cache-control").to_owned();
    for path in ["alice/secret/+simple/pkg/", "alice/secret/+simple/"] {
        assert_eq!(cache(path).await, "private, max-age=0, must-revalidate");
        let vary = bob.get_with(path, &[]).await.header("vary").to_owned();
        assert!(vary.contains("Authorization") && vary.contains("X-Devpi-Auth"), "{vary}");
    }
    for path in [file.clone(), format!("{file}.metadata")] {
        assert_eq!(cache(&path).await, "max-age=365000000, immutable, private");
    }
    for path in ["alice/secret", "alice/secret/pkg", "alice", ""] {
        assert!(!cache(path).await.contains("public"), "{path}");
    }
    server.login("alice").patch("alice/secret", json!(["acl_read-="])).await.expect(200);
    assert_eq!(cache("alice/secret/+simple/pkg/").await, "max-age=0, must-revalidate");
    assert_eq!(cache(&file).await, "max-age=365000000, immutable, public");
}

#[tokio::test]
async fn where_files_are_redirected_a_stranger_gets_no_signed_url() {
    let server = Server::start_with(|config| config.server.file_delivery = FileDelivery::Redirect).await;
    let file = secret(&server).await;
    let reply = server.login("bob").get_with(&file, &[]).await.expect(302);
    assert!(reply.header("cache-control").starts_with("private, "), "{}", reply.header("cache-control"));
    for (client, status) in [(server.anonymous(), 401), (server.login("carol"), 403)] {
        for headers in [&[][..], &[("range", "bytes=0-3")], &[("if-none-match", "*")]] {
            let reply = client.get_with(&file, headers).await.expect(status);
            assert_eq!(reply.header("location"), "");
        }
    }
}

#[tokio::test]
async fn a_change_of_acl_read_holds_at_once_and_on_every_process() {
    let one = Server::start().await;
    let two = one.beside().await;
    let file = secret(&one).await;
    let alice = one.login("alice");
    for (patch, anonymous, carol) in [
        (json!(["acl_read+=carol"]), 401, 200),
        (json!(["acl_read-=carol"]), 401, 403),
        (json!({"acl_read": ":authenticated:"}), 401, 200),
        (json!({"acl_read": ":anonymous:"}), 200, 200),
        (json!({"acl_read": ""}), 401, 403),
        (json!(["acl_read-="]), 200, 200),
        (json!({"acl_read": []}), 401, 403),
    ] {
        alice.patch("alice/secret", patch.clone()).await.expect(200);
        for server in [&one, &two] {
            for path in [file.as_str(), "alice/secret/+simple/pkg/", "alice/secret"] {
                assert_eq!(server.anonymous().get_with(path, &[]).await.status, anonymous, "{patch} {path}");
                assert_eq!(server.login("carol").get_with(path, &[]).await.status, carol, "{patch} {path}");
                server.login("alice").get_with(path, &[]).await.expect(200);
                server.root().get_with(path, &[]).await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn a_token_for_one_project_sees_no_releases_of_others() {
    let server = Server::start().await;
    secret(&server).await;
    server.login("alice").upload_wheel("alice/secret", "other", "7.0").await;
    let bob = server.login("bob");
    let limits = json!({"indexes": ["alice/secret"], "projects": ["pkg"]});
    let made = bob.post("bob/+token-create", limits).await.expect(200).result();
    let for_one = bob.with_secret(made["token"].as_str().unwrap());
    for (client, sees_other) in [(&bob, true), (&for_one, false)] {
        let page = read(client, "html", "alice/secret").await.expect(200).text();
        assert!(page.contains("pkg 1.0"), "{page}");
        assert_eq!(page.contains("other 7.0"), sees_other, "{page}");
    }
}

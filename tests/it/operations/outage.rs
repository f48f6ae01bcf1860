//! PostgreSQL or S3 goes away and comes back.

use crate::harness::{
    Client, Proxy, Upload, archive,
    binary::{self, Binary, environment, place},
    large, until, world,
};
use serde_json::json;

/// A server that reaches PostgreSQL and S3 over wires that can be cut.
struct Wired {
    server: Binary,
    postgres: Proxy,
    s3: Proxy,
    alice: Client,
}

async fn wired() -> Wired {
    let (database, prefix) = place().await;
    let (postgres, s3) = (Proxy::before(&database).await, Proxy::before(&world().endpoint).await);
    let mut command = binary::command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--database-timeout", "2000", "--s3-timeout", "2000"]);
    command.envs(environment(&postgres.url(&database), &prefix));
    command.env("WHEELYARD_S3_ENDPOINT", s3.url(&world().endpoint)).env("WHEELYARD_LOG", "warn,s3s=off");
    let server = Binary::start(command).await;
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = server.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({"volatile": true})).await;
    for name in ["seen", "unseen"] {
        alice.upload_wheel("alice/dev", name, "1.0").await;
    }
    alice.simple("alice/dev", "seen").await;
    alice.get("+health/ready").await.expect(200);
    Wired { server, postgres, s3, alice }
}

/// Whatever needs the database is refused with 503 and an invitation to come again.
async fn nothing_is_written_or_read_from_rows(alice: &Client) {
    let wheel = Upload::new("new", "1.0", archive::wheel("new", "1.0"));
    let replies = [
        ("a page not in memory", alice.simple_page("alice/dev", "unseen", &[]).await),
        ("readiness", alice.get("+health/ready").await),
        ("a new user", alice.put("bob", json!({"password": "secret"})).await),
        ("a new index", alice.put("alice/new", json!({})).await),
        ("a change", alice.patch("alice/dev", json!({"title": "New"})).await),
        ("a yank", alice.patch("alice/dev/seen/1.0", json!({"yanked": true})).await),
        ("a removal", alice.delete("alice/dev/seen").await),
        ("an upload", alice.upload("alice/dev", wheel).await),
        (
            "a push",
            alice
                .post("alice/dev", json!({"name": "seen", "version": "1.0", "targetindex": "alice/dev"}))
                .await,
        ),
    ];
    for (what, reply) in replies {
        assert_eq!(reply.status, 503, "{what}: {reply}");
        assert_ne!(reply.header("retry-after"), "", "{what}");
        assert_ne!(reply.message(), "", "{what}");
    }
}

#[tokio::test]
async fn without_postgresql_pages_in_memory_are_served_as_stale_and_the_rest_is_503() {
    let Wired { server, postgres, s3: _s3, alice } = wired().await;
    let before = alice.simple_page("alice/dev", "seen", &[]).await.expect(200);
    assert_eq!((before.header("age"), before.header("warning")), ("", ""));
    for away in [Proxy::cut, Proxy::silence] {
        away(&postgres);
        let stale = alice.simple_page("alice/dev", "seen", &[]).await.expect(200);
        assert!(stale.body == before.body);
        assert!(stale.header("age").parse::<u64>().is_ok(), "{:?}", stale.headers);
        assert!(stale.header("warning").starts_with("110 "), "{:?}", stale.headers);
        let same = [("if-none-match", before.header("etag"))];
        alice.simple_page("alice/dev", "seen", &same).await.expect(304);
        server.client(None).get("+health/live").await.expect(200);
        nothing_is_written_or_read_from_rows(&alice).await;

        postgres.mend();
        until("the server is ready again", async || alice.get("+health/ready").await.status == 200).await;
        until("pages are fresh again", async || {
            alice.simple_page("alice/dev", "seen", &[]).await.header("warning").is_empty()
        })
        .await;
        alice.simple("alice/dev", "unseen").await;
        // What was refused has left nothing.
        alice.get("bob").await.expect(404);
        alice.get("alice/new").await.expect(404);
        alice.simple_page("alice/dev", "new", &[]).await.expect(404);
        assert_eq!(alice.simple_page("alice/dev", "seen", &[]).await.body, before.body);
        // Not in memory once more.
        alice.upload_wheel("alice/dev", "unseen", "2.0").await;
        alice.delete("alice/dev/unseen/2.0").await.expect(200);
    }
}

#[tokio::test]
async fn an_uploaded_file_is_stored_wholly_or_not_at_all_when_s3_goes_away() {
    let Wired { server, postgres: _postgres, s3, alice } = wired().await;
    let serial = alice.get("+api").await.serial();
    for (away, project) in [(Proxy::cut as fn(&Proxy), "seen"), (Proxy::silence, "unseen")] {
        // It was not asked for before, and so is not in memory.
        let path = alice.file_path("alice/dev", project, &format!("{project}-1.0-py3-none-any.whl")).await;
        away(&s3);
        // The large one takes several parts.
        for wheel in [archive::wheel("new", "1.0"), large::wheel("new", "2.0", 20 << 20)] {
            let version = if wheel.0.contains("1.0") { "1.0" } else { "2.0" };
            let reply = alice.upload("alice/dev", Upload::new("new", version, wheel)).await.expect(503);
            assert_ne!(reply.header("retry-after"), "");
            assert!(!reply.text().contains("127.0.0.1"), "{reply}");
        }
        for reply in [alice.get("+health/ready").await, alice.get_with(&path, &[]).await] {
            assert_ne!(reply.expect(503).header("retry-after"), "");
        }
        server.client(None).get("+health/live").await.expect(200);
        alice.simple_page("alice/dev", "new", &[]).await.expect(404);
        assert_eq!(alice.get("+api").await.serial(), serial);

        s3.mend();
        until("the server is ready again", async || alice.get("+health/ready").await.status == 200).await;
        alice.get_with(&path, &[]).await.expect(200);
    }
    alice.upload_wheel("alice/dev", "new", "1.0").await;
    assert_eq!(alice.filenames("alice/dev", "new").await, ["new-1.0-py3-none-any.whl"]);
}

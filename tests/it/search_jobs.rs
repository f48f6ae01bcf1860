//! Work that is owed: it is done by whoever comes first, once it can be, and nothing of it is lost.

use crate::{
    harness::{
        Client, Server, archive,
        binary::{self, Binary, place},
        until, world,
    },
    search::{found, settled, upload},
};
use serde_json::json;
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::NoTls;
use tokio_util::task::TaskTracker;
use wheelyard::{
    blobs::BlobKey,
    model::{
        attachment::{Rel, doc_zip_filename},
        event::{Event, EventKind},
        file::entry,
        name::{IndexName, ProjectName},
    },
    ops,
    service::Service,
    store::{self, attachments::NewAttachment, blobs::Blob},
};

/// Gives a release documentation, a zip of these members.
async fn document(server: &Server, index: &str, project: &str, version: &str, members: &[(&str, &[u8])]) {
    let (service, zip) = (&server.service, archive::zip(members));
    let (index, project): (IndexName, _) = (index.parse().unwrap(), ProjectName::parse(project).unwrap());
    let (sha256, size) = (archive::sha256(&zip), zip.len() as i64);
    let blob = Blob { sha256: sha256.clone(), md5: String::new(), blake2b_256: String::new(), size };
    let mut connection = service.db().await.unwrap();
    store::blobs::claim(&connection, &blob).await.unwrap();
    service.blobs.put(&BlobKey::Content(sha256.clone()), zip.into(), &sha256).await.unwrap();
    let mut change = store::change(&service.db, &mut connection, None).await.unwrap();
    let index = store::indexes::share(&mut change, &index).await.unwrap();
    let locked = store::projects::lock(&mut change, &index, &project).await.unwrap().unwrap();
    store::blobs::stored(&mut change, &sha256).await.unwrap();
    let new = NewAttachment {
        version,
        rel: Rel::DocZip,
        entry: &entry(&sha256),
        filename: &doc_zip_filename(&project, version),
        for_filename: None,
        sha256: &sha256,
        uploaded_at: OffsetDateTime::now_utc(),
        log: &json!([]),
    };
    assert!(store::attachments::insert(&mut change, &index, &locked, &new).await.unwrap());
    store::projects::touch(&mut change, &locked);
    change.log(Event::project(EventKind::ReleaseRegister, &index.name, &project));
    change.commit().await.unwrap();
}

#[tokio::test]
async fn the_newest_documentation_is_found_page_by_page() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for version in ["1.0", "2.0", "3.0"] {
        upload(&alice, "alice/dev", "pkg", version, &[]).await;
    }
    let page =
        |text: &str| format!("<html><head><title>The guide</title></head><body><p>{text}</p></body></html>");
    let (old, new) = (page("obsolete incantation"), page("Say the <b>incantation</b> twice."));
    document(&server, "alice/dev", "pkg", "1.0", &[("index.html", old.as_bytes())]).await;
    let members =
        [("index.html", &b"<p>nothing"[..]), ("how to/say.html", new.as_bytes()), ("a.css", b"incantation")];
    document(&server, "alice/dev", "pkg", "2.0", &members).await;
    settled(&server).await;
    let result = alice.get("+search?query=incantation").await.expect(200).result();
    let item = &result["items"][0];
    assert_eq!(
        (&result["total"], &item["version"], &item["snippet"]),
        (&json!(1), &json!("3.0"), &json!(null))
    );
    let documentation = json!([{
        "title": "The guide", "version": "2.0", "path": "/alice/dev/pkg/2.0/+doc/how%20to/say.html",
        "snippet": "Say the incantation twice.",
    }]);
    assert_eq!(item["documentation"], documentation);
    for (question, total) in
        [("obsolete", 0), ("type:page incantation", 1), ("type:title guide", 1), ("type:title say", 0)]
    {
        let path = format!("+search?query={}", question.replace(' ', "+"));
        assert_eq!(alice.get(&path).await.expect(200).result()["total"], total, "{question}");
    }
    alice.delete("alice/dev/pkg").await.expect(200);
    assert_eq!(alice.get("+search?query=incantation").await.expect(200).result()["total"], 0);
}

#[tokio::test]
async fn documentation_that_is_no_zip_keeps_nobody_from_finding_the_project() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    upload(&alice, "alice/dev", "pkg", "1.0", &[("summary", "sturdy")]).await;
    settled(&server).await;
    // No directory, as this has no members.
    document(&server, "alice/dev", "pkg", "1.0", &[]).await;
    let db = server.service.db().await.unwrap();
    until("it failed and said why", async || {
        let row =
            db.query_opt("select last_error, attempts from jobs where last_error is not null", &[]).await;
        row.unwrap().is_some_and(|row| row.get::<_, String>("last_error").contains("holds no files"))
    })
    .await;
    assert_eq!(found(&alice, "sturdy").await.len(), 1);
    // Time goes by, and it was tried often enough.
    db.execute("update jobs set attempts = 10, not_before = now()", &[]).await.unwrap();
    upload(&alice, "alice/dev", "other", "1.0", &[]).await;
    settled(&server).await;
    assert_eq!(found(&alice, "sturdy").await.len(), 1);
}

#[tokio::test]
async fn what_a_program_of_before_left_undone_is_done_by_the_next() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    upload(&alice, "alice/dev", "pkg", "1.0", &[]).await;
    settled(&server).await;
    let db = server.service.db().await.unwrap();
    db.execute("delete from search_documents", &[]).await.unwrap();
    assert!(found(&alice, "pkg").await.is_empty());
    let beside = server.beside().await;
    until("the project is found again", async || found(&alice.at(&beside.url), "pkg").await.len() == 1).await;
}

/// A process that has taken the job of a project of alice's, and can't write what came of it until this client of the
/// database says `rollback`.
async fn held_up(database: &str, prefix: &str, project: &str) -> (tokio_postgres::Client, Binary, Client) {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await.unwrap();
    TaskTracker::new().spawn(connection);
    let one = Binary::serve(database, prefix, &[]).await;
    one.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    let alice = one.client(Some(("alice", "secret")));
    alice.create_index("alice/dev", json!({})).await;
    client.batch_execute("begin; lock table search_documents in exclusive mode").await.unwrap();
    upload(&alice, "alice/dev", project, "1.0", &[]).await;
    until("the job is taken", async || {
        !client.query("select from jobs where lease_until is not null", &[]).await.unwrap().is_empty()
    })
    .await;
    (client, one, alice)
}

#[tokio::test]
async fn a_process_killed_over_its_work_leaves_it_to_another() {
    let (database, prefix) = place().await;
    let (client, one, alice) = held_up(&database, &prefix, "first").await;
    one.end("-KILL").await;
    client.batch_execute("rollback").await.unwrap();
    let two = Binary::serve(&database, &prefix, &[]).await;
    let three = Binary::serve(&database, &prefix, &["--database-connections", "2"]).await;
    // Nobody takes what has been taken, until its time is over.
    let alice = alice.at(&two.url);
    upload(&alice, "alice/dev", "second", "1.0", &[]).await;
    until("the other project is found", async || found(&alice, "second").await.len() == 1).await;
    assert!(found(&alice, "first").await.is_empty());
    let waiting = "wheelyard_jobs_waiting{kind=\"search_project\"}";
    assert!(alice.get("metrics").await.text().contains(&format!("{waiting} 1\n")));
    client.execute("update jobs set lease_until = now()", &[]).await.unwrap();
    for server in [&two, &three] {
        let alice = alice.at(&server.url);
        until("the project is found", async || found(&alice, "first").await.len() == 1).await;
    }
    assert!(client.query("select from jobs", &[]).await.unwrap().is_empty());
    assert!(alice.get("metrics").await.text().contains(&format!("{waiting} 0\n")));
}

#[tokio::test]
async fn a_process_that_stops_ends_what_it_has_begun() {
    let (database, prefix) = place().await;
    let (client, one, alice) = held_up(&database, &prefix, "pkg").await;
    one.signal("-TERM").await;
    until("it takes no more requests", async || alice.try_get("+api", &[]).await.is_none()).await;
    client.batch_execute("rollback").await.unwrap();
    assert!(one.ended().await.success());
    assert!(client.query("select from jobs", &[]).await.unwrap().is_empty());
    assert_eq!(client.query("select from search_documents", &[]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_owed_can_be_worked_off_by_whoever_has_a_moment() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    // From now on this one does not work beside the requests.
    server.service.stopping.cancel();
    upload(&alice, "alice/dev", "pkg", "1.0", &[]).await;
    let moment = Box::pin(Service::start(server.config.clone())).await.unwrap();
    assert!(ops::jobs::work_off(&moment, Duration::from_secs(10)).await);
    assert_eq!(found(&alice, "pkg").await, ["alice/dev pkg 1.0"]);
}

#[tokio::test]
async fn without_pg_trgm_the_migration_says_what_it_needs_and_changes_nothing() {
    let database = world().empty_database().await;
    let (admin, connection) = tokio_postgres::connect(&database, NoTls).await.unwrap();
    TaskTracker::new().spawn(connection);
    let role = format!("limited_{}", std::process::id());
    let grant = format!("create role {role} login; grant create on schema public to {role}");
    admin.batch_execute(&grant).await.unwrap();
    let limited = database.replace("//app@", &format!("//{role}@"));
    let environment = [("DATABASE_URL", limited)];
    let outcome = binary::run(&["migrate"], &environment).await;
    assert!(!outcome.success);
    for words in ["the search needs the extension pg_trgm", "permission denied", "create extension pg_trgm"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let tables = "select from pg_class where relname in ('jobs', 'search_documents')";
    assert!(admin.query(tables, &[]).await.unwrap().is_empty());
    admin.batch_execute("create extension pg_trgm").await.unwrap();
    assert!(binary::run(&["migrate"], &environment).await.success);
    assert_eq!(admin.query(tables, &[]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_processes_share_the_work_and_find_the_same() {
    let server = Server::start().await;
    let servers = [server.beside().await, server.beside().await];
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    // A project that changes again and again is in the end what it was made last.
    let changes = (0..30).map(|number| {
        let alice = alice.at(&servers[number % 2].url);
        async move {
            let name = format!("pkg-{}", number % 3);
            upload(
                &alice,
                "alice/dev",
                &name,
                &format!("{number}.0"),
                &[("summary", &format!("round{number}"))],
            )
            .await;
        }
    });
    futures::future::join_all(changes).await;
    settled(&server).await;
    for (name, number) in [("pkg-0", 27), ("pkg-1", 28), ("pkg-2", 29)] {
        for server in &servers {
            let found = found(&alice.at(&server.url), &format!("round{number}")).await;
            assert_eq!(found, [format!("alice/dev {name} {number}.0")]);
        }
    }
}

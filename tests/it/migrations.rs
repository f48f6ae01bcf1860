//! Rows of each version of the schema survive all later ones; `tests/data/migrations/` holds them.

use crate::harness::{
    binary::{Binary, environment, run},
    until, world,
};
use refinery::Target;
use serde_json::json;
use tokio_postgres::Row;
use tokio_util::task::TaskTracker;

mod steps {
    refinery::embed_migrations!("migrations");
}

#[tokio::test]
async fn what_every_earlier_schema_held_is_served_by_the_newest() {
    let database = world().empty_database().await;
    let (mut client, connection) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    let connection = async { drop(connection.await) };
    let fill = async {
        let runner = steps::migrations::runner();
        let mut versions: Vec<_> = runner.get_migrations().iter().map(refinery::Migration::version).collect();
        versions.sort_unstable();
        for version in versions {
            let runner = steps::migrations::runner().set_target(Target::Version(version));
            runner.run_async(&mut client).await.unwrap();
            let path = format!("{}/tests/data/migrations/{version:04}.sql", env!("CARGO_MANIFEST_DIR"));
            let rows = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            client.batch_execute(&rows).await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        }
        drop(client);
    };
    tokio::join!(fill, connection);

    let said = run(&["migrate"], &environment(&database, "old")).await;
    assert!(said.success, "{}", said.stderr);
    let server = Binary::serve(&database, "old", &[]).await;
    let alice = server.client(Some(("alice", "secret")));
    assert_eq!(alice.filenames("alice/dev", "old").await, ["old-1.0-py3-none-any.whl"]);
    assert_eq!(alice.filenames("alice/up", "far").await, ["far-1.0-py3-none-any.whl"]);
    let data = alice.get("alice/dev/old/1.0").await.expect(200).result();
    assert_eq!(data["+links"][1]["rel"], "toxresult", "{data}");
    until("the search knows what was there before it", async || {
        let found = alice.get("+search?query=beginning").await.expect(200).result();
        found["items"][0]["name"] == "old"
    })
    .await;
    let tokens = alice.get("alice/+tokens").await.expect(200).text();
    assert!(tokens.contains("laptop") && tokens.contains("allowed=pkg_read"), "{tokens}");
    let publishers = alice.get("alice/dev/+publishers").await.expect(200).text();
    assert!(publishers.contains("repo:alice/old"), "{publishers}");
    let page = alice.get_with("alice/dev?prefix=olde", &[("accept", "text/html")]).await.expect(200).text();
    assert!(page.contains("older") && page.contains("from the beginning"), "{page}");
    alice.patch("alice", json!({"title": "still here"})).await.expect(200);
}

#[tokio::test]
async fn who_migrates_again_builds_the_indexes_that_are_missing_or_were_left_unfinished() {
    let database = world().empty_database().await;
    let environment = environment(&database, "twice");
    // Both want to, and one waits for the other.
    for said in futures::future::join_all([(); 2].map(|()| run(&["migrate"], &environment))).await {
        assert!(said.success, "{}", said.stderr);
    }
    let (client, connection) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    TaskTracker::new().spawn(connection);
    let built = async || {
        let rows = client.query(
            "select c.relname::text as name, c.oid, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid
             where c.relname = any ('{changelog_index,files_newest,projects_beginning}') order by 1",
            &[],
        );
        let row = |row: &Row| (row.get("name"), row.get("oid"), row.get("indisvalid"));
        rows.await.unwrap().iter().map(row).collect::<Vec<(String, u32, bool)>>()
    };
    let first = built().await;
    assert!(first.len() == 3 && first.iter().all(|(_, _, is_valid)| *is_valid), "{first:?}");

    let unfinished = "update pg_index set indisvalid = false where indexrelid = 'files_newest'::regclass";
    assert_eq!(client.execute(unfinished, &[]).await.unwrap(), 1);
    client.execute("drop index changelog_index", &[]).await.unwrap();
    let said = run(&["migrate"], &environment).await;
    assert!(said.success, "{}", said.stderr);
    let again = built().await;
    assert!(again.len() == 3 && again.iter().all(|(_, _, is_valid)| *is_valid), "{again:?}");
    assert_ne!((again[0].1, again[1].1), (first[0].1, first[1].1));
    assert_eq!(again[2], first[2]);
}

//! Rows of each version of the schema survive all later ones; `tests/data/migrations/` holds them.

use crate::harness::{
    binary::{Binary, environment, run},
    until, world,
};
use refinery::Target;
use serde_json::json;

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
    alice.patch("alice", json!({"title": "still here"})).await.expect(200);
}

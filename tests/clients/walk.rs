//! The walk of the README: from an empty folder to an installed wheel.

use super::Home;
use crate::harness::{Folder, binary::Binary};
use serde_json::json;

#[tokio::test]
async fn the_walk_of_the_readme_works_from_an_empty_folder() {
    let data = Folder::new();
    let server = Binary::dev(data.path(), &[]).await;
    let url = &server.url;
    let home = Home::new();

    // A user and an index, as curl makes them and as devpi's client does.
    server.client(None).put("alice", json!({"password": "secret"})).await.expect(201);
    server.client(Some(("alice", "secret"))).put("alice/dev", json!({})).await.expect(200);
    for command in [
        &format!("use {url}"),
        "user -c bob password=secret",
        "login bob --password secret",
        "index -c dev bases=alice/dev",
    ] {
        home.run(&format!("devpi {command} --clientdir client")).await.works();
    }

    home.build("project", "real", "1.0").await;
    home.run(&format!("twine upload --repository-url {url}/alice/dev/ -u alice -p secret project/dist/*"))
        .await
        .works();
    home.run(&format!("pip install --index-url {url}/bob/dev/+simple/ --target pip real")).await.works();
    assert_eq!(home.imported("pip", "real").await, "real 1.0");
    home.run(&format!("uv pip install --default-index {url}/bob/dev/+simple/ --target uv real"))
        .await
        .works();
    assert_eq!(home.imported("uv", "real").await, "real 1.0");
    assert!(server.end("-TERM").await.success());
}

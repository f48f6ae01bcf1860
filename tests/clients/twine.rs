//! twine and flit upload what `python -m build` and flit made.

use super::{Home, wheel, wheelyard};
use serde_json::json;

#[tokio::test]
async fn twine_uploads_a_wheel_and_an_sdist_that_are_served_byte_for_byte() {
    let (server, alice) = wheelyard(&[]).await;
    let home = Home::new();
    home.build("project", "real", "1.0").await;
    let upload = format!("twine upload --non-interactive --repository-url {}/alice/dev/", server.url);
    home.run(&format!("{upload} -u alice -p secret project/dist/*")).await.works();
    for filename in ["real-1.0-py3-none-any.whl", "real-1.0.tar.gz"] {
        let path = alice.file_path("alice/dev", "real", filename).await;
        let content = alice.get_with(&path, &[]).await.expect(200).body;
        assert!(content == std::fs::read(home.path().join("project/dist").join(filename)).unwrap());
    }
    let release = alice.get("alice/dev/real/1.0").await.expect(200).result();
    assert_eq!(release["summary"], "A real project");
    assert_eq!(release["requires_python"], ">=3.8");
    assert!(release["description"].as_str().unwrap().contains("With a description: ä€."));
    let page = alice.simple("alice/dev", "real").await;
    for file in page["files"].as_array().unwrap() {
        assert_eq!(file["requires-python"], ">=3.8", "{file}");
    }

    // The sdist can be built and installed by who downloads it.
    let simple = format!("{}/alice/dev/+simple/", server.url);
    let install = "pip install --no-binary real --no-build-isolation --index-url";
    home.run(&format!("{install} {simple} --target target real")).await.works();
    assert_eq!(home.imported("target", "real").await, "real 1.0");
}

#[tokio::test]
async fn twine_prints_why_an_upload_was_refused() {
    let (server, alice) = wheelyard(&[]).await;
    let home = Home::new();
    home.folder.write("one/pkg-1.0-py3-none-any.whl", wheel("pkg", "1.0", &[]).1);
    home.folder.write("two/pkg-1.0-py3-none-any.whl", wheel("pkg", "1.0", &["Summary: other"]).1);
    server.client(None).put("bob", json!({"password": "secret"})).await.expect(201);
    let upload = async |index: &str, user: &str, folder: &str| {
        let twine = "twine upload --non-interactive --disable-progress-bar";
        let repository = format!("--repository-url {}/{index}/", server.url);
        home.run(&format!("{twine} {repository} -u {user} {folder}/*")).await
    };
    upload("alice/dev", "alice -p secret", "one").await.works();
    upload("alice/dev", "alice -p secret", "one").await.works();
    for (index, credentials, status, reason) in [
        ("alice/dev", "alice -p wrong", "401", "no permission to submit"),
        ("alice/dev", "bob -p secret", "403", "no permission to submit"),
        ("alice/none", "alice -p secret", "404", "The stage alice/none could not be found."),
        (
            "alice/dev",
            "alice -p secret",
            "409",
            "pkg-1.0-py3-none-any.whl already exists in non-volatile index",
        ),
    ] {
        let said = upload(index, credentials, "two").await;
        assert!(said.text.contains(&format!("HTTPError: {status} ")), "{}", said.text);
        said.fails_with(reason);
    }
    alice.patch("alice/dev", json!({"volatile": true})).await.expect(200);
    upload("alice/dev", "alice -p secret", "two").await.works();
}

#[tokio::test]
async fn flit_builds_and_publishes_a_project() {
    let (server, alice) = wheelyard(&[]).await;
    let home = Home::new();
    let project = "[build-system]\nrequires = ['flit_core']\nbuild-backend = 'flit_core.buildapi'\n\
                   [project]\nname = 'light'\ndynamic = ['version', 'description']\nrequires-python = '>=3.8'\n";
    home.folder.write("pyproject.toml", project);
    home.folder.write("light.py", "'''A light project'''\n__version__ = '1.0'\nNAME = 'light'\n");
    let index = format!("{}/alice/dev/", server.url);
    let environment =
        [("FLIT_INDEX_URL", index.as_str()), ("FLIT_USERNAME", "alice"), ("FLIT_PASSWORD", "secret")];
    home.run_with("flit publish", &environment, "").await.works();
    assert_eq!(
        alice.filenames("alice/dev", "light").await,
        ["light-1.0-py3-none-any.whl", "light-1.0.tar.gz"]
    );
    home.run(&format!("pip install --index-url {index}+simple/ --target target light")).await.works();
    assert_eq!(home.imported("target", "light").await, "light");
}

#[tokio::test]
async fn twine_skips_what_is_there_wherever_it_takes_the_option() {
    let (server, alice) = wheelyard(&[]).await;
    let home = Home::new();
    for (folder, version, text) in [("one", "1.0", "a"), ("two", "1.0", "b"), ("two", "1.1", "b")] {
        let (filename, bytes) = wheel("pkg", version, &[&format!("Summary: {text}")]);
        home.folder.write(&format!("{folder}/{filename}"), bytes);
    }
    let index = format!("{}/alice/dev/", server.url);
    let upload =
        format!("upload --non-interactive --skip-existing --repository-url {index} -u alice -p secret");
    // twine itself refuses the option for all but the two indexes whose names it knows.
    home.run(&format!("twine {upload} one/*")).await.fails_with("--skip-existing");

    // So it is told that ours is one of them. It asks the JSON API first, and goes by 409 where that does not say.
    // It takes no upload to where the JSON API is, hence the other name.
    let json_api = index.replace("127.0.0.1", "localhost");
    for json_api in [json_api.as_str(), &json_api.replace("alice", "nobody")] {
        let program = format!(
            "import sys, twine.repository as known\n\
             known.WAREHOUSE = known.WAREHOUSE_WEB = {index:?}\n\
             known.LEGACY_PYPI = {json_api:?}\n\
             from twine.__main__ import main\nsys.exit(main())\n"
        );
        home.folder.write("known.py", program);
        home.run(&format!("python known.py {upload} one/*")).await.works();
        let said = home.run(&format!("python known.py {upload} two/*")).await.works();
        assert!(said.contains("Skipping pkg-1.0-py3-none-any.whl"), "{said}");
    }
    let page = alice.simple("alice/dev", "pkg").await;
    let wheels = ["pkg-1.0-py3-none-any.whl", "pkg-1.1-py3-none-any.whl"];
    assert_eq!(alice.filenames("alice/dev", "pkg").await, wheels, "{page}");
    let (_, first) = wheel("pkg", "1.0", &["Summary: a"]);
    let path = alice.file_path("alice/dev", "pkg", wheels[0]).await;
    assert_eq!(alice.get_with(&path, &[]).await.expect(200).body, first);
}

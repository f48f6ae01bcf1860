//! `upload`, `list`, `install`, `remove`, `refresh`.

use super::{
    super::{wheel, wheelyard},
    Devpi,
};

#[tokio::test]
async fn somebody_uploads_lists_pushes_installs_and_removes_a_release() {
    let (server, alice) = wheelyard(&[]).await;
    let devpi = Devpi::new();
    devpi.home.build("project", "real", "1.0").await;
    devpi.home.build("project", "real", "1.1").await;
    devpi.home.folder.write("pkg-1.0-py3-none-any.whl", wheel("pkg", "1.0", &[]).1);
    devpi.does(&format!("use {}/alice/dev", server.url)).await;
    devpi.cannot("upload pkg-1.0-py3-none-any.whl", "401 FAIL file_upload of pkg-1.0-py3-none-any.whl").await;
    devpi.does("login alice --password secret").await;
    devpi.does("index -c prod bases=alice/dev volatile=False").await;
    devpi.does("index -c other volatile=True").await;

    let said = devpi.does("upload --from-dir project/dist").await;
    assert!(said.contains("file_upload of real-1.1-py3-none-any.whl to "), "{said}");
    devpi.does("upload pkg-1.0-py3-none-any.whl").await;
    devpi.does("upload pkg-1.0-py3-none-any.whl").await;
    devpi.home.folder.write("pkg-1.0-py3-none-any.whl", wheel("pkg", "1.0", &["Summary: other"]).1);
    devpi.cannot("upload pkg-1.0-py3-none-any.whl", "already exists in non-volatile index").await;

    let said = devpi.does("list").await;
    assert!(said.contains("pkg") && said.contains("real"), "{said}");
    let said = devpi.does("list --all real").await;
    for version in ["1.0", "1.1"] {
        for end in ["-py3-none-any.whl", ".tar.gz"] {
            assert!(said.contains(&format!("real-{version}{end}")), "{said}");
        }
    }

    let said = devpi.does("push real==1.1 alice/other").await;
    assert!(said.contains("200 store_releasefile alice/other/+f/"), "{said}");
    assert_eq!(
        alice.filenames("alice/other", "real").await,
        ["real-1.1-py3-none-any.whl", "real-1.1.tar.gz"]
    );
    devpi.cannot("push real==9 alice/other", "no").await;

    devpi.home.run("python -m venv place").await.works();
    devpi.does("use alice/prod").await;
    let said = devpi.does("install --venv place real").await;
    assert!(said.contains("real-1.1"), "{said}");
    devpi.home.folder.write("show.py", "import real; print(real.NAME)");
    assert_eq!(devpi.home.run("place/bin/python show.py").await.works().trim(), "real 1.1");

    devpi.does("use alice/other").await;
    devpi.does("remove -y real==1.1").await;
    alice.simple_page("alice/other", "real", &[]).await.expect(404);
    devpi.does("use alice/dev").await;
    devpi.cannot("remove -y real==1.1", "403").await;
    devpi.does("remove -y -f real==1.1").await;
    assert_eq!(alice.filenames("alice/prod", "real").await, ["real-1.0-py3-none-any.whl", "real-1.0.tar.gz"]);
    devpi.does("remove -y -f real").await;
    assert!(!devpi.does("list").await.contains("real"));
}

#[tokio::test]
async fn alice_uploads_what_is_in_a_folder_to_the_index_she_names() {
    let (_server, alice, devpi) = Devpi::alice().await;
    for index in ["other", "latest"] {
        devpi.does(&format!("index -c {index}")).await;
    }
    let one = devpi.writes_wheel("dist", "one", "1.0");
    let newer = devpi.writes_wheel("dist", "one", "1.1");
    devpi.writes_wheel("dist/deeper", "two", "1.0");
    let said = devpi.does(&format!("upload --dry-run dist/{one}")).await;
    assert!(said.contains("skipped: file_upload of one-1.0-py3-none-any.whl"), "{said}");
    alice.simple_page("alice/dev", "one", &[]).await.expect(404);
    devpi.does(&format!("upload --index other dist/{one}")).await;
    devpi.does(&format!("upload --index alice/other dist/{newer}")).await;
    assert_eq!(alice.filenames("alice/other", "one").await, [one.as_str(), &newer]);
    devpi.does("upload --from-dir --only-latest --index alice/latest dist").await;
    assert_eq!(alice.filenames("alice/latest", "one").await, [newer]);
    assert_eq!(alice.filenames("alice/latest", "two").await, ["two-1.0-py3-none-any.whl"]);
    alice.simple_page("alice/dev", "one", &[]).await.expect(404);
    devpi.cannot(&format!("upload --index bob/dev dist/{one}"), "404").await;
}

#[tokio::test]
async fn alice_builds_a_project_and_uploads_it_in_one_go() {
    let (_server, alice, devpi) = Devpi::alice().await;
    devpi.home.build("project", "real", "1.0").await;
    std::fs::remove_dir_all(devpi.home.path().join("project/dist")).unwrap();
    let command = format!("devpi upload --no-isolation --clientdir {}", devpi.home.at("client"));
    devpi.home.run(&format!("env -C project {command}")).await.works();
    assert_eq!(alice.filenames("alice/dev", "real").await, ["real-1.0-py3-none-any.whl", "real-1.0.tar.gz"]);
}

#[tokio::test]
async fn alice_lists_and_removes_what_a_specification_names() {
    let (server, alice, devpi) = Devpi::alice().await;
    alice.create_index("alice/top", serde_json::json!({"bases": ["alice/dev"]})).await;
    alice.patch("alice/dev", serde_json::json!({"volatile": true})).await.expect(200);
    for version in ["1.0", "1.1", "2.0"] {
        alice.upload_wheel("alice/dev", "one", version).await;
    }
    alice.upload_wheel("alice/top", "two", "1.0").await;
    let listed = async |command: &str| {
        let said = devpi.does(&format!("list {command}")).await;
        let versions = ["1.0", "1.1", "2.0"].into_iter();
        versions.filter(|version| said.contains(&format!("/one-{version}-"))).collect::<Vec<_>>()
    };
    assert_eq!(listed("--all one").await, ["1.0", "1.1", "2.0"]);
    assert_eq!(listed("one>=1.1").await, ["1.1", "2.0"]);
    assert_eq!(listed("one<1.1").await, ["1.0"]);
    assert_eq!(listed("--all --index top one").await, ["1.0", "1.1", "2.0"]);
    assert_eq!(listed("--all --index alice/top --ignore-bases one").await, [""; 0]);
    assert_eq!(devpi.does("list --index alice/top").await.trim(), "two");
    devpi.cannot("list nothing", "404").await;

    devpi.cannot("remove -y --index top one", "No releases or distributions found matching 'one'").await;
    devpi.does("remove -y one<1.1").await;
    assert_eq!(listed("--all one").await, ["1.1", "2.0"]);
    let url =
        format!("{}/{}", server.url, alice.file_path("alice/dev", "one", "one-2.0-py3-none-any.whl").await);
    devpi.does(&format!("remove -y {url}")).await;
    devpi.cannot(&format!("remove -y {url}"), "410").await;
    assert_eq!(listed("--all one").await, ["1.1"]);
    devpi.does("remove -y --index alice/dev one").await;
    alice.simple_page("alice/top", "one", &[]).await.expect(404);
}

#[tokio::test]
async fn alice_installs_what_a_file_lists_from_the_index_she_names() {
    let (_server, alice, devpi) = Devpi::alice().await;
    alice.create_index("alice/other", serde_json::json!({"acl_read": ["alice"]})).await;
    for (index, name, version) in
        [("alice/dev", "one", "1.0"), ("alice/dev", "two", "1.0"), ("alice/other", "one", "1.1")]
    {
        alice.upload_wheel(index, name, version).await;
    }
    devpi.home.run("python -m venv place").await.works();
    devpi.home.folder.write("wanted.txt", "one==1.0\ntwo\n");
    devpi.does("install --venv place -r wanted.txt").await;
    let said = devpi.does("install --venv place -l").await;
    let has =
        |name: &str, version: &str| said.lines().any(|line| line.split_whitespace().eq([name, version]));
    assert!(has("one", "1.0") && has("two", "1.0"), "{said}");
    // An index that only she may read: the client hands her login on to pip.
    let said = devpi.does("install --venv place --index alice/other one==1.1").await;
    assert!(said.contains("Successfully installed one-1.1"), "{said}");
    assert!(devpi.does("refresh one two --index alice/other").await.contains("Refreshed two"));
}

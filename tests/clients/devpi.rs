//! devpi's own client: users, indexes, uploads, pushes, removals.

use super::{Home, wheel, wheelyard};
use crate::harness::{
    Upload, archive,
    binary::{Binary, place},
};
use serde_json::json;

/// Somebody who works with devpi's client.
struct Devpi {
    home: Home,
}

impl Devpi {
    fn new() -> Self {
        Self { home: Home::new() }
    }

    /// Runs a command of the client, which must work, and returns what it said.
    async fn does(&self, command: &str) -> String {
        self.home.run(&format!("devpi {command} --clientdir client")).await.works()
    }

    /// Runs a command that must fail with these words.
    async fn cannot(&self, command: &str, words: &str) {
        self.home.run(&format!("devpi {command} --clientdir client")).await.fails_with(words);
    }
}

#[tokio::test]
async fn somebody_creates_a_user_and_indexes_and_takes_them_away_again() {
    let (database, prefix) = place().await;
    let server = Binary::serve(&database, &prefix, &[]).await;
    let devpi = Devpi::new();
    let said = devpi.does(&format!("use {}", server.url)).await;
    assert!(said.contains("no current index"), "{said}");
    devpi.does("user -c alice password=secret email=alice@example.com").await;
    devpi.cannot("user -c alice password=secret", "user already exists").await;
    devpi.cannot("login alice --password wrong", "user 'alice' could not be authenticated").await;
    let said = devpi.does("login alice --password secret").await;
    assert!(said.contains("logged in 'alice', credentials valid for 10.00 hours"), "{said}");

    devpi.does("index -c base volatile=False").await;
    let said = devpi.does("index -c dev bases=alice/base title=Ours").await;
    for line in ["bases=alice/base", "type=stage", "volatile=True", "title=Ours", "acl_upload=alice"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    devpi.cannot("index -c dev", "index 'alice/dev' exists").await;
    devpi.does("index alice/dev volatile=False mirror_whitelist+=one acl_upload+=bob").await;
    devpi.does("index alice/dev mirror_whitelist+=two acl_upload-=bob").await;
    let said = devpi.does("index alice/dev").await;
    for line in ["volatile=False", "mirror_whitelist=one,two", "acl_upload=alice\n"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    devpi.cannot("index alice/dev bases=alice/none", "alice/none").await;
    let said = devpi.does("index -l").await;
    assert!(said.contains("alice/base") && said.contains("alice/dev"), "{said}");
    let said = devpi.does("use -l").await;
    assert!(said.contains("alice/dev") && said.contains("bases=alice/base"), "{said}");
    let said = devpi.does("use alice/dev").await;
    assert!(
        said.contains(&format!("current devpi index: {}/alice/dev (logged in as alice)", server.url)),
        "{said}"
    );
    let said = devpi.does("getjson /alice/dev").await;
    assert!(said.contains("\"type\": \"indexconfig\""), "{said}");

    devpi.cannot("index -y --delete dev", "index alice/dev non-volatile, cannot delete").await;
    devpi.does("index alice/dev volatile=True").await;
    devpi.does("index -y --delete dev").await;
    devpi.does("index alice/base volatile=True").await;
    devpi.does("use --delete").await;
    devpi.does(&format!("use {}", server.url)).await;
    devpi.does("login alice --password secret").await;
    devpi.does("index -y --delete base").await;
    devpi.does("user -y --delete alice").await;
    assert!(!devpi.does("user -l").await.contains("alice"));
}

#[tokio::test]
async fn somebody_changes_the_password_and_goes_on_with_the_same_login() {
    let (server, _) = wheelyard(&[]).await;
    let devpi = Devpi::new();
    devpi.does(&format!("use {}/alice/dev", server.url)).await;
    devpi.does("login alice --password secret").await;
    devpi.does("user -m alice password=second-secret title=Alice").await;
    assert!(devpi.does("user alice").await.contains("title=Alice"));
    devpi.does("index alice/dev title=Still").await;
    // Without a terminal, so that the client reads the password from its input.
    let passwd = "setsid --wait devpi passwd alice --clientdir client";
    devpi.home.run_with(passwd, &[], "third-secret\nthird-secret\n").await.works();
    devpi.does("index alice/dev title=Still2").await;
    devpi.does("logoff").await;
    devpi.cannot("index alice/dev title=No", "you need to be logged in").await;
    devpi.cannot("login alice --password second-secret", "could not be authenticated").await;
    devpi.does("login alice --password third-secret").await;
}

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
async fn somebody_pushes_a_release_to_another_repository() {
    let (server, _) = wheelyard(&[]).await;
    let (elsewhere, owner) = wheelyard(&[]).await;
    let devpi = Devpi::new();
    devpi.home.folder.write("pkg-1.0-py3-none-any.whl", wheel("pkg", "1.0", &[]).1);
    let repository = format!("repository: {}/alice/dev/\nusername: alice\npassword: ", elsewhere.url);
    let pypirc = format!(
        "[distutils]\nindex-servers =\n  elsewhere\n  closed\n\n[elsewhere]\n{repository}secret\n\n\
         [closed]\n{repository}wrong\n"
    );
    devpi.home.folder.write("pypirc", pypirc);
    devpi.does(&format!("use {}/alice/dev", server.url)).await;
    devpi.does("login alice --password secret").await;
    devpi.does("upload pkg-1.0-py3-none-any.whl").await;
    devpi.cannot("push pkg==1.0 pypi:closed --pypirc pypirc", "401").await;
    devpi.does("push pkg==1.0 pypi:elsewhere --pypirc pypirc").await;
    assert_eq!(owner.filenames("alice/dev", "pkg").await, ["pkg-1.0-py3-none-any.whl"]);
}

#[tokio::test]
async fn somebody_tests_a_release_and_sees_the_results() {
    let (server, alice) = wheelyard(&[]).await;
    let devpi = Devpi::new();
    let upload = Upload::new("helper", "1.0", wheel("helper", "1.0", &[]));
    alice.upload("alice/dev", upload).await.expect(200);
    let command = |name: &str| format!("[['python', '-c', 'import {name}; print({name}.NAME)']]");
    for (version, imports) in [("1.0", "helper"), ("1.1", "nothing")] {
        let project = format!(
            "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n\
             [project]\nname = 'real'\nversion = '{version}'\n[tool.setuptools]\npy-modules = []\n\
             [tool.tox]\nenv_list = ['own']\n[tool.tox.env_run_base]\nskip_install = true\n\
             deps = ['helper']\ncommands = {}\n",
            command(imports)
        );
        devpi.home.folder.write("project/pyproject.toml", project);
        devpi.home.run("python -m build --no-isolation --sdist project").await.works();
    }
    devpi.does(&format!("use {}/alice/dev", server.url)).await;
    devpi.does("login alice --password secret").await;
    devpi.does("upload --from-dir project/dist").await;
    // Its requirement comes from the index, with the login of the client.
    alice.patch("alice/dev", json!({"acl_read": ["alice"]})).await.expect(200);
    let said = devpi.does("test real==1.0").await;
    assert!(said.contains("posting tox result data to "), "{said}");
    devpi.cannot("test real==1.1", "tox command failed").await;

    // The client reads results without its login.
    alice.patch("alice/dev", json!(["acl_read-="])).await.expect(200);
    let said = devpi.does("list -t real").await;
    for line in ["own", "tests passed", "tests failed"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let said = devpi.does("list --failures real==1.1").await;
    assert!(said.contains("FAIL: ") && said.contains("import nothing;"), "{said}");
    let links = alice.get("alice/dev/real/1.0").await.result()["+links"].clone();
    assert_eq!((&links[1]["rel"], &links[1]["for_href"]), (&json!("toxresult"), &links[0]["href"]));
    assert_eq!(links[1]["log"][0]["who"], "alice");

    alice.patch("alice/dev", json!({"acl_toxresult_upload": ["bob"]})).await.expect(200);
    devpi.cannot("test real==1.0", "No permission to upload tox results").await;
}

#[tokio::test]
async fn somebody_uploads_documentation_and_pushes_it_on() {
    let (server, alice) = wheelyard(&[]).await;
    let devpi = Devpi::new();
    devpi.home.build("project", "real", "1.0").await;
    devpi.home.folder.write("project/docs/conf.py", "project = 'Real'\n");
    devpi.home.folder.write("project/docs/index.rst", "Welcome\n=======\n\nä\n");
    devpi.does(&format!("use {}/alice/dev", server.url)).await;
    devpi.does("login alice --password secret").await;
    let client = devpi.home.at("client");
    let upload =
        format!("env -C project devpi upload --with-docs --no-isolation --no-vcs --clientdir {client}");
    let said = devpi.home.run(&upload).await.works();
    assert!(said.contains("doc_upload of real-1.0.doc.zip to "), "{said}");
    let page = alice.get_with("alice/dev/real/latest/+doc/index.html", &[]).await.expect(200);
    assert!(page.text().contains("Welcome") && page.text().contains("ä"), "{}", page.text());
    let script = alice.get_with("alice/dev/real/1.0/+doc/_static/doctools.js", &[]).await.expect(200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");

    devpi.home.run(&upload).await.fails_with("already exists in non-volatile index");
    devpi.does("index -c prod volatile=False").await;
    let said = devpi.does("push --no-docs real==1.0 alice/prod").await;
    assert!(said.contains("store_releasefile") && !said.contains("store_doczip"), "{said}");
    let said = devpi.does("push --only-docs real==1.0 alice/prod").await;
    assert!(said.contains("200 store_doczip real 1.0 -> alice/prod"), "{said}");
    alice.get_with("alice/prod/real/1.0/+doc/index.html", &[]).await.expect(200);

    // By the name of the file, which is the latest release when it says no version.
    devpi.home.folder.write("real.doc.zip", archive::zip(&[("index.html", b"by hand")]));
    devpi.does("index -c next").await;
    devpi.does("push --no-docs real==1.0 alice/next").await;
    devpi.does("upload --index alice/next real.doc.zip").await;
    let page = alice.get_with("alice/next/real/stable/+doc/index.html", &[]).await.expect(200);
    assert_eq!(page.text(), "by hand");
}

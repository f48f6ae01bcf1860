//! `test`, `list --toxresults`, and documentation by `upload --with-docs` and `push`.

use super::{
    super::{wheel, wheelyard},
    Devpi,
};
use crate::harness::{Upload, archive};
use serde_json::json;

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

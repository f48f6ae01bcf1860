//! devpi's own client: users, indexes, uploads, pushes, removals.

use super::{Home, wheel, wheelyard};
use crate::harness::binary::{Binary, place};

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

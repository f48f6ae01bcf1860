//! `push`, to an index and to another repository.

use super::{
    super::{wheel, wheelyard},
    Devpi,
};

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
async fn alice_pushes_from_the_index_she_uses_and_from_another() {
    let (_server, alice, devpi) = Devpi::alice().await;
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    alice.upload_wheel("alice/dev", "one", "1.1").await;
    for index in ["other", "stable"] {
        devpi.does(&format!("index -c {index}")).await;
    }
    let said = devpi.does("push one==1.0 alice/other").await;
    assert!(said.contains("200 register one 1.0 -> alice/other"), "{said}");
    devpi.does("use alice/other").await;
    devpi.cannot("push one==1.1 alice/stable", "there are no files for one 1.1 on stage alice/other").await;
    devpi.does("push --index alice/dev one==1.1 alice/stable").await;
    devpi.does("push one==1.0 alice/stable").await;
    let wheels = ["one-1.0-py3-none-any.whl", "one-1.1-py3-none-any.whl"];
    assert_eq!(alice.filenames("alice/stable", "one").await, wheels);
    devpi.does("push --no-docs one==1.0 alice/stable").await;
    devpi.cannot("push --only-docs one==1.0 alice/stable", "no release/files found for one 1.0").await;
    devpi.cannot("push one==1.0 bob/dev", "The stage bob/dev could not be found.").await;
    devpi.cannot("push one alice/stable", "name==version").await;
    devpi.cannot("push one==1.0 stable", "target 'stable' not of form USER/NAME").await;
}

#[tokio::test]
async fn alice_registers_a_project_where_she_pushes_it() {
    let (_server, alice, devpi) = Devpi::alice().await;
    let (elsewhere, owner) = wheelyard(&[]).await;
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    let pypirc = format!(
        "[distutils]\nindex-servers = elsewhere\n\n[elsewhere]\nrepository: {}/alice/dev/\n\
         username: alice\npassword: secret\n",
        elsewhere.url
    );
    devpi.home.folder.write("pypirc", pypirc);
    let said = devpi.does("push --register-project one==1.0 pypi:elsewhere --pypirc pypirc").await;
    assert!(said.contains("200 register one 1.0"), "{said}");
    assert_eq!(owner.filenames("alice/dev", "one").await, ["one-1.0-py3-none-any.whl"]);
}

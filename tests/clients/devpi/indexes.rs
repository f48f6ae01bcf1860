//! `index`: create, show, change, list, delete.

use super::Devpi;
use crate::harness::binary::{Binary, place};

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
async fn alice_looks_at_an_index_and_takes_options_away() {
    let (_server, alice, devpi) = Devpi::alice().await;
    alice.upload_wheel("alice/dev", "one", "1.0").await;
    for command in ["index", "index --no-projects", "index alice/dev"] {
        let said = devpi.does(command).await;
        assert!(said.contains("acl_upload=alice") && said.contains("volatile=False"), "{said}");
    }
    assert!(devpi.does("index dev title=Ours description=a=b").await.contains("description=a=b"));
    assert!(!devpi.does("index dev title-=").await.contains("  title="));
    devpi.cannot("index dev acl_upload-=bob", "The 'acl_upload' setting doesn't have value 'bob'").await;
    devpi.cannot("index dev volatile-=", "Default values can't be removed.").await;
    devpi.cannot("index dev nonsense=1", "indexconfig got unexpected keyword arguments: nonsense=1").await;
    devpi.cannot("index dev type=mirror", "the 'type' of an index can't be changed").await;
    devpi.cannot("index -c bob/dev", "no user 'bob'").await;
}

//! The frame around documentation.

use super::live::{assert_dead, elements, page, text};
use crate::harness::{Server, Upload, archive};
use serde_json::json;

#[tokio::test]
async fn people_read_documents_in_a_frame_with_a_way_back_and_programs_get_the_document() {
    let server = Server::start_with(|config| {
        config.server.docs_base_url = Some(std::sync::Arc::new("http://docs.example:8080".parse().unwrap()));
    })
    .await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for version in ["1.0", "2.0", "3.0a1"] {
        let docs = archive::zip(&[("index.html", b"<script>x</script>"), ("a b/c.html", b"c")]);
        alice.upload("alice/dev", Upload::documentation("pkg", Some(version), docs)).await.expect(200);
    }
    for (path, version, document) in [
        ("1.0/+d", "1.0", "1.0/+doc/index.html"),
        ("1.0/+d/a%20b/c.html", "1.0", "1.0/+doc/a%20b/c.html"),
        ("latest/+d/", "3.0a1", "latest/+doc/index.html"),
        ("stable/+d/", "2.0", "stable/+doc/index.html"),
    ] {
        let reply = page(&alice, &format!("alice/dev/pkg/{path}")).await.expect(200);
        let frame = elements(&reply.text()).into_iter().find(|(name, _)| name == "iframe").unwrap().1;
        let src = frame.iter().find(|(name, _)| name == "src").unwrap().1.clone();
        assert_eq!(src, format!("http://docs.example:8080/alice/dev/pkg/{document}"));
        assert!(reply.header("content-security-policy").contains("frame-src http: https:;"));
        assert_dead(&reply.text());
        assert!(text(&reply.text()).contains(&format!("pkg {version} documentation")));
        let links: Vec<_> =
            elements(&reply.text()).into_iter().flat_map(|(_, attributes)| attributes).collect();
        assert!(links.iter().any(|(_, value)| value == &format!("/alice/dev/pkg/{version}")), "{links:?}");
        assert!(
            links.iter().any(|(_, value)| value == "/alice/dev/pkg/2.0/+d/" || version == "2.0"),
            "{links:?}"
        );
    }
    let reply = alice.get("alice/dev/pkg/1.0/+d/a%20b/c.html?x=1").await.expect(302);
    assert!(reply.header("location").ends_with("/alice/dev/pkg/1.0/+doc/a%20b/c.html?x=1"));
    page(&alice, "alice/dev/pkg/9.0/+d/").await.expect(404);
}

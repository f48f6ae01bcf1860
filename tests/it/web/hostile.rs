//! Whatever people upload, pages show it and nothing of it lives.

use super::live::{assert_dead, page};
use crate::harness::{Server, Upload, archive};
use serde_json::json;

const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'; alert(1); '",
    "</title></textarea></style><svg onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "\u{202e}\u{feff}&#106;avascript:alert(1)",
];

#[tokio::test]
async fn what_a_release_says_is_never_live() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for (number, hostile) in HOSTILE.iter().enumerate() {
        for content_type in ["text/markdown", "text/x-rst", "text/plain", hostile] {
            let version = format!("1.{number}.{}", content_type.len());
            let upload = Upload::new("pkg", &version, archive::wheel("pkg", &version));
            let upload = [
                "summary",
                "author",
                "author_email",
                "maintainer",
                "license",
                "keywords",
                "requires_python",
                "classifiers",
                "requires_dist",
                "provides_extras",
            ]
            .into_iter()
            .fold(upload, |upload, key| upload.with(key, hostile));
            let upload = upload
                .with("home_page", "javascript:alert(1)")
                .with("download_url", "data:text/html,<script>alert(1)</script>")
                .with("project_urls", "Home, javascript:alert(1)")
                .with("project_urls", &format!("{hostile}, https://x.example/{hostile}"))
                .with("classifiers", &format!("{hostile} :: {hostile}"))
                .with("requires_dist", &format!("a; extra == '{hostile}'"))
                .with(
                    "description",
                    &format!("{hostile}\n\n[a](javascript:alert(1))\n\n`a <javascript:x>`_\n"),
                )
                .with("description_content_type", content_type);
            alice.upload("alice/dev", upload).await.expect(200);
            for path in ["alice/dev/pkg".to_owned(), format!("alice/dev/pkg/{version}")] {
                let reply = page(&alice, &path).await.expect(200);
                assert!(reply.header("content-security-policy").contains("script-src 'self'"));
                assert_dead(&reply.text());
                assert!(!reply.text().contains(">49 "), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_tox_result_says_is_never_live() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    let wheel = alice.upload_wheel("alice/dev", "pkg", "1.0").await;
    let path = alice.file_path("alice/dev", "pkg", &wheel).await;
    let deep = format!("{{\"testenvs\": {}{}}}", "[".repeat(100), "]".repeat(100));
    let mut bodies = vec!["[]".to_owned(), "{\"testenvs\": {\"a\": {\"test\": {}}}}".to_owned(), deep];
    for hostile in HOSTILE {
        let command =
            json!({"command": [hostile], "output": format!("\u{1b}[31m{hostile}"), "retcode": hostile});
        let environment = json!({"python": {"version": hostile}, "installed_packages": [hostile], "setup": [command], "test": [command]});
        bodies.push(json!({"host": hostile, "platform": hostile, "toxversion": hostile, "testenvs": {hostile: environment}}).to_string());
    }
    for body in bodies {
        let headers = [("accept", "application/json")];
        let sent = server.anonymous().send("POST", &path, &headers, body).await.expect(200).result();
        let result = sent.as_str().unwrap().split('#').next().unwrap().rsplit('/').next().unwrap().to_owned();
        let list = format!("alice/dev/pkg/1.0/+toxresults/{wheel}");
        for path in ["alice/dev/pkg/1.0".to_owned(), list.clone(), format!("{list}/{result}")] {
            let reply = page(&alice, &path).await.expect(200);
            assert_dead(&reply.text());
            assert!(!reply.text().contains('\u{1b}'), "{path}");
        }
    }
}

#[tokio::test]
async fn a_url_that_is_not_there_is_shown_as_text() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    alice.create_index("alice/dev", json!({})).await;
    for path in [
        "alice/dev/pkg/%3Cscript%3E",
        "alice/dev/pkg/1.0/+toxresults/%3Cscript%3E",
        "alice/dev/pkg/1.0/+toxresults/a/%22onload",
        "alice/dev/pkg/1.0/+d/%3Cscript%3E",
    ] {
        assert_dead(&page(&alice, path).await.expect(404).text());
    }
}

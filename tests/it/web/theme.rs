//! Themes: what a folder changes in the pages, and what it can't break.

use crate::harness::{Client, Folder, Reply, Server, binary, until};
use std::path::Path;

const HTML: [(&str, &str); 1] = [("accept", "text/html")];

async fn server_with(folder: &Path) -> Server {
    Server::start_with(|config| config.server.theme = Some(folder.to_owned())).await
}

async fn page(client: &Client, path: &str) -> Reply {
    client.get_with(path, &HTML).await
}

/// The same as a text, in which a slash needs no escape.
async fn told(client: &Client, path: &str) -> String {
    page(client, path).await.expect(200).text().replace("&#x2f;", "/")
}

#[tokio::test]
async fn a_theme_builds_on_our_templates_and_adds_files() {
    let folder = Folder::new();
    folder
        .write("templates/base.html", "{% extends 'default/base.html' %}{% block brand %}Acme{% endblock %}");
    folder.write(
        "templates/root.html",
        "{% extends 'base.html' %}{% block main %}{% include 'own.html' %}{% endblock %}",
    );
    folder.write(
        "templates/own.html",
        "<p>{{ data.root.username }} <img src='{{ asset('img/logo.svg') }}'></p>",
    );
    folder.write("static/img/logo.svg", "<svg/>");
    folder.write("static/wheelyard.css", "body {}");
    folder.write("static/.hidden", "");
    folder.write("elsewhere/x.html", "");
    let server = server_with(folder.path()).await;
    let anyone = server.anonymous();
    let root = page(&anyone, "").await.expect(200).text();
    assert!(root.contains("Acme</a>") && root.contains("<p>root <img"), "{root}");
    let error = page(&anyone, "nobody/nothing").await.expect(404).text();
    assert!(error.contains("Acme</a>"), "{error}");
    let logo = root.split("src='/").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(anyone.get(logo).await.expect(200).text(), "<svg/>");
    assert_eq!(anyone.get("+static/wheelyard.css").await.expect(200).text(), "body {}");
    assert!(anyone.get("+static/wheelyard.js").await.expect(200).text().contains("use strict"));
    for path in
        ["+static/.hidden", "+static/../templates/own.html", "+static/%2e%2e/elsewhere/x.html", "+static/img"]
    {
        anyone.get(path).await.expect(404);
    }
    let simple = page(&anyone, "root/none/+simple/").await.text();
    assert!(!simple.contains("<svg"), "{simple}");
}

#[tokio::test]
async fn a_broken_template_gives_the_default_page_and_only_root_is_told_where_it_is() {
    let broken = [
        ("root.html", "{% extends 'base.html' %}\n{% block main %}\n{{ data. }}", 3, "syntax error"),
        ("root.html", "<p>\n{{ nothing.at.all }}</p>", 2, "undefined"),
        ("root.html", "\n\n{% include 'none.html' %}", 3, "none.html"),
        ("root.html", "{{ asset('none.css') }}", 1, "there is no static file none.css"),
        ("root.html", "{% extends 'root.html' %}", 1, ""),
        ("macros.html", "{% macro badge(text %}", 1, "syntax error"),
    ];
    for (template, source, line, message) in broken {
        let folder = Folder::new();
        folder.write(&format!("templates/{template}"), source);
        let server = server_with(folder.path()).await;
        let anonymous = page(&server.anonymous(), "").await.expect(200).text();
        assert!(anonymous.contains("<h1>") && !anonymous.contains("role=\"alert\""), "{source}: {anonymous}");
        let root = page(&server.root(), "").await.expect(200).text();
        let notice = root.split("role=\"alert\">").nth(1).unwrap_or_else(|| panic!("{source}: {root}"));
        let notice = notice.split("</p>").next().unwrap();
        assert!(notice.contains(template), "{source}: {notice}");
        assert!(
            notice.contains(&format!("at line {line}")) && notice.contains(message),
            "{source}: {notice}"
        );
        let told = page(&server.root(), "+theme").await.expect(200).text();
        assert!(told.contains(&format!("{template}, line {line}")), "{source}: {told}");
        assert!(told.contains("theme-line wrong"), "{source}: {told}");
    }
}

#[tokio::test]
async fn only_root_learns_how_the_theme_does() {
    let folder = Folder::new();
    folder.write("templates/root.html", "{{ broken");
    let server = server_with(folder.path()).await;
    let alice = server.user("alice").await;
    for client in [&server.anonymous(), &alice] {
        let reply = page(client, "+theme").await.expect(404);
        assert!(!reply.text().contains("root.html"), "{reply}");
    }
    assert!(page(&server.root(), "+theme").await.expect(200).text().contains("root.html, line 1"));
    let plain = Server::start().await;
    assert!(page(&plain.root(), "+theme").await.expect(200).text().contains("theme init"));
}

#[tokio::test]
async fn what_changes_in_the_folder_is_seen_and_a_folder_that_went_bad_changes_nothing() {
    let folder = Folder::new();
    folder.write("templates/root.html", "first");
    let server = server_with(folder.path()).await;
    let (anyone, root) = (server.anonymous(), server.root());
    let shows = async |words: &str| {
        until(words, async || page(&anyone, "").await.text().contains(words)).await;
    };
    let is_told = async |words: &str| {
        until(words, async || told(&root, "+theme").await.contains(words)).await;
    };
    shows("first").await;
    folder.write("templates/root.html", "second one");
    shows("second one").await;
    folder.write("templates/root.html", [0xff, 0xfe]);
    is_told("templates/root.html is not UTF-8").await;
    shows("second one").await;
    // Mended by a copy that is as old and as long.
    let path = folder.path().join("templates/root.html");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    folder.write("templates/root.html", "ok");
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    shows("ok").await;
    std::fs::remove_dir_all(folder.path().join("templates")).unwrap();
    shows("<h1>").await;
    let outside = Folder::new();
    let secret = outside.write("secret.txt", "secret");
    std::fs::create_dir_all(folder.path().join("static")).unwrap();
    std::os::unix::fs::symlink(secret, folder.path().join("static/x.txt")).unwrap();
    is_told("static/x.txt is a link that leaves the folder").await;
    anyone.get("+static/x.txt").await.expect(404);
}

#[tokio::test]
async fn a_static_file_is_kept_for_ever_under_the_digest_of_its_content_only() {
    let server = Server::start().await;
    let anyone = server.anonymous();
    let root = page(&anyone, "").await.text();
    let dated = root.split("href=\"/").find(|rest| rest.starts_with("+static/wheelyard.css?v=")).unwrap();
    let dated = dated.split('"').next().unwrap();
    let style = anyone.get_with(dated, &[]).await.expect(200);
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    for path in ["+static/wheelyard.css", "+static/wheelyard.css?v=0"] {
        let plain = anyone.get_with(path, &[]).await.expect(200);
        assert_eq!(plain.header("cache-control"), "public, max-age=300", "{path}");
        assert_eq!(plain.body, style.body);
    }
    let etag = style.header("etag");
    let again = anyone.get_with(dated, &[("if-none-match", etag)]).await.expect(304);
    assert_eq!((again.header("etag"), again.body.len()), (etag, 0));
    anyone.get_with(dated, &[("if-none-match", "\"other\"")]).await.expect(200);
}

#[tokio::test]
async fn the_default_theme_is_written_out_and_changes_nothing_until_somebody_edits_it() {
    let folder = Folder::new();
    let path = folder.path().join("theme");
    let init = ["theme", "init", path.to_str().unwrap()];
    let written = binary::run(&init, &[]).await;
    assert!(written.success && written.stdout.contains("--theme"), "{}", written.stderr);
    let again = binary::run(&init, &[]).await;
    assert!(!again.success && again.stderr.contains("is there already"), "{}", again.stderr);
    std::fs::remove_file(path.join("templates/base.html")).unwrap();
    assert!(!binary::run(&init, &[]).await.success);
    assert!(!path.join("templates/base.html").exists());

    let (plain, themed) = (Server::start().await, server_with(&path).await);
    for at in ["", "nobody/nothing"] {
        let looks = async |server: &Server| {
            let text = super::plain(&page(&server.anonymous(), at).await);
            let text = text.replace(&server.url, "URL");
            text.lines().filter(|line| !line.contains("<p>Request")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(looks(&plain).await, looks(&themed).await);
    }
    let flag = binary::run(&["serve", "--theme", "/nowhere"], &[]).await;
    assert!(!flag.success && flag.stderr.contains("expected a folder that is there"), "{}", flag.stderr);
}

//! What people do, clicked as they would.

use super::tab::Tab;
use crate::{
    harness::{Folder, archive, receiver::Receiver, until},
    web::world::{Company, company},
};
use serde_json::json;

/// The company, and a tab in which a team is logged in.
async fn at_work(user: &str) -> (Company, Tab) {
    let company = company().await;
    let tab = Tab::at(&company.server.url).await;
    tab.log_in(user, "secret").await;
    (company, tab)
}

#[tokio::test]
async fn somebody_logs_in_where_they_are_and_logs_out_again() {
    let company = company().await;
    let tab = Tab::at(&company.server.url).await;
    tab.open("/research/vault").await;
    tab.click("Log in").await;
    tab.fill("user", "research").await;
    tab.fill("password", "wrong").await;
    tab.submit().await;
    tab.sees("wrong").await;
    tab.fill("password", "secret").await;
    tab.submit().await;
    tab.is_at("/research/vault").await;
    tab.click("Log out").await;
    tab.sees("Log in").await;
    assert_eq!(tab.open("/research/vault").await, 401);
}

#[tokio::test]
async fn a_search_leads_to_a_project() {
    let company = company().await;
    let tab = Tab::at(&company.server.url).await;
    tab.open("/").await;
    tab.find("#find").await.send_keys("structured logs\n").await.unwrap();
    tab.sees("project").await;
    tab.click("acme-logging").await;
    tab.is_at("/platform/stable/acme-logging").await;
    tab.sees("Structured logs with request ids").await;
}

#[tokio::test]
async fn a_team_makes_an_index_uploads_to_it_yanks_and_pushes() {
    let (company, tab) = at_work("platform").await;
    tab.open("/platform").await;
    tab.click("New index").await;
    tab.fill("name", "next").await;
    tab.find("main .bases input").await.send_keys("platform/stable").await.unwrap();
    tab.click("Create index").await;
    tab.sees("platform/next").await;
    let platform = company.server.login("platform");
    assert_eq!(platform.get("platform/next").await.result()["bases"], json!(["platform/stable"]));

    let folder = Folder::new();
    let (wheel, content) = archive::wheel("acme-mail", "1.0");
    let file = folder.write(&wheel, content);
    tab.open("/platform/next").await;
    tab.click("Upload").await;
    tab.find("input[type='file']").await.send_keys(file.to_str().unwrap()).await.unwrap();
    tab.submit().await;
    tab.find(".uploads li.done").await;
    tab.open("/platform/next").await;
    tab.click("acme-mail 1.0").await;
    tab.is_at("/platform/next/acme-mail/1.0").await;

    tab.click("Yank, push, delete").await;
    tab.fill("reason", "Sends twice").await;
    tab.click("Yank the release").await;
    tab.sees("Un-yank the release").await;
    let page = platform.simple("platform/next", "acme-mail").await;
    assert_eq!(page["files"][0]["yanked"], "Sends twice");
    tab.click("Un-yank the release").await;
    tab.sees("Yank the release").await;

    tab.find("#target").await.select_by_value("platform/staging").await.unwrap();
    tab.click("Push").await;
    tab.is_at("/platform/staging/acme-mail/1.0?done=pushed").await;
    assert_eq!(platform.filenames("platform/staging", "acme-mail").await, [wheel]);
    assert_eq!(tab.complaints(200).await, [""; 0]);
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let (company, tab) = at_work("platform").await;
    tab.open("/platform").await;
    tab.click("API tokens").await;
    tab.fill("description", "nightly builds").await;
    tab.find("#allow_all").await.click().await.unwrap();
    tab.click("Create token").await;
    tab.sees("shown this once").await;
    let secret = tab.find(".made code").await.text().await.unwrap();
    let builds = company.server.login("platform").with_secret(&secret);
    builds.upload_wheel("platform/staging", "acme-mail", "1.0").await;
    tab.open("/platform/+tokens").await;
    assert!(!tab.text().await.contains(&secret));
    tab.click("Revoke token nightly builds").await;
    tab.sees("no tokens yet").await;
    builds.delete("platform/staging/acme-mail").await.expect(403);
}

#[tokio::test]
async fn root_makes_a_user_who_can_log_in() {
    let company = company().await;
    let tab = Tab::at(&company.server.url).await;
    tab.log_in("root", "root").await;
    tab.click("New user").await;
    tab.fill("name", "carol").await;
    tab.fill("password", "correct horse").await;
    tab.fill("password_again", "correct horse").await;
    tab.submit().await;
    tab.sees("carol").await;
    tab.log_in("carol", "correct horse").await;
    tab.sees("carol").await;
}

#[tokio::test]
async fn a_webhook_is_made_and_tried() {
    let (_company, tab) = at_work("platform").await;
    let receiver = Receiver::start(&[]).await;
    tab.open("/platform/stable/+webhooks").await;
    tab.fill("url", &format!("{}/ci", receiver.url)).await;
    tab.click("Create webhook").await;
    tab.sees("shown this once").await;
    let secret = tab.find(".made code").await.text().await.unwrap();
    tab.click("To the new webhook").await;
    tab.click("Send a test").await;
    until("the test came", async || receiver.messages().iter().any(|message| message.event() == "ping"))
        .await;
    assert!(receiver.messages().iter().all(|message| message.is_signed(&secret)));
}

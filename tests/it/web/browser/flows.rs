//! What people do, clicked as they would.

use super::tab::Tab;
use crate::web::world::company;

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

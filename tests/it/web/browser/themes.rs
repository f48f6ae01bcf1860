//! The theme of the documentation, as a company would have it.

use super::{pages::faults, tab::Tab};
use crate::web::world::company_with;
use std::path::Path;

#[tokio::test]
async fn the_sample_theme_shows_the_teams_of_a_company() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/themes/acme");
    let company = company_with(|config| config.server.theme = Some(folder)).await;
    let tab = Tab::at(&company.server.url).await;
    let mut found = Vec::new();
    for (name, path) in [("acme-root", "/"), ("acme-index", "/platform/stable")] {
        found.extend(faults(&tab, name, path, 200).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    tab.open("/").await;
    for words in ["Packages at Acme", "platform@acme.example", "Platform, stable", "help@acme.example"] {
        tab.sees(words).await;
    }
}

//! Each page, on a desktop and on a phone, in light and in dark.

use super::tab::{Device, Scheme, Tab};
use crate::web::world::company;

/// Name of the pictures, path, and status.
const OPEN: [(&str, &str, u64); 3] =
    [("root", "/", 200), ("index", "/platform/stable", 200), ("missing", "/platform/nothing", 404)];

/// What is wrong with a page. Leaves its pictures.
pub async fn faults(tab: &Tab, name: &str, path: &str, expected: u64) -> Vec<String> {
    let mut faults = Vec::new();
    tab.resize(Device::Desktop).await;
    tab.prefer(Scheme::Light).await;
    let status = tab.open(path).await;
    if status != expected {
        faults.push(format!("{name}: {path} is {status}, not {expected}"));
    }
    for device in [Device::Desktop, Device::Phone] {
        tab.resize(device).await;
        faults.extend(tab.overflow().await.map(|overflow| format!("{name} on a {device:?}: {overflow}")));
        for scheme in [Scheme::Light, Scheme::Dark] {
            tab.prefer(scheme).await;
            let view = format!("{name}-{device:?}-{scheme:?}").to_lowercase();
            tab.picture(&view).await;
            faults.extend(tab.barriers().await.into_iter().map(|barrier| format!("{view}: {barrier}")));
        }
    }
    faults.extend(tab.complaints(expected).await.into_iter().map(|complaint| format!("{name}: {complaint}")));
    faults
}

#[tokio::test]
async fn each_page_is_quiet_fits_its_screen_and_has_no_barriers() {
    let company = company().await;
    let tab = Tab::at(&company.server.url).await;
    let mut found = Vec::new();
    for (name, path, status) in OPEN {
        found.extend(faults(&tab, name, path, status).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

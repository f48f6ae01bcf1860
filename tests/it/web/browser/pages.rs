//! Each page, on a desktop and on a phone, in light and in dark.

use super::tab::{Device, Scheme, Tab};
use crate::web::{contexts, world::company};
use std::fmt::Write;

/// A page, and what its pictures are called.
struct Seen {
    name: &'static str,
    path: &'static str,
    status: u64,
}

const fn seen(name: &'static str, path: &'static str) -> Seen {
    Seen { name, path, status: 200 }
}

/// What anybody sees.
const OPEN: &[Seen] = &[
    seen("root", "/"),
    seen("user", "/platform"),
    seen("index", "/platform/stable"),
    seen("index-of-bases", "/data/nightly"),
    seen("mirror", "/root/pypi"),
    seen("project", "/platform/stable/acme-logging"),
    seen("project-of-mirror", "/root/pypi/flask"),
    seen("project-blocked", "/data/stable/acme-auth"),
    seen("version", "/platform/stable/acme-logging/2.4.1"),
    seen("version-rst", "/data/stable/acme-etl/latest"),
    seen("version-yanked", "/platform/stable/acme-auth/4.0.0"),
    seen("version-of-mirror", "/root/pypi/flask/3.1.0"),
    seen("tests", "/platform/stable/acme-logging/2.4.1/+toxresults/acme_logging-2.4.1-py3-none-any.whl"),
    seen("documentation", "/platform/stable/acme-logging/2.4.1/+d/index.html"),
    seen("changelog", "/platform/stable/+changelog"),
    seen("search", "/+search?query=logging"),
    seen("search-none", "/data/stable/+search?query=zebra"),
    seen("search-help", "/+searchhelp"),
    Seen { name: "search-wrong", path: "/+search?query=a&page=x", status: 400 },
    seen("status", "/+status"),
    seen("login", "/+login?next=/platform/stable"),
    Seen { name: "missing", path: "/platform/nothing", status: 404 },
    Seen { name: "protected", path: "/research/vault", status: 401 },
];

/// What the owner of `platform/stable` sees, who is logged in.
const OWN: &[Seen] = &[
    seen("own-root", "/"),
    seen("own-index", "/platform/stable"),
    seen("own-user", "/platform"),
    seen("own-project", "/platform/staging/acme-auth"),
    seen("own-version", "/platform/staging/acme-auth/5.0.0b2"),
    seen("new-index", "/platform/+new-index"),
    seen("edit-user", "/platform/+edit"),
    seen("password", "/platform/+password"),
    seen("tokens", "/platform/+tokens"),
    seen("edit-index", "/platform/staging/+edit"),
    seen("publishers", "/platform/staging/+publishers"),
    seen("upload", "/platform/staging/+upload"),
    seen("delete-index", "/platform/staging/+delete"),
    seen("delete-user", "/platform/+delete"),
    seen("webhooks", "/platform/staging/+webhooks"),
    seen("manage-project", "/platform/staging/acme-auth/+manage"),
    seen("manage-release", "/platform/staging/acme-auth/5.0.0b2/+manage"),
    Seen { name: "forbidden", path: "/research/vault", status: 403 },
];

/// What `root` sees.
const ROOT: &[Seen] = &[
    seen("status-in-full", "/+status"),
    seen("changelog-in-full", "/+changelog"),
    seen("theme", "/+theme"),
    seen("new-user", "/+new-user"),
    seen("webhooks-of-all", "/+webhooks"),
];

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
    let (mut found, mut weights) =
        (Vec::new(), String::from("page\tbytes\tof them the page\tms to the first byte\n"));
    for (person, pages) in [(None, OPEN), (Some(("platform", "secret")), OWN), (Some(("root", "root")), ROOT)]
    {
        if let Some((user, password)) = person {
            tab.log_in(user, password).await;
        }
        for Seen { name, path, status } in pages {
            found.extend(faults(&tab, name, path, *status).await);
            writeln!(weights, "{name}\t{}", tab.weight().await).unwrap();
        }
    }
    tab.log_in("platform", "secret").await;
    found.extend(faults(&tab, "webhook", &company.hook, 200).await);
    let test = contexts::test(&company.server.anonymous()).await;
    found.extend(faults(&tab, "test", &format!("/{test}"), 200).await);
    Tab::note("weights.tsv", &weights);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

//! All that a reader sees of a server's indexes.

use crate::harness::{Client, archive::sha256};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen, by where: texts that are the same on two servers with the same indexes.
#[derive(Debug)]
pub(super) struct Seen(BTreeMap<String, Value>);

impl Seen {
    /// How many files of releases there are.
    pub(super) fn files(&self) -> usize {
        self.0.iter().filter(|(place, _)| place.starts_with("releasefile ")).count()
    }

    /// Fails unless the other server shows the same.
    #[track_caller]
    pub(super) fn compare(&self, other: &Self) {
        let places: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |place: &&&String| self.0.get(**place) != other.0.get(**place);
        let differences: Vec<String> = places
            .iter()
            .filter(differs)
            .map(|place| format!("{place}:\n  {:?}\n  {:?}", self.0.get(*place), other.0.get(*place)))
            .collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// Asks for users, indexes, and for each project its pages, its metadata and every file that they link.
pub(super) async fn everything(client: &Client) -> Seen {
    let mut seen = BTreeMap::new();
    let users = client.get("").await.expect(200).result();
    for (user, config) in users.as_object().unwrap() {
        let mut config = config.clone();
        let indexes = config.as_object_mut().unwrap().remove("indexes").unwrap_or_default();
        if user != "root" {
            seen.insert(format!("user {user}"), config);
        }
        for index in indexes.as_object().into_iter().flat_map(Map::keys) {
            see_index(client, &format!("{user}/{index}"), &mut seen).await;
        }
    }
    Seen(seen)
}

async fn see_index(client: &Client, index: &str, seen: &mut BTreeMap<String, Value>) {
    let mut config = client.get(index).await.expect(200).result();
    let projects = config.as_object_mut().unwrap().remove("projects").unwrap();
    let is_mirror = config["type"] == "mirror";
    seen.insert(format!("index {index}"), config);
    let projects: BTreeSet<&str> =
        projects.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    seen.insert(format!("projects of {index}"), json!(projects));
    for project in projects {
        let versions = client.get(&format!("{index}/{project}?ignore_bases=1")).await.expect(200).result();
        for (version, data) in versions.as_object().unwrap() {
            see_release(client, &format!("{index} {project} {version}"), data, seen).await;
        }
    }
    // What a mirror says while its upstream is away is not all in its rows.
    if is_mirror {
        return;
    }
    // Over its bases.
    for project in ["pkg-a", "pkg-b", "pkg-c", "other", "pushed", "planned"] {
        let path = format!("{index}/+simple/{project}/");
        let page = client.get_with(&path, &[("accept", "text/html")]).await;
        seen.insert(
            format!("page {path}"),
            if page.status == 200 { links(&page.text(), &path) } else { json!(page.status) },
        );
    }
}

async fn see_release(client: &Client, release: &str, data: &Value, seen: &mut BTreeMap<String, Value>) {
    let mut data = data.clone();
    let data = data.as_object_mut().unwrap();
    data.remove("+shadowing");
    let links = data.remove("+links").unwrap_or(json!([]));
    data.retain(|_, value| *value != json!("") && *value != json!([]));
    seen.insert(format!("release {release}"), json!(data));
    for link in links.as_array().unwrap() {
        let mut link = link.clone();
        for key in ["href", "for_href"] {
            if let Some(Value::String(url)) = link.get_mut(key) {
                *url = url.splitn(4, '/').last().unwrap().to_owned();
            }
        }
        let (rel, path) = (link["rel"].as_str().unwrap(), link["href"].as_str().unwrap());
        let file = client.get_with(path, &[("accept", "*/*")]).await.expect(200);
        let content = json!([sha256(&file.body), file.header("last-modified")]);
        seen.insert(format!("{rel} {path}"), json!([link, content]));
    }
}

/// The links of a simple page: path with fragment, text and attributes.
fn links(page: &str, path: &str) -> Value {
    let base = url::Url::parse(&format!("http://server/{path}")).unwrap();
    let link = regex::Regex::new(r"<a ([^>]*)>([^<]*)</a>").unwrap();
    let attribute = regex::Regex::new(r#"([a-z-]+)="([^"]*)""#).unwrap();
    let of_link = |found: regex::Captures<'_>| {
        let mut attributes: BTreeMap<&str, String> = BTreeMap::new();
        for it in attribute.captures_iter(found.get(1).unwrap().as_str()) {
            let (name, value) = (it.get(1).unwrap().as_str(), it.get(2).unwrap().as_str());
            match name {
                "href" => drop(attributes.insert(name, base.join(value).unwrap().to_string())),
                "data-requires-python" | "data-yanked" => drop(attributes.insert(name, value.to_owned())),
                _ => {}
            }
        }
        json!([found.get(2).unwrap().as_str(), attributes])
    };
    let links: BTreeSet<String> = link.captures_iter(page).map(|found| of_link(found).to_string()).collect();
    json!(links)
}

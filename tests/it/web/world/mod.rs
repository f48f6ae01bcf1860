//! A small company and its packages, to look at.

mod packages;

use crate::{
    harness::{Client, Server, Upload, Upstream, archive, receiver::Receiver, upstream},
    search,
};
use packages::{PACKAGES, Package};
use serde_json::{Value, json};
use wheelyard::config::Config;

/// A server with all of it, and the upstream of its mirror.
pub struct Company {
    pub server: Server,
    /// The path of a webhook of `platform/staging`.
    pub hook: String,
    _upstream: Upstream,
    _receiver: Receiver,
}

/// The company with default settings.
pub async fn company() -> Company {
    company_with(|_| {}).await
}

/// Its indexes in the order in which they are made: path, and settings.
fn indexes(upstream: &Upstream) -> [(&'static str, Value); 9] {
    [
        (
            "root/pypi",
            json!({
                "type": "mirror", "mirror_url": upstream.url(), "volatile": false, "title": "Public packages",
                "custom_data": {"group": "Public", "order": 90, "label": "Public packages"},
            }),
        ),
        (
            "platform/stable",
            json!({
                "bases": ["root/pypi"], "volatile": false, "mirror_whitelist": ["requests"],
                "title": "What services may use", "acl_upload": ["platform", "alice"],
                "custom_data": {"group": "Platform", "order": 10, "label": "Platform, stable", "contact": "platform@acme.example"},
            }),
        ),
        (
            "platform/staging",
            json!({
                "bases": ["platform/stable"], "title": "Release candidates of the platform",
                "custom_data": {"group": "Platform", "order": 11, "label": "Platform, staging", "contact": "platform@acme.example"},
            }),
        ),
        (
            "data/stable",
            json!({
                "bases": ["platform/stable"], "volatile": false, "title": "Pipelines and schemas",
                "custom_data": {"group": "Data", "order": 20, "label": "Data, stable", "contact": "data@acme.example"},
            }),
        ),
        (
            "data/nightly",
            json!({
                "bases": ["data/stable", "platform/staging"], "title": "Built every night, kept for a week",
                "custom_data": {"group": "Data", "order": 21, "label": "Data, nightly", "contact": "data@acme.example"},
            }),
        ),
        (
            "research/experiments",
            json!({
                "bases": ["data/stable"], "title": "Notebooks and prototypes", "acl_upload": [":AUTHENTICATED:"],
                "custom_data": {"group": "Research", "order": 30, "label": "Experiments", "contact": "research@acme.example"},
            }),
        ),
        (
            "research/vault",
            json!({
                "bases": ["research/experiments"], "title": "Models under embargo", "acl_read": ["research"],
                "custom_data": {"group": "Research", "order": 31, "label": "Vault", "contact": "research@acme.example"},
            }),
        ),
        ("alice/dev", json!({"bases": ["platform/staging"], "title": "Alice's branches"})),
        ("bob/dev", json!({"bases": ["data/nightly"]})),
    ]
}

/// The company on a server with other settings.
pub async fn company_with(change: impl FnOnce(&mut Config)) -> Company {
    let server = Server::start_with(|config| {
        config.server.webhook_allow = vec!["127.0.0.1".parse().unwrap()];
        change(config);
    });
    let (server, upstream, receiver) = (server.await, public_packages(), Receiver::start(&[]).await);
    for (user, title) in [
        ("platform", "Platform team"),
        ("data", "Data engineering"),
        ("research", "Research"),
        ("alice", "Alice Okafor"),
        ("bob", "Bob Lindqvist"),
    ] {
        let profile = json!({"title": title, "email": format!("{user}@acme.example")});
        server.user(user).await.patch(user, profile).await.expect(200);
    }
    for (index, settings) in indexes(&upstream) {
        owner(&server, index).create_index(index, settings).await;
    }
    let (hooks, url) = ("platform/staging/+webhooks", format!("{}/deploy", receiver.url));
    let made =
        owner(&server, hooks).post(hooks, json!({"url": url, "description": "Deploys candidates"})).await;
    let hook = format!("/{hooks}/{}", made.expect(201).result()["id"].as_str().unwrap());
    for package in &PACKAGES {
        let uploader = owner(&server, package.index);
        for version in package.versions {
            let wheel = archive::wheel_with(package.name, version, &package.metadata(version), "");
            uploader.upload(package.index, package.form(version, wheel)).await.expect(200);
            if !version.contains("dev") {
                let sdist = archive::sdist(package.name, version);
                uploader.upload(package.index, package.form(version, sdist)).await.expect(200);
            }
        }
    }
    let platform = owner(&server, "platform/stable");
    let revoked = json!({"yanked": "Sessions outlived a password change"});
    platform.patch("platform/stable/acme-auth/4.0.0", revoked).await.expect(200);
    platform.upload("platform/stable", documentation()).await.expect(200);
    test_results(&platform).await;
    // What was looked at is known, and what the upstream has beside our own is kept out.
    let reader = server.anonymous();
    for project in ["flask", "httpx", "acme-auth"] {
        reader.simple("root/pypi", project).await;
    }
    let promoted =
        json!({"name": "acme-warehouse", "version": "3.2.0", "targetindex": "research/experiments"});
    owner(&server, "research").json("PUSH", "data/stable", promoted).await.expect(200);
    search::settled(&server).await;
    Company { server, hook, _upstream: upstream, _receiver: receiver }
}

/// Who made an index.
fn owner(server: &Server, index: &str) -> Client {
    match index.split('/').next().unwrap() {
        "root" => server.root(),
        user => server.login(user),
    }
}

/// What the packages of the company need beside each other.
const NEEDED: [&str; 18] = [
    "certifi",
    "charset-normalizer",
    "click",
    "hvac",
    "idna",
    "networkx",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "pyarrow",
    "pyjwt",
    "regex",
    "rich",
    "structlog",
    "tenacity",
    "tomli",
    "urllib3",
    "webauthn",
    "werkzeug",
];

/// What the world has, and what somebody put there under a name of ours.
fn public_packages() -> Upstream {
    let upstream = Upstream::start();
    for (project, versions) in [
        ("flask", &["2.3.3", "3.0.3", "3.1.0"][..]),
        ("httpx", &["0.27.2", "0.28.1"]),
        ("numpy", &["1.26.4", "2.2.0"]),
        ("pandas", &["2.2.3"]),
        ("pydantic", &["2.9.2", "2.10.3"]),
        ("requests", &["2.31.0", "2.32.3"]),
        ("acme-auth", &["99.0"]),
    ] {
        for version in versions {
            let file = upstream::File::wheel(project, version).requires_python(">=3.9");
            upstream.add(project, file.uploaded("2026-10-01T09:30:00Z"));
        }
    }
    for project in NEEDED {
        upstream.add_wheel(project, "1.0");
    }
    upstream
}

/// The documentation of one release.
fn documentation() -> Upload {
    let page = "<!DOCTYPE html><html lang=\"en\"><title>acme-logging</title><link rel=\"stylesheet\" href=\"_static/docs.css\">\
        <h1>acme-logging</h1><p>Structured logs for every service.</p><p><a href=\"guide/fields.html\">Fields</a></p></html>";
    let guide = "<!DOCTYPE html><html lang=\"en\"><title>Fields</title><h1>Fields</h1><p>Every line has a request id.</p></html>";
    let style = "body { font-family: sans-serif; max-width: 40rem; margin: 2rem auto; }";
    let members: [(&str, &[u8]); 3] = [
        ("index.html", page.as_bytes()),
        ("guide/fields.html", guide.as_bytes()),
        ("_static/docs.css", style.as_bytes()),
    ];
    Upload::documentation("acme-logging", Some("2.4.1"), archive::zip(&members))
}

/// One run that passed and one that did not, as tox writes them.
async fn test_results(platform: &Client) {
    let wheel = "acme_logging-2.4.1-py3-none-any.whl";
    let path = platform.file_path("platform/stable", "acme-logging", wheel).await;
    for (python, failed) in [("3.13", false), ("3.14", true)] {
        let result = tox_result(python, failed).to_string();
        platform.send("POST", &path, &[("accept", "application/json")], result).await.expect(200);
    }
}

fn tox_result(python: &str, failed: bool) -> Value {
    let (status, output) = match failed {
        false => (0, "48 passed in 1.92s"),
        true => {
            (1, "FAILED tests/test_fields.py::test_nested - KeyError: 'trace'\n1 failed, 47 passed in 2.03s")
        }
    };
    let name = format!("py{}", python.replace('.', ""));
    json!({
        "reportversion": "1", "toxversion": "4.23.2", "platform": "linux", "host": "build-7.acme.example",
        "testenvs": {name: {
            "python": {"executable": "/usr/bin/python", "version": format!("{python}.0"), "version_info": [3, 13, 0, "final", 0]},
            "installed_packages": ["acme-logging==2.4.1", "pytest==8.3.4", "structlog==24.4.0"],
            "setup": [{"command": ["python", "-m", "pip", "install", "acme-logging"], "output": "", "retcode": 0}],
            "test": [{"command": ["pytest", "-q"], "output": output, "retcode": status}],
        }},
    })
}

impl Package {
    /// The form that twine sends.
    fn form(&self, version: &str, file: (String, Vec<u8>)) -> Upload {
        let mut form = Upload::new(self.name, version, file);
        for (key, value) in self.fields() {
            form = form.with(key, &value);
        }
        form.with("description", &self.readme()).with("description_content_type", self.readme_type())
    }

    /// The same as METADATA has it.
    fn metadata(&self, version: &str) -> String {
        let header = |key: &str| match key {
            "classifiers" => "Classifier".to_owned(),
            "project_urls" => "Project-URL".to_owned(),
            key => {
                key.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<Vec<_>>().join("-")
            }
        };
        let lines: Vec<_> =
            self.fields().iter().map(|(key, value)| format!("{}: {value}\n", header(key))).collect();
        let lines = lines.concat();
        let (name, kind, readme) = (self.name, self.readme_type(), self.readme());
        format!(
            "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}Description-Content-Type: {kind}\n\n{readme}"
        )
    }
}

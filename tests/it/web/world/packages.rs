//! What the company made.

/// A project with its releases on one index.
pub struct Package {
    pub name: &'static str,
    pub index: &'static str,
    pub versions: &'static [&'static str],
    summary: &'static str,
    requires: &'static [&'static str],
    keywords: &'static str,
}

const fn package(
    name: &'static str,
    index: &'static str,
    versions: &'static [&'static str],
    summary: &'static str,
    requires: &'static [&'static str],
    keywords: &'static str,
) -> Package {
    Package { name, index, versions, summary, requires, keywords }
}

pub const PACKAGES: [Package; 18] = [
    package(
        "acme-logging",
        "platform/stable",
        &["2.3.0", "2.4.0", "2.4.1", "3.0.0rc1"],
        "Structured logs with request ids, for every service",
        &[
            "structlog>=24.1",
            "acme-config>=1.6",
            "rich>=13; extra == 'console'",
            "opentelemetry-api>=1.27; extra == 'tracing'",
        ],
        "logging,structured,json",
    ),
    package(
        "acme-config",
        "platform/stable",
        &["1.6.0", "1.7.2", "1.8.0"],
        "Typed settings from files, environment and Vault",
        &["pydantic>=2.9,<3", "hvac>=2.3; extra == 'vault'", "tomli>=2; python_version < '3.11'"],
        "configuration,settings,vault",
    ),
    package(
        "acme-http-client",
        "platform/stable",
        &["0.11.0", "0.12.3"],
        "One HTTP client with retries, deadlines and tracing",
        &["httpx>=0.27", "acme-logging>=2.3", "tenacity>=9"],
        "http,client,retry",
    ),
    package(
        "acme-auth",
        "platform/stable",
        &["3.9.4", "4.0.0", "4.1.0"],
        "Single sign-on and service tokens",
        &["acme-http-client>=0.11", "pyjwt[crypto]>=2.9", "flask>=3; extra == 'flask'"],
        "oidc,sso,tokens",
    ),
    package(
        "acme-feature-flags",
        "platform/stable",
        &["1.0.0", "1.0.2"],
        "Feature flags that are evaluated in the process",
        &["acme-config>=1.7", "acme-http-client"],
        "feature flags,rollout",
    ),
    package(
        "acme-cli",
        "platform/stable",
        &["1.9.0", "2.0.0"],
        "The command line of the platform: deploy, inspect, roll back",
        &["click>=8.1", "rich>=13", "acme-auth>=4.0"],
        "cli,deploy",
    ),
    package(
        "requests",
        "platform/stable",
        &["2.32.3.post1"],
        "Requests with the company's certificates",
        &["certifi", "charset-normalizer>=2,<4", "idna>=2.5,<4", "urllib3>=1.21.1,<3"],
        "http",
    ),
    package(
        "acme-auth",
        "platform/staging",
        &["5.0.0b1", "5.0.0b2"],
        "Single sign-on and service tokens, with passkeys",
        &["acme-http-client>=0.12", "pyjwt[crypto]>=2.9", "webauthn>=2.2"],
        "oidc,sso,passkeys",
    ),
    package(
        "acme-telemetry",
        "platform/staging",
        &["0.3.0.dev2", "0.3.0"],
        "Metrics and traces with one import",
        &["opentelemetry-sdk>=1.27", "acme-config"],
        "metrics,tracing",
    ),
    package(
        "acme-warehouse",
        "data/stable",
        &["3.0.1", "3.1.0", "3.2.0"],
        "Tables of the warehouse as data frames",
        &["pandas>=2.2", "pyarrow>=17", "acme-auth>=4", "acme-schemas"],
        "warehouse,dataframe,sql",
    ),
    package(
        "acme-etl",
        "data/stable",
        &["1.10.0", "1.11.0"],
        "Pipelines that can be run again",
        &["acme-warehouse>=3.1", "networkx>=3"],
        "etl,pipeline",
    ),
    package(
        "acme-schemas",
        "data/stable",
        &["2026.10.1", "2026.11.1"],
        "Contracts between those who write tables and those who read them",
        &["pydantic>=2.9"],
        "schema,contract",
    ),
    package(
        "acme-warehouse",
        "data/nightly",
        &["3.3.0.dev20261125", "3.3.0.dev20261126"],
        "Tables of the warehouse as data frames",
        &["pandas>=2.2", "pyarrow>=18", "acme-auth>=4", "acme-schemas"],
        "warehouse,dataframe,sql",
    ),
    package(
        "embedding-bench",
        "research/experiments",
        &["0.4.0"],
        "How good an embedding is at what we need it for",
        &["numpy>=2", "acme-warehouse>=3"],
        "embedding,benchmark",
    ),
    package(
        "tiny-tokenizer",
        "research/experiments",
        &["0.1.0", "0.2.0"],
        "A tokenizer small enough to read",
        &["regex"],
        "tokenizer,nlp",
    ),
    package(
        "orchid-model",
        "research/vault",
        &["0.9.0"],
        "Weights that nobody outside may see yet",
        &["numpy>=2", "tiny-tokenizer>=0.2"],
        "model",
    ),
    package(
        "acme-cli",
        "alice/dev",
        &["2.1.0a1"],
        "The command line of the platform, with a progress bar",
        &["click>=8.1", "rich>=13", "acme-auth>=5.0.0b1"],
        "cli,deploy",
    ),
    package("scratch", "bob/dev", &["0.0.1"], "Nothing to see here", &[], ""),
];

impl Package {
    /// Metadata of a release but for name, version and description, by the names of form fields.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let page = format!("https://code.acme.example/{}", self.name);
        let mut fields = vec![
            ("summary", self.summary.to_owned()),
            ("home_page", page.clone()),
            ("author", "Acme Engineering".to_owned()),
            ("author_email", "engineering@acme.example".to_owned()),
            ("license", "Apache-2.0".to_owned()),
            ("requires_python", ">=3.10".to_owned()),
            ("project_urls", format!("Changelog, {page}/changelog")),
            ("project_urls", format!("Issues, {page}/issues")),
        ];
        if !self.keywords.is_empty() {
            fields.push(("keywords", self.keywords.to_owned()));
        }
        for classifier in [
            "Development Status :: 5 - Production/Stable",
            "Intended Audience :: Developers",
            "Operating System :: OS Independent",
            "Programming Language :: Python :: 3.12",
            "Programming Language :: Python :: 3.13",
            "Typing :: Typed",
        ] {
            fields.push(("classifiers", classifier.to_owned()));
        }
        fields.extend(self.requires.iter().map(|requirement| ("requires_dist", (*requirement).to_owned())));
        fields
    }

    pub fn readme_type(&self) -> &'static str {
        if self.is_rst() { "text/x-rst" } else { "text/markdown" }
    }

    fn is_rst(&self) -> bool {
        self.name == "acme-etl"
    }

    pub fn readme(&self) -> String {
        let (name, summary, module) = (self.name, self.summary, self.name.replace('-', "_"));
        if self.is_rst() {
            return format!(
                "{name}\n{line}\n\n{summary}. Each step declares what it reads and what it writes, so a run that broke off \
                 goes on where it stopped.\n\nUsage\n-----\n\n.. code-block:: python\n\n    from {module} import Pipeline, step\n\n    \
                 @step(reads=\"orders\", writes=\"orders_daily\")\n    def daily(orders):\n        return orders.groupby(\"day\").sum()\n\n    \
                 Pipeline([daily]).run(day=\"2026-11-26\")\n\nWhat a step may be\n------------------\n\n- a function of data frames;\n- a query, \
                 by ``step.sql``;\n- another pipeline.\n\n.. note::\n\n   Steps must be deterministic. See `the guide <https://docs.acme.example/{name}>`_.\n",
                line = "=".repeat(name.len()),
            );
        }
        format!(
            "# {name}\n\n{summary}. Made by the people who are on call for it, so it does little and says what it does.\n\n\
             ## Installation\n\n```console\n$ pip install {name}\n```\n\n\
             ## Usage\n\n```python\nfrom {module} import setup\n\nclient = setup(service=\"checkout\")\nwith client.request(id=\"8f3c\") as request:\n    \
             request.event(\"paid\", amount=1290, currency=\"EUR\")\n```\n\n\
             ## Settings\n\n| setting | default | meaning |\n| --- | --- | --- |\n| `ACME_SERVICE` | *required* | name of the service, as in the catalogue |\n\
             | `ACME_LEVEL` | `info` | least severity that is told |\n| `ACME_TIMEOUT` | `10` | seconds until a call is given up |\n\
             | `ACME_ENDPOINT` | none | where it reports to; without it, standard error |\n\n\
             ## Rules of the house\n\n1. No global state but what `setup` returns.\n2. Every call has a deadline.\n3. A major version is supported for **eighteen months**.\n\n\
             > Upgrading from the last major version? Read [the changelog](https://code.acme.example/{name}/changelog) first.\n\n\
             - [x] Typed\n- [x] Python 3.10 to 3.14\n- [ ] Free-threaded builds\n"
        )
    }
}

//! The documents say what the program is: its settings, its routes, and links that lead somewhere.

use clap::CommandFactory;
use regex::Regex;
use std::{collections::BTreeSet, fs, path::Path};
use wheelyard::cli::Cli;

const DOCUMENTS: [&str; 11] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/api.md",
    "docs/architecture.md",
    "docs/configuration.md",
    "docs/devpi-compatibility.md",
    "docs/migrating-from-devpi.md",
    "docs/themes.md",
    "docs/web.md",
    "infra/README.md",
    "localstack/README.md",
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A setting as a row of the tables begins.
fn row(flag: &str, variable: &str, default: &str) -> String {
    let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
    format!("| `--{flag}` | `{variable}` | {default} |")
}

#[test]
fn every_setting_stands_in_the_document_with_its_variable_and_default() {
    let root = Cli::command();
    let commands = root.get_subcommands().chain([&root]);
    let settings = commands.flat_map(clap::Command::get_arguments).filter_map(|setting| {
        let variable = setting.get_env()?.to_str().unwrap();
        let default: Vec<_> =
            setting.get_default_values().iter().map(|value| value.to_str().unwrap()).collect();
        Some(row(setting.get_long().unwrap(), variable, &default.join(",")))
    });
    let document = read("docs/configuration.md");
    let beginning = Regex::new(r"(?m)^\| `--.*?` \| `.*?` \| .*? \|").unwrap();
    let told: BTreeSet<_> = beginning.find_iter(&document).map(|row| row.as_str().to_owned()).collect();
    assert_eq!(told, settings.collect());
}

#[test]
fn every_route_stands_in_a_document() {
    let documents = ["docs/api.md", "docs/devpi-compatibility.md", "docs/web.md"].map(read).concat();
    let source = read("src/http/router.rs");
    let route = Regex::new(r#"\.route\("(/[^"]*?)/?","#).unwrap();
    let routes: BTreeSet<_> = route.captures_iter(&source).map(|found| format!("`{}`", &found[1])).collect();
    let untold: Vec<_> = routes.iter().filter(|route| !documents.contains(*route)).collect();
    assert!(!routes.is_empty() && untold.is_empty(), "{untold:?}");
}

#[test]
fn every_option_of_an_index_stands_in_the_table() {
    let source = read("src/model/index/options.rs");
    let option = Regex::new(r#"\("(\w+)", (?:BOTH|STAGE|MIRROR),"#).unwrap();
    let document = read("docs/devpi-compatibility.md");
    let options: Vec<_> = option.captures_iter(&source).map(|found| format!("`{}`", &found[1])).collect();
    let untold: Vec<_> = options.iter().filter(|option| !document.contains(*option)).collect();
    assert!(!options.is_empty() && untold.is_empty(), "{untold:?}");
}

#[test]
fn every_command_of_the_devpi_client_that_a_test_runs_stands_in_the_table() {
    let command = Regex::new(r#"(?:does|cannot)\(&?(?:format!\()?"(\w+)"#).unwrap();
    let document = read("docs/devpi-compatibility.md");
    let tests = ["indexes", "push", "releases", "sessions", "users"];
    let source: String = tests.map(|name| read(&format!("tests/clients/devpi/{name}.rs"))).concat();
    let commands: BTreeSet<_> = command.captures_iter(&source).map(|found| found[1].to_owned()).collect();
    let told = |command: &str| document.contains(&format!("`{command}`"));
    let untold: Vec<_> = commands.iter().filter(|command| !told(command)).collect();
    assert!(commands.len() > 10 && untold.is_empty(), "{untold:?}");
}

#[test]
fn every_event_of_the_changelog_stands_in_its_document() {
    let events = read("src/model/event.rs");
    let name = Regex::new(r#"Self::\w+ => "([\w.]+)""#).unwrap();
    let document = read("docs/api.md");
    let names: Vec<_> = name.captures_iter(&events).map(|found| format!("`{}`", &found[1])).collect();
    let untold: Vec<_> = names.iter().filter(|name| !document.contains(*name)).collect();
    assert!(!names.is_empty() && untold.is_empty(), "{untold:?}");
}

#[test]
fn every_link_between_documents_leads_to_a_file_and_a_heading() {
    let link = Regex::new(r"\]\(([\w./-]*)(?:#([\w-]+))?\)").unwrap();
    let heading = Regex::new(r"(?m)^#+ (.+)$").unwrap();
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect::<String>()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for document in DOCUMENTS {
        for found in link.captures_iter(&read(document)) {
            let target = match &found[1] {
                "" => root.join(document),
                path => root.join(document).parent().unwrap().join(path),
            };
            let text = fs::read_to_string(&target).unwrap_or_default();
            let leads = match found.get(2) {
                None => target.exists(),
                Some(wanted) => heading.captures_iter(&text).any(|it| anchor(&it[1]) == wanted.as_str()),
            };
            if !leads {
                wrong.push(format!("{document}: {}", &found[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

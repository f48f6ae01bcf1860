//! The direction of imports: each module may use what stands left of it (docs/architecture.md).

use regex::Regex;
use std::{collections::HashMap, fs, path::Path};

/// What each top-level module may name by `crate::`.
fn allowed() -> HashMap<&'static str, Vec<&'static str>> {
    let base = vec!["model"];
    // What anybody may time by, who waits for something outside.
    let edge = vec!["model", "error", "config", "timing"];
    let service = [edge.clone(), vec!["store", "blobs", "upstream", "receivers", "cache"]].concat();
    let ops = [service.clone(), vec!["service"]].concat();
    // A handler cannot reach a row or an object but through an operation, where permission is asked.
    let http = [edge.clone(), vec!["cache", "service", "ops"]].concat();
    let cli = [ops.clone(), vec!["ops", "http"]].concat();
    HashMap::from([
        ("model", base.clone()),
        ("error", base.clone()),
        ("timing", Vec::new()),
        ("config", base),
        ("store", edge.clone()),
        ("blobs", edge.clone()),
        ("upstream", edge.clone()),
        ("receivers", edge.clone()),
        ("cache", edge),
        ("service", service),
        ("ops", ops),
        ("http", http),
        ("cli", cli),
    ])
}

/// The settings of an index as they are stored hold passwords of upstreams; everybody else gets what may be shown.
#[test]
fn only_the_store_and_the_model_see_settings_as_they_are_stored() {
    let found = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut seen = found.iter().filter(|(_, source)| source.contains(".stored()")).map(|(name, _)| name);
    assert!(seen.all(|name| name.contains("src/store/") || name.contains("src/model/")));
}

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The modules that a source names: `crate::store::…`, `use crate::{error::…, store::…}`.
fn named(source: &str) -> Vec<String> {
    let path = Regex::new(r"crate::(\w+)").unwrap();
    let mut named: Vec<String> = path.captures_iter(source).map(|found| found[1].to_owned()).collect();
    for (start, _) in source.match_indices("crate::{") {
        let mut depth = 0;
        let mut item = String::new();
        for c in source[start + "crate::".len()..].chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                c if depth == 1 && (c.is_alphanumeric() || c == '_') => item.push(c),
                ':' | ',' if depth == 1 && !item.is_empty() => named.push(std::mem::take(&mut item)),
                _ => {}
            }
            if depth == 0 {
                named.extend((!item.is_empty()).then_some(item));
                break;
            }
            if depth == 1 && c == ',' {
                item.clear();
            }
        }
    }
    named
}

#[test]
fn imports_go_one_way() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    for (file, source) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        let Some(allowed) = allowed.get(module.as_str()) else { continue };
        for name in named(&source) {
            let is_module = self::allowed().contains_key(name.as_str());
            if is_module && name != module && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{file} uses {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_database_edge_speaks_sql_and_each_statement_names_its_function() {
    let statement =
        Regex::new(r#""\s*(-- [\w:]+\n)?\s*(select|insert into|update|delete from|with)\s"#).unwrap();
    let mut wrong = Vec::new();
    for (file, source) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for found in statement.captures_iter(&source) {
            if !file.starts_with("src/store/") || found.get(1).is_none() {
                wrong.push(format!("{file}: {:?}", &found[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_column_of_the_schema_has_a_comment() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut in_table = false;
        for line in source.lines() {
            match line {
                line if line.starts_with("create table") => in_table = true,
                line if line.starts_with(");") => in_table = false,
                line if in_table
                    && !line.trim_start().starts_with("primary key")
                    && !line.contains("-- ") =>
                {
                    wrong.push(line.to_owned());
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! What a tox result says, read leniently: anybody may have sent it (tox, `ResultLog`; devpi-web, `view_helpers.py`).

use regex::Regex;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// Most environments, and most commands of one, that are shown.
const MOST: usize = 200;

/// Most of the output of one command that is shown, in bytes: its end.
const MOST_OUTPUT: usize = 64 << 10;

/// Most output of a run that is shown, in bytes.
const MOST_OUTPUTS: usize = 2 << 20;

/// Longest other text, in bytes.
const LONGEST: usize = 1000;

/// One run of tests of a release file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToxRun {
    pub host: String,
    pub platform: String,
    pub tox_version: String,
    pub environments: Vec<Environment>,
}

/// What happened in one environment of tox, like `py313`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    pub name: String,
    /// Whether all went well; `None`: nothing was run.
    pub is_passed: Option<bool>,
    /// What Python says of itself.
    pub python: String,
    pub packages: Vec<String>,
    pub setup: Vec<Command>,
    pub test: Vec<Command>,
}

/// A command that prepared an environment or tested in it, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    pub line: String,
    pub output: String,
    /// The beginning of the output is left out.
    pub is_cut: bool,
    /// As it was sent.
    pub exit_code: String,
    pub is_failed: bool,
}

impl ToxRun {
    /// Reads what was sent; what is of another shape is left out.
    pub fn read(sent: &Value) -> Self {
        let mut room = MOST_OUTPUTS;
        let environments = sent.get("testenvs").and_then(Value::as_object).into_iter().flatten();
        Self {
            host: text(sent.get("host")),
            platform: text(sent.get("platform")),
            tox_version: text(sent.get("toxversion")),
            environments: environments
                .filter_map(|(name, sent)| Some(Environment::read(name, sent.as_object()?, &mut room)))
                .take(MOST)
                .collect(),
        }
    }

    /// About what it takes in memory, in bytes.
    pub fn weight(&self) -> usize {
        let commands = self.environments.iter().flat_map(|it| it.setup.iter().chain(&it.test));
        let commands: usize = commands.map(|it| it.output.len() + it.line.len() + 100).sum();
        let packages = self.environments.iter().flat_map(|it| &it.packages).map(|it| it.len() + 24);
        commands + packages.sum::<usize>() + self.environments.len() * 200
    }

    /// Whether every environment passed; `None`: nothing was run.
    pub fn is_passed(&self) -> Option<bool> {
        let known: Vec<bool> = self.environments.iter().filter_map(|it| it.is_passed).collect();
        (!known.is_empty()).then(|| known.into_iter().all(|it| it))
    }
}

impl Environment {
    fn read(name: &str, sent: &Map<String, Value>, room: &mut usize) -> Self {
        let mut commands = |key| -> Vec<Command> {
            let all = sent.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_object).take(MOST).map(|command| Command::read(command, room)).collect()
        };
        let (setup, test) = (commands("setup"), commands("test"));
        let packages = sent.get("installed_packages").and_then(Value::as_array).into_iter().flatten();
        let stated = sent.get("result").and_then(|result| result.get("success")).and_then(Value::as_bool);
        let is_failed = setup.iter().chain(&test).any(|command| command.is_failed);
        let python = sent.get("python");
        let python = |key| text(python.and_then(|python| python.get(key)));
        Self {
            name: cut(name),
            is_passed: match stated {
                Some(stated) => Some(stated && !is_failed),
                None => (is_failed || !test.is_empty()).then_some(!is_failed),
            },
            python: [python("version"), python("executable")]
                .into_iter()
                .find(|it| !it.is_empty())
                .unwrap_or_default(),
            packages: packages.map(|package| text(Some(package))).take(1000).collect(),
            setup,
            test,
        }
    }
}

impl Command {
    fn read(sent: &Map<String, Value>, room: &mut usize) -> Self {
        let line = match sent.get("command") {
            Some(Value::Array(words)) => {
                words.iter().take(MOST).map(|word| text(Some(word))).collect::<Vec<_>>().join(" ")
            }
            line => text(line),
        };
        let parts = ["output", "err"].map(|key| sent.get(key).and_then(Value::as_str).unwrap_or_default());
        let most = MOST_OUTPUT.min(*room);
        let mut output = String::new();
        let mut is_cut = false;
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let mut start = part.len().saturating_sub(most);
            while !part.is_char_boundary(start) {
                start += 1;
            }
            is_cut |= start > 0;
            output.push_str(&plain(&part[start..]));
        }
        *room = room.saturating_sub(output.len());
        let exit_code = text(sent.get("retcode"));
        let is_failed = !matches!(exit_code.as_str(), "" | "0" | "null");
        Self { line: cut(&line), output, is_cut, exit_code, is_failed }
    }
}

/// A text, or a number as one.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => cut(&plain(&text.chars().take(LONGEST).collect::<String>())),
        Some(number @ (Value::Number(_) | Value::Bool(_))) => number.to_string(),
        _ => String::new(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Without what colours a terminal or moves in it (ECMA-48), and other control characters.
fn plain(text: &str) -> String {
    static SEQUENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_=>]|[ -/][0-~])").ok()
    });
    let text = SEQUENCE.as_ref().map_or(text.into(), |sequence| sequence.replace_all(text, ""));
    let is_bidi = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| (!c.is_control() || matches!(c, '\n' | '\t')) && !is_bidi(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_tells_of_each_environment_whether_it_passed() {
        let command = |code: Value| json!({"command": ["pytest", "-q"], "output": "\u{1b}[32mok\u{1b}[0m\r\n", "retcode": code});
        let run = ToxRun::read(&json!({
            "host": "box", "platform": "linux", "toxversion": "4.1",
            "testenvs": {
                "py312": {"python": {"version": "3.12.1"}, "installed_packages": ["a==1"], "setup": [command(json!(0))], "test": [command(json!("0"))]},
                "py313": {"test": [command(json!(1))]},
                "lint": {"result": {"success": false}},
                "none": {"setup": []},
                "odd": 5,
            },
        }));
        let states: Vec<_> = run.environments.iter().map(|it| (it.name.as_str(), it.is_passed)).collect();
        assert_eq!(
            states,
            [("py312", Some(true)), ("py313", Some(false)), ("lint", Some(false)), ("none", None)]
                .into_iter()
                .collect::<std::collections::BTreeMap<_, _>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        let passed = run.environments.iter().find(|it| it.name == "py312").unwrap();
        assert_eq!(
            (passed.python.as_str(), passed.packages.as_slice()),
            ("3.12.1", &["a==1".to_owned()][..])
        );
        assert_eq!((passed.test[0].line.as_str(), passed.test[0].output.as_str()), ("pytest -q", "ok\n"));
        assert_eq!(run.is_passed(), Some(false));
    }

    #[test]
    fn whatever_is_sent_is_read_and_bounded() {
        for sent in [
            json!(null),
            json!([]),
            json!({"testenvs": []}),
            json!({"testenvs": {"a": {"test": 1, "python": [], "setup": [1, {"command": {}}]}}}),
        ] {
            assert!(ToxRun::read(&sent).is_passed().is_none());
        }
        let command = json!({"command": "x".repeat(10_000), "output": "ä".repeat(1 << 20), "retcode": "x".repeat(10_000)});
        let environment = json!({"test": vec![command; 50]});
        let many: Map<String, Value> =
            (0..3).map(|number| (number.to_string(), environment.clone())).collect();
        let run = ToxRun::read(&json!({"testenvs": many, "host": "h".repeat(10_000)}));
        assert!(run.weight() < 3 * MOST_OUTPUTS && run.environments[0].test[0].is_cut, "{}", run.weight());
        assert_eq!(run.host.len(), LONGEST);
    }
}

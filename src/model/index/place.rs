//! Where an index stands among others where people see them, as its `custom_data` say (devpi keeps these, and leaves
//! what they mean to whoever reads them).

use super::Index;
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest label and name of a group, in characters.
const LONGEST: usize = 100;

/// What the object `custom_data` of an index says: `{"group": "Products", "order": 1, "label": "Shop"}`, each if it likes.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Place {
    /// The heading below which it stands.
    pub group: Option<String>,
    /// Lower comes first; without it last.
    pub order: Option<f64>,
    /// What people call it.
    pub label: Option<String>,
}

/// Indexes that stand below one heading.
#[derive(Debug)]
pub struct Group<'a> {
    pub name: String,
    pub indexes: Vec<&'a Index>,
}

impl Place {
    /// Reads `custom_data`; of another type than told above nothing is said.
    pub fn new(custom_data: Option<&Value>) -> Self {
        let text = |key| {
            let text = custom_data?.get(key)?.as_str()?;
            let text: String = text.chars().filter(|c| is_shown(*c)).collect();
            let text: String = text.trim().chars().take(LONGEST).collect();
            (!text.is_empty()).then_some(text)
        };
        Self {
            group: text("group"),
            order: custom_data.and_then(|data| data.get("order")?.as_f64()),
            label: text("label"),
        }
    }
}

/// Whether a character shows itself, and only itself: none that controls, none that turns the direction of a line around,
/// and none that XML forbids.
fn is_shown(c: char) -> bool {
    let is_direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !is_direction && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// The groups, that with the lowest `order` first and else by name, and the indexes that are in none; both by order, and
/// then by name.
pub fn arrange<'a>(indexes: impl IntoIterator<Item = &'a Index>) -> (Vec<Group<'a>>, Vec<&'a Index>) {
    let order = |index: &Index| index.place.order.unwrap_or(f64::INFINITY);
    let mut indexes: Vec<&Index> = indexes.into_iter().collect();
    indexes.sort_by(|a, b| order(a).total_cmp(&order(b)).then_with(|| a.name.cmp(&b.name)));
    let mut by_name: BTreeMap<&str, Vec<&Index>> = BTreeMap::new();
    let mut others = Vec::new();
    for index in indexes {
        match &index.place.group {
            Some(group) => by_name.entry(group).or_default().push(index),
            None => others.push(index),
        }
    }
    let mut groups: Vec<_> =
        by_name.into_iter().map(|(name, indexes)| Group { name: name.to_owned(), indexes }).collect();
    // Stable: those of one order stay sorted by name.
    groups.sort_by(|a, b| order(a.indexes[0]).total_cmp(&order(b.indexes[0])));
    (groups, others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{index::Settings, serial::Serial};
    use serde_json::json;

    fn index(name: &str, custom_data: &Value) -> Index {
        let name = name.parse().unwrap();
        let options = json!({"custom_data": custom_data});
        let settings = Settings::create(&name, options.as_object().unwrap()).unwrap();
        Index::new(1, name, settings, Serial(1))
    }

    #[test]
    fn groups_come_by_their_lowest_order_and_indexes_by_theirs() {
        let indexes = [
            index("a/none", &json!("text")),
            index("b/late", &json!({"order": 9})),
            index("b/early", &json!({"order": 1})),
            index("c/two", &json!({"group": "Shop", "order": 2})),
            index("c/one", &json!({"group": "Shop", "order": 1.5})),
            index("c/three", &json!({"group": "Shop"})),
            index("d/x", &json!({"group": "Base", "order": "1"})),
            index("d/y", &json!({"group": " Alpha "})),
            index("e/first", &json!({"group": "Zoo", "order": -1})),
        ];
        let (groups, others) = arrange(&indexes);
        let names = |indexes: &[&Index]| {
            indexes.iter().map(|index| index.name.to_string()).collect::<Vec<_>>().join(" ")
        };
        let groups: Vec<_> =
            groups.iter().map(|group| format!("{}: {}", group.name, names(&group.indexes))).collect();
        assert_eq!(
            groups,
            ["Zoo: e/first", "Shop: c/one c/two c/three", "Alpha: d/y", "Base: d/x"],
            "{groups:?}"
        );
        assert_eq!(names(&others), "b/early b/late a/none");
    }

    #[test]
    fn what_is_of_another_type_says_nothing() {
        for data in [
            json!(null),
            json!([1]),
            json!("x"),
            json!({"group": 1, "order": "2", "label": {}}),
            json!({"label": " "}),
        ] {
            assert_eq!(Place::new(Some(&data)), Place::default(), "{data}");
        }
        let label = format!("a\n\u{202e}b\u{0}\u{ffff}{}", "é".repeat(200));
        let label = Place::new(Some(&json!({"label": label}))).label;
        assert_eq!(label, Some(format!("ab{}", "é".repeat(98))));
        let place = Place::new(Some(&json!({"group": "g", "order": 0, "label": "l", "more": 1})));
        assert_eq!(place, Place { group: Some("g".into()), order: Some(0.0), label: Some("l".into()) });
    }
}

//! The stage resolution order: in which order an index and its bases answer (devpi: `model.py`, `BaseStage.sro`).

use super::{index::Index, name::IndexName};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

/// What a lookup knows about the name of an index.
#[derive(Debug, Clone)]
pub enum Known {
    Index(Arc<Index>),
    /// There is no such index.
    Missing,
    /// It has to be looked up first.
    Unknown,
}

/// The resolution order from `start` on: breadth-first over bases, each index once, missing ones skipped.
///
/// # Errors
/// The names that have to be looked up before the order can be told.
pub fn order(
    start: &IndexName,
    lookup: impl Fn(&IndexName) -> Known,
) -> Result<Vec<Arc<Index>>, Vec<IndexName>> {
    let mut queue = VecDeque::from([start.clone()]);
    let mut visited = HashSet::new();
    let (mut order, mut unknown) = (Vec::new(), Vec::new());
    while let Some(name) = queue.pop_front() {
        if !visited.insert(name.clone()) {
            continue;
        }
        match lookup(&name) {
            Known::Index(index) => {
                queue.extend(index.bases.iter().filter(|base| !visited.contains(*base)).cloned());
                order.push(index);
            }
            Known::Missing => {}
            Known::Unknown => unknown.push(name),
        }
    }
    if unknown.is_empty() { Ok(order) } else { Err(unknown) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{index::Settings, serial::Serial};
    use serde_json::json;
    use std::collections::HashMap;

    fn order_of(bases: &[(&str, &str)], start: &str) -> Vec<String> {
        let known: HashMap<IndexName, Arc<Index>> = bases
            .iter()
            .map(|(name, bases)| {
                let name: IndexName = name.parse().unwrap();
                let settings = Settings::create(&name, json!({"bases": bases}).as_object().unwrap()).unwrap();
                (name.clone(), Arc::new(Index::new(1, name, settings, Serial(1))))
            })
            .collect();
        let lookup = |name: &IndexName| known.get(name).cloned().map_or(Known::Missing, Known::Index);
        let order = order(&start.parse().unwrap(), lookup).unwrap();
        order.iter().map(|index| index.name.to_string()).collect()
    }

    #[test]
    fn bases_come_breadth_first_and_each_once() {
        for (bases, start, expected) in [
            (vec![("a/a", "")], "a/a", "a/a"),
            (vec![("a/a", "a/b,a/c"), ("a/b", "a/d"), ("a/c", "a/d"), ("a/d", "")], "a/a", "a/a a/b a/c a/d"),
            (vec![("a/a", "a/b,a/c"), ("a/b", "a/d"), ("a/c", ""), ("a/d", "")], "a/a", "a/a a/b a/c a/d"),
            (vec![("a/a", "a/b"), ("a/b", "a/a")], "a/a", "a/a a/b"),
            (vec![("a/a", "a/a")], "a/a", "a/a"),
            (vec![("a/a", "x/gone,a/b"), ("a/b", "")], "a/a", "a/a a/b"),
        ] {
            assert_eq!(order_of(&bases, start).join(" "), expected, "{bases:?}");
        }
    }

    #[test]
    fn names_not_known_yet_are_told_together() {
        let unknown = order(&"a/a".parse().unwrap(), |_| Known::Unknown).unwrap_err();
        assert_eq!(unknown, ["a/a".parse().unwrap()]);
    }
}

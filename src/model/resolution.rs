//! The stage resolution order: in which order an index and its bases answer (devpi: `model.py`, `BaseStage.sro`).

use super::{
    index::Index,
    name::{IndexName, ProjectName},
};
use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::Arc,
};

/// Which part of what an index resolves to is shown (DESIGN, Mirrors).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// `+simple/`: everything.
    All,
    /// `+hosted/`: what comes from no mirror.
    Hosted,
    /// `+own/`: the index alone, without its bases.
    Own,
}

impl View {
    /// The part of the path that names it.
    pub fn segment(self) -> &'static str {
        match self {
            Self::All => "+simple",
            Self::Hosted => "+hosted",
            Self::Own => "+own",
        }
    }

    /// Whether it shows this index when `asked` is asked for.
    pub fn has(self, asked: &IndexName, index: &Index) -> bool {
        match self {
            Self::All => true,
            Self::Hosted => index.mirror.is_none(),
            Self::Own => index.name == *asked,
        }
    }
}

/// What a lookup knows about the name of an index.
#[derive(Debug, Clone)]
pub enum Known {
    Index(Arc<Index>),
    /// There is no such index.
    Missing,
    /// It has to be looked up first.
    Unknown,
}

/// The resolution order from `start` on: breadth-first over bases, each index once, missing ones skipped; all mirrors come
/// after all stages, in the order met.
///
/// # Errors
/// The names that have to be looked up before the order can be told.
pub fn order(
    start: &IndexName,
    lookup: impl Fn(&IndexName) -> Known,
) -> Result<Vec<Arc<Index>>, Vec<IndexName>> {
    let mut queue = VecDeque::from([start.clone()]);
    let mut visited = HashSet::new();
    let (mut order, mut mirrors, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(name) = queue.pop_front() {
        if !visited.insert(name.clone()) {
            continue;
        }
        match lookup(&name) {
            Known::Index(index) => {
                queue.extend(index.bases.iter().filter(|base| !visited.contains(*base)).cloned());
                if index.mirror.is_some() { &mut mirrors } else { &mut order }.push(index);
            }
            Known::Missing => {}
            Known::Unknown => unknown.push(name),
        }
    }
    order.append(&mut mirrors);
    if unknown.is_empty() { Ok(order) } else { Err(unknown) }
}

/// The projects of which files of mirrors may stand beside those of stages, `*` for all, where this is the order.
///
/// Those of all stages are added up, or only that of the first counts, as the first says. devpi calls the latter an
/// intersection, but lets through what is on the first before it looks at any other (`filter_versions_by_whitelist`).
pub fn whitelist(order: &[Arc<Index>]) -> BTreeSet<&str> {
    let union = order.first().is_some_and(|asked| asked.whitelist_union);
    let stages = order.iter().filter(|index| index.mirror.is_none());
    let counting = stages.take(if union { usize::MAX } else { 1 });
    counting.flat_map(|stage| &stage.whitelist).map(String::as_str).collect()
}

/// Whether mirrors are kept out of a project because a stage has it (devpi: `model.py`, `filter_versions_by_whitelist`).
///
/// `order` is the whole order of the index that is asked, whose way of inheriting whitelists counts; `has` tells of a
/// stage whether it has the project, with files or without.
pub fn is_private(order: &[Arc<Index>], project: &ProjectName, has: impl Fn(&Index) -> bool) -> bool {
    let whitelist = whitelist(order);
    let stages = order.iter().filter(|index| index.mirror.is_none());
    !whitelist.contains("*")
        && !whitelist.contains(project.as_str())
        && stages.into_iter().any(|stage| has(stage))
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
    fn mirrors_come_last_in_the_order_met() {
        let index = |name: &str, options: serde_json::Value| {
            let name: IndexName = name.parse().unwrap();
            let settings = Settings::create(&name, options.as_object().unwrap()).unwrap();
            Arc::new(Index::new(1, name, settings, Serial(1)))
        };
        let mirror = json!({"type": "mirror"});
        let known = [
            index("a/a", json!({"bases": "a/m,a/b"})),
            index("a/m", mirror.clone()),
            index("a/b", json!({"bases": "a/n,a/c,a/m"})),
            index("a/n", mirror),
            index("a/c", json!({})),
        ];
        let lookup = |name: &IndexName| {
            known.iter().find(|index| index.name == *name).cloned().map_or(Known::Missing, Known::Index)
        };
        let order = order(&"a/a".parse().unwrap(), lookup).unwrap();
        let names: Vec<_> = order.iter().map(|index| index.name.to_string()).collect();
        assert_eq!(names, ["a/a", "a/b", "a/c", "a/m", "a/n"]);
    }

    #[test]
    fn a_project_of_a_stage_is_private_unless_the_whitelists_say_otherwise() {
        let p = ProjectName::parse("p").unwrap();
        // Whitelists of the asked index and its base, how the asked one inherits, who has the project.
        for (asked, base, inheritance, having, private) in [
            ("", "", "intersection", "a/a", true),
            ("", "", "intersection", "a/b", true),
            ("", "", "intersection", "", false),
            ("p", "", "intersection", "a/a", false),
            ("*", "", "intersection", "a/b", false),
            ("q", "p", "intersection", "a/b", true),
            ("", "p", "union", "a/a", false),
            ("", "*", "union", "a/b", false),
            ("", "p", "intersection", "a/a", true),
        ] {
            let index = |name: &str, whitelist: &str| {
                let name: IndexName = name.parse().unwrap();
                let options =
                    json!({"mirror_whitelist": whitelist, "mirror_whitelist_inheritance": inheritance});
                let settings = Settings::create(&name, options.as_object().unwrap()).unwrap();
                Arc::new(Index::new(1, name, settings, Serial(1)))
            };
            let order = [index("a/a", asked), index("a/b", base)];
            let found = is_private(&order, &p, |index| index.name.to_string() == having);
            assert_eq!(found, private, "{asked:?} {base:?} {inheritance} {having:?}");
        }
    }

    #[test]
    fn names_not_known_yet_are_told_together() {
        let unknown = order(&"a/a".parse().unwrap(), |_| Known::Unknown).unwrap_err();
        assert_eq!(unknown, ["a/a".parse().unwrap()]);
    }
}

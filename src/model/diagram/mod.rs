//! The inheritance of indexes as a picture: boxes are indexes, arrows lead from an index to its bases, in order.
//!
//! [`Graph`] says what is drawn, [`layout`] where. Neither knows how it looks: that is for templates.

mod cells;
mod drawing;
mod layout;
mod pack;

pub use layout::Layout;

use super::{index::Index, name::IndexName};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Heirs, the indexes that have it as a base, that are drawn around an index at most.
pub const MOST_HEIRS: usize = 40;

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Stage,
    Mirror,
    /// A base that does not exist.
    Missing,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Mirror => "mirror",
            Self::Missing => "missing",
        }
    }
}

/// An index, and where its arrows lead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    pub name: IndexName,
    /// What people call it, where that is not its name.
    pub label: Option<String>,
    pub kind: Kind,
    /// In order; each is a node of the graph.
    pub bases: Vec<IndexName>,
}

/// All that a picture depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Graph {
    pub nodes: Vec<Node>,
    /// The index that is marked.
    pub current: Option<IndexName>,
}

impl Graph {
    /// All indexes that inherit or are inherited from.
    ///
    /// `indexes` are those that the viewer may read, `missing` the bases that do not exist; other bases are left out.
    pub fn whole(indexes: &[&Index], missing: &HashSet<IndexName>) -> Self {
        let mut nodes = nodes(indexes, missing);
        let inherited: HashSet<IndexName> = nodes.iter().flat_map(|node| node.bases.clone()).collect();
        nodes.retain(|node| !node.bases.is_empty() || inherited.contains(&node.name));
        Self { nodes, current: None }
    }

    /// An index with all that it inherits from, over however many steps, and those that inherit from it directly, of them
    /// the first [`MOST_HEIRS`] by name.
    pub fn around(current: &IndexName, indexes: &[&Index], missing: &HashSet<IndexName>) -> Self {
        let mut nodes = nodes(indexes, missing);
        let by_name: HashMap<&IndexName, &Node> = nodes.iter().map(|node| (&node.name, node)).collect();
        let (mut drawn, mut next) = (BTreeSet::new(), vec![current]);
        while let Some(name) = next.pop() {
            if drawn.insert(name.clone()) {
                next.extend(by_name.get(name).into_iter().flat_map(|node| &node.bases));
            }
        }
        let heirs = nodes.iter().filter(|node| node.bases.contains(current) && !drawn.contains(&node.name));
        let heirs: Vec<_> = heirs.take(MOST_HEIRS).map(|node| node.name.clone()).collect();
        drawn.extend(heirs);
        nodes.retain(|node| drawn.contains(&node.name));
        for node in &mut nodes {
            node.bases.retain(|base| drawn.contains(base));
        }
        Self { nodes, current: Some(current.clone()) }
    }

    /// Where everything stands; `None` if there is no arrow, or so much that nobody could read it.
    pub fn layout(&self) -> Option<Layout> {
        layout::layout(self)
    }
}

/// The nodes of the indexes, and behind them those of missing bases. What inherits from itself has no arrow for it.
fn nodes(indexes: &[&Index], missing: &HashSet<IndexName>) -> Vec<Node> {
    let known: HashSet<&IndexName> = indexes.iter().map(|index| &index.name).chain(missing).collect();
    let node = |index: &Index| {
        let mut seen = HashSet::from([&index.name]);
        let bases = index.bases.iter().filter(|base| known.contains(base) && seen.insert(base));
        Node {
            name: index.name.clone(),
            label: index.place.label.clone(),
            kind: if index.mirror.is_some() { Kind::Mirror } else { Kind::Stage },
            bases: bases.cloned().collect(),
        }
    };
    let mut nodes: Vec<_> = indexes.iter().copied().map(node).collect();
    let named: BTreeSet<&IndexName> = missing.iter().collect();
    let missing =
        |name: &IndexName| Node { name: name.clone(), label: None, kind: Kind::Missing, bases: Vec::new() };
    nodes.extend(named.into_iter().map(missing));
    nodes
}

#[cfg(test)]
mod tests;

//! What the layers of a picture are made of: single indexes, and frames of those that are alike.

use super::{Graph, Kind, Node};
use crate::model::name::IndexName;
use std::collections::{HashMap, HashSet};

/// Indexes with the same bases, from which none inherits, that stand together in one frame when they are as many.
const ALIKE: usize = 3;

/// About how many times as many boxes stand below each other in a frame as beside each other.
const FRAME_RATIO: usize = 3;
const MOST_COLUMNS: usize = 4;

const LINE: f64 = 38.0;
const TWO_LINES: f64 = 48.0;

/// Between boxes of a layer or a frame, in pixels.
pub(super) const GAP: f64 = 14.0;

/// Between arrows at the side of a box, in pixels.
pub(super) const PORT: f64 = 17.0;

/// One box, or one frame with boxes, which the layers are made of.
pub(super) struct Cell<'a> {
    pub nodes: Vec<&'a Node>,
    pub columns: usize,
    pub width: f64,
    pub height: f64,
    /// Indexes of the cells that its arrows lead to.
    pub bases: Vec<usize>,
}

/// Puts indexes that are alike into frames.
pub(super) fn cells(graph: &Graph, width: f64) -> Vec<Cell<'_>> {
    let inherited: HashSet<&IndexName> = graph.nodes.iter().flat_map(|node| &node.bases).collect();
    let is_leaf = |node: &Node| node.kind == Kind::Stage && !inherited.contains(&node.name);
    let mut alike: HashMap<&[IndexName], Vec<&Node>> = HashMap::new();
    for node in graph.nodes.iter().filter(|node| is_leaf(node)) {
        alike.entry(&node.bases).or_default().push(node);
    }
    let mut groups: Vec<Vec<&Node>> = Vec::new();
    for node in &graph.nodes {
        match alike.get(node.bases.as_slice()).filter(|alike| is_leaf(node) && alike.len() >= ALIKE) {
            Some(alike) if alike[0].name == node.name => groups.push(alike.clone()),
            Some(_) => {}
            None => groups.push(vec![node]),
        }
    }
    let place_of: HashMap<&IndexName, usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(place, nodes)| nodes.iter().map(move |node| (&node.name, place)))
        .collect();
    groups.iter().map(|nodes| cell_of(nodes.clone(), &place_of, width)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
fn cell_of<'a>(nodes: Vec<&'a Node>, place_of: &HashMap<&IndexName, usize>, width: f64) -> Cell<'a> {
    let bases: Vec<usize> = nodes[0].bases.iter().map(|base| place_of[base]).collect();
    let ports = bases.len() as f64 * PORT + 8.0;
    if nodes.len() == 1 {
        let height = if nodes[0].label.is_some() { TWO_LINES } else { LINE };
        return Cell { nodes, columns: 1, width, height: height.max(ports), bases };
    }
    let fits = |columns: &usize| columns * columns * FRAME_RATIO >= nodes.len();
    let columns = (1..MOST_COLUMNS).find(fits).unwrap_or(MOST_COLUMNS);
    let rows = nodes.len().div_ceil(columns) as f64;
    let line = if nodes.iter().any(|node| node.label.is_some()) { TWO_LINES } else { LINE };
    let height = (rows * (line + GAP) + GAP).max(ports);
    Cell { columns, width: columns as f64 * (width + GAP) + GAP, height, bases, nodes }
}

/// About how much work the layers are: the layers that arrows go through.
pub(super) fn steps(cells: &[Cell<'_>]) -> usize {
    fn depth(cells: &[Cell<'_>], place: usize, known: &mut [Option<usize>]) -> usize {
        if let Some(depth) = known[place] {
            return depth;
        }
        // Where bases go round in a circle, it is broken anywhere.
        known[place] = Some(0);
        let found = cells[place].bases.iter().map(|base| depth(cells, *base, known) + 1).max().unwrap_or(0);
        known[place] = Some(found);
        found
    }
    let mut known = vec![None; cells.len()];
    let depths: Vec<usize> = (0..cells.len()).map(|place| depth(cells, place, &mut known)).collect();
    let spans = cells.iter().zip(&depths).flat_map(|(cell, from)| {
        cell.bases.iter().map(|base| depths[*base].abs_diff(*from).max(1)).collect::<Vec<_>>()
    });
    cells.len() + spans.sum::<usize>()
}

/// The cells that hang together, each part in the order of the cells.
pub(super) fn parts(cells: &[Cell<'_>]) -> Vec<Vec<usize>> {
    let mut neighbours = vec![Vec::new(); cells.len()];
    for (place, cell) in cells.iter().enumerate() {
        for base in &cell.bases {
            neighbours[place].push(*base);
            neighbours[*base].push(place);
        }
    }
    let mut seen = vec![false; cells.len()];
    let mut parts = Vec::new();
    for start in 0..cells.len() {
        let (mut part, mut next) = (Vec::new(), vec![start]);
        while let Some(place) = next.pop() {
            if !std::mem::replace(&mut seen[place], true) {
                part.push(place);
                next.extend(&neighbours[place]);
            }
        }
        part.sort_unstable();
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts
}

//! Where the boxes and arrows of a graph stand: from left to right in layers (Sugiyama et al., by the crate `dagre`), each
//! part that hangs together by itself.

use super::{Graph, Kind, Node, pack};
use crate::model::name::IndexName;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir, graph};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// Boxes, and steps of arrows from layer to layer, beyond which a picture is not made.
const MOST_NODES: usize = 400;
const MOST_STEPS: usize = 1_500;

/// Indexes with the same bases, from which none inherits, that stand together in one frame when they are as many.
const ALIKE: usize = 3;

/// About how many times as many boxes stand below each other in a frame as beside each other.
const FRAME_RATIO: usize = 3;
const MOST_COLUMNS: usize = 4;

const CHARACTER: f64 = 7.6;
const NARROWEST: f64 = 96.0;
const WIDEST: f64 = 232.0;
const PADDING: f64 = 32.0;
const LINE: f64 = 38.0;
const TWO_LINES: f64 = 48.0;
/// Between boxes of a layer or a frame, and between layers.
const GAP: f64 = 14.0;
const LAYER_GAP: f64 = 60.0;
/// Between numbers at the side of a box, and how far they stand from it.
const PORT: f64 = 17.0;
const PORT_OFFSET: f64 = 11.0;

/// A picture; all lengths are in pixels at its natural size.
#[derive(Debug, Serialize)]
pub struct Layout {
    pub width: i32,
    pub height: i32,
    pub parts: Vec<Part>,
}

/// Boxes that hang together; their places are counted from its own.
#[derive(Debug, Default, Serialize)]
pub struct Part {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
    pub frames: Vec<Frame>,
    pub arrows: Vec<Arrow>,
    pub boxes: Vec<Shape>,
}

/// Boxes that share their arrows.
#[derive(Debug, Serialize)]
pub struct Frame {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

/// An index.
#[derive(Debug, Serialize)]
pub struct Shape {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
    pub name: String,
    /// The path of its page, percent-encoded; `None`: it has none.
    pub path: Option<String>,
    /// `stage`, `mirror` or `missing`.
    pub kind: &'static str,
    pub is_current: bool,
    /// What stands in it, shortened to fit.
    pub title: String,
    /// A second line: its name, where the first is a label.
    pub subtitle: Option<String>,
    pub bases: Vec<String>,
}

/// From an index, or a frame of them, to a base.
#[derive(Debug, Serialize)]
pub struct Arrow {
    /// As in the attribute `d` of SVG's `path`.
    pub path: String,
    /// Its place among several, from 1, and where that is written.
    pub number: Option<(usize, i32, i32)>,
    /// It begins or ends at the marked index.
    pub is_current: bool,
}

/// One box, or one frame with boxes, which the layers are made of.
struct Cell<'a> {
    nodes: Vec<&'a Node>,
    columns: usize,
    width: f64,
    height: f64,
    /// Indexes of the cells that its arrows lead to.
    bases: Vec<usize>,
}

pub(super) fn layout(graph: &Graph) -> Option<Layout> {
    if graph.nodes.len() > MOST_NODES || graph.nodes.iter().all(|node| node.bases.is_empty()) {
        return None;
    }
    let longest = graph.nodes.iter().map(|node| title(node).chars().count()).max().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
    let width = (longest as f64 * CHARACTER + PADDING).clamp(NARROWEST, WIDEST).round();
    let cells = cells(graph, width);
    if steps(&cells) > MOST_STEPS {
        return None;
    }
    let parts: Vec<_> = parts(&cells).iter().map(|part| arranged(graph, &cells, part, width)).collect();
    Some(pack::pack(parts))
}

/// The label of an index, or its name.
fn title(node: &Node) -> String {
    node.label.clone().unwrap_or_else(|| node.name.to_string())
}

/// Puts indexes that are alike into frames.
fn cells(graph: &Graph, width: f64) -> Vec<Cell<'_>> {
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
    let columns = nodes.len().div_ceil(FRAME_RATIO).isqrt().clamp(1, MOST_COLUMNS);
    let rows = nodes.len().div_ceil(columns) as f64;
    let line = if nodes.iter().any(|node| node.label.is_some()) { TWO_LINES } else { LINE };
    let height = (rows * (line + GAP) + GAP).max(ports);
    Cell { columns, width: columns as f64 * (width + GAP) + GAP, height, bases, nodes }
}

/// About how much work the layers are: the layers that arrows go through.
fn steps(cells: &[Cell<'_>]) -> usize {
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
fn parts(cells: &[Cell<'_>]) -> Vec<Vec<usize>> {
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

/// A part of the graph, laid out by itself.
fn arranged(graph: &Graph, cells: &[Cell<'_>], places: &[usize], width: f64) -> Part {
    let mut drawing = graph::Graph::<NodeLabel, EdgeLabel>::new();
    for place in places {
        let Cell { width, height, .. } = cells[*place];
        drawing.set_node(place.to_string(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
    }
    for place in places {
        for base in &cells[*place].bases {
            drawing.set_edge(place.to_string(), base.to_string(), Some(EdgeLabel::default()), None);
        }
    }
    let options = LayoutOptions {
        rankdir: RankDir::LR,
        nodesep: GAP,
        edgesep: GAP,
        ranksep: LAYER_GAP,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut drawing, Some(options));

    let center = |place: usize| {
        let node = drawing.node(&place.to_string());
        node.map_or((0.0, 0.0), |node| (node.x.unwrap_or_default(), node.y.unwrap_or_default()))
    };
    let mut widest: HashMap<i32, f64> = HashMap::new();
    for place in places {
        let layer = widest.entry(rounded(center(*place).0)).or_default();
        *layer = layer.max(cells[*place].width);
    }
    let mut part = Part::default();
    for place in places {
        let (cell, (x, y)) = (&cells[*place], center(*place));
        let (left, top) = (x - cell.width / 2.0, y - cell.height / 2.0);
        part.width = part.width.max(rounded(left + cell.width));
        part.height = part.height.max(rounded(top + cell.height));
        add_boxes(&mut part, graph, cell, (left, top), width);

        // Where it goes to after its side, so that arrows leave in an order in which they do not cross.
        let ways = cell.bases.iter().enumerate().map(|(number, base)| {
            let edge = drawing.edge(&place.to_string(), &base.to_string(), None);
            let points = edge.map(|edge| edge.points.as_slice()).unwrap_or_default();
            // dagre puts a layer between any two; the first and the last point are on the boxes.
            let inner = points.get(1..points.len().saturating_sub(1)).unwrap_or_default();
            let through: Vec<_> = inner.iter().skip(1).step_by(2).map(|point| (point.x, point.y)).collect();
            let lowest = through.iter().map(|(_, y)| *y).fold(0.0, f64::max);
            part.height = part.height.max(rounded(lowest));
            let end = center(*base);
            (through.first().map_or(end.1, |(_, y)| *y), number, *base, through)
        });
        let mut ways: Vec<_> = ways.collect();
        ways.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let count = ways.len();
        for (port, (_, number, base, through)) in ways.into_iter().enumerate() {
            let (to, target) = (center(base), &cells[base]);
            let forward = if to.0 >= x { 1.0 } else { -1.0 };
            #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
            let from_y = y + (port as f64 - (count - 1) as f64 / 2.0) * PORT;
            let from = (x + forward * cell.width / 2.0, from_y);
            let end = (to.0 - forward * target.width / 2.0, to.1);
            let through = through.into_iter().map(|(x, y)| {
                let half = widest.get(&rounded(x)).copied().unwrap_or(width) / 2.0;
                [(x - forward * half, y), (x + forward * half, y)]
            });
            let is_current =
                |cell: &Cell<'_>| cell.nodes.iter().any(|node| graph.current.as_ref() == Some(&node.name));
            part.arrows.push(Arrow {
                path: curve(from, through, end),
                number: (count > 1)
                    .then(|| (number + 1, rounded(from.0 + forward * PORT_OFFSET), rounded(from.1))),
                is_current: is_current(cell) || is_current(target),
            });
        }
    }
    part
}

/// The boxes of a cell, in their frame if there are several.
#[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
fn add_boxes(part: &mut Part, graph: &Graph, cell: &Cell<'_>, (left, top): (f64, f64), width: f64) {
    let is_frame = cell.nodes.len() > 1;
    let rows = cell.nodes.len().div_ceil(cell.columns);
    let inset = if is_frame { GAP } else { 0.0 };
    let height = (cell.height - inset) / rows as f64 - inset;
    if is_frame {
        part.frames.push(Frame {
            x: rounded(left),
            y: rounded(top),
            width: rounded(cell.width),
            height: rounded(cell.height),
        });
    }
    for (place, node) in cell.nodes.iter().enumerate() {
        let (column, row) = ((place / rows) as f64, (place % rows) as f64);
        part.boxes.push(Shape {
            x: rounded(left + inset + column * (width + inset)),
            y: rounded(top + inset + row * (height + inset)),
            width: rounded(width),
            height: rounded(height),
            name: node.name.to_string(),
            path: (node.kind != Kind::Missing).then(|| format!("/{}", node.name.url_path())),
            kind: node.kind.name(),
            is_current: graph.current.as_ref() == Some(&node.name),
            title: shortened(&title(node), width),
            subtitle: node.label.as_ref().map(|_| shortened(&node.name.to_string(), width)),
            bases: node.bases.iter().map(ToString::to_string).collect(),
        });
    }
}

/// A text that fits into a box of this width.
fn shortened(text: &str, width: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few dozen")]
    let most = ((width - PADDING) / CHARACTER).round() as usize;
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// A line that leaves and arrives horizontally, and goes straight through the layers between.
fn curve(from: (f64, f64), through: impl Iterator<Item = [(f64, f64); 2]>, end: (f64, f64)) -> String {
    let mut path = format!("M{} {}", rounded(from.0), rounded(from.1));
    let mut at = from;
    for [enter, leave] in through {
        path += &bend(at, enter);
        path += &format!("H{}", rounded(leave.0));
        at = leave;
    }
    path + &bend(at, end)
}

fn bend(from: (f64, f64), to: (f64, f64)) -> String {
    let middle = rounded(f64::midpoint(from.0, to.0));
    let (x, y) = (rounded(to.0), rounded(to.1));
    format!("C{middle} {} {middle} {y} {x} {y}", rounded(from.1))
}

#[expect(clippy::cast_possible_truncation, reason = "pixels of a bounded picture")]
fn rounded(length: f64) -> i32 {
    length.round() as i32
}

//! One part of a picture, in layers (Sugiyama et al., by the crate `dagre`): heirs on the left, bases on the right.

use super::{
    Graph, Kind,
    cells::{Cell, GAP, PORT},
    layout::{Arrow, Frame, Part, Shape, shortened, title},
};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir, graph};
use std::collections::HashMap;

/// Between layers, in pixels.
const LAYER_GAP: f64 = 60.0;

/// How far numbers stand from the side of a box, in pixels.
const PORT_OFFSET: f64 = 11.0;

/// A place in the part, in pixels.
type Point = (f64, f64);

/// Cells that hang together, laid out.
pub(super) struct Drawing<'a> {
    graph: &'a Graph,
    cells: &'a [Cell<'a>],
    /// Which of the cells these are.
    places: &'a [usize],
    /// Of a box.
    width: f64,
    layers: graph::Graph<NodeLabel, EdgeLabel>,
    /// The width of each layer, by the middle of it.
    widths: HashMap<i32, f64>,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(graph: &'a Graph, cells: &'a [Cell<'a>], places: &'a [usize], width: f64) -> Self {
        let mut layers = graph::Graph::<NodeLabel, EdgeLabel>::new();
        for place in places {
            let Cell { width, height, .. } = cells[*place];
            layers.set_node(place.to_string(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
        }
        for place in places {
            for base in &cells[*place].bases {
                layers.set_edge(place.to_string(), base.to_string(), Some(EdgeLabel::default()), None);
            }
        }
        let options = LayoutOptions {
            rankdir: RankDir::LR,
            nodesep: GAP,
            edgesep: GAP,
            ranksep: LAYER_GAP,
            // Of orders that cross as little, that in which the bases were told.
            tie_keep_first: true,
            ..LayoutOptions::default()
        };
        dagre::layout(&mut layers, Some(options));
        let mut drawing = Self { graph, cells, places, width, layers, widths: HashMap::new() };
        for place in places {
            let layer = rounded(drawing.center(*place).0);
            let widest = drawing.widths.entry(layer).or_default();
            *widest = widest.max(cells[*place].width);
        }
        drawing
    }

    pub(super) fn part(&self) -> Part {
        let mut part = Part::default();
        for place in self.places {
            let (cell, (x, y)) = (&self.cells[*place], self.center(*place));
            part.width = part.width.max(rounded(x + cell.width / 2.0));
            part.height = part.height.max(rounded(y + cell.height / 2.0));
            self.add_boxes(&mut part, *place);
            self.add_arrows(&mut part, *place);
        }
        part
    }

    /// The boxes of a cell, in their frame if there are several.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
    fn add_boxes(&self, part: &mut Part, place: usize) {
        let (cell, (x, y), width) = (&self.cells[place], self.center(place), self.width);
        let (left, top) = (x - cell.width / 2.0, y - cell.height / 2.0);
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
                is_current: self.graph.current.as_ref() == Some(&node.name),
                title: shortened(&title(node), width),
                subtitle: node.label.as_ref().map(|_| shortened(&node.name.to_string(), width)),
                bases: node.bases.iter().map(ToString::to_string).collect(),
            });
        }
    }

    /// The arrows of a cell, which leave in an order in which they do not cross at its side.
    fn add_arrows(&self, part: &mut Part, place: usize) {
        let (cell, (x, y)) = (&self.cells[place], self.center(place));
        let way = |(number, base): (usize, &usize)| (number, *base, self.between(place, *base));
        let mut ways: Vec<_> = cell.bases.iter().enumerate().map(way).collect();
        let next = |base: usize, between: &[Point]| between.first().map_or(self.center(base).1, |(_, y)| *y);
        ways.sort_by(|a, b| next(a.1, &a.2).total_cmp(&next(b.1, &b.2)));
        let count = ways.len();
        for (port, (number, base, between)) in ways.into_iter().enumerate() {
            let (to, target) = (self.center(base), &self.cells[base]);
            // Where bases go round in a circle, an arrow leads back.
            let forward = if to.0 >= x { 1.0 } else { -1.0 };
            #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
            let from_y = y + (port as f64 - (count - 1) as f64 / 2.0) * PORT;
            let from = (x + forward * cell.width / 2.0, from_y);
            let end = (to.0 - forward * target.width / 2.0, to.1);
            let lowest = between.iter().map(|(_, y)| *y).fold(0.0, f64::max);
            part.height = part.height.max(rounded(lowest));
            let through = between.into_iter().map(|(x, y)| {
                let half = self.widths.get(&rounded(x)).copied().unwrap_or(self.width) / 2.0;
                [(x - forward * half, y), (x + forward * half, y)]
            });
            part.arrows.push(Arrow {
                path: curve(from, through, end),
                number: (count > 1)
                    .then(|| (number + 1, rounded(from.0 + forward * PORT_OFFSET), rounded(from.1))),
                is_current: self.is_current(cell) || self.is_current(target),
            });
        }
    }

    fn is_current(&self, cell: &Cell<'_>) -> bool {
        cell.nodes.iter().any(|node| self.graph.current.as_ref() == Some(&node.name))
    }

    /// The middle of a cell.
    fn center(&self, place: usize) -> Point {
        let node = self.layers.node(&place.to_string());
        node.map_or((0.0, 0.0), |node| (node.x.unwrap_or_default(), node.y.unwrap_or_default()))
    }

    /// Where an arrow goes through the layers between two cells.
    fn between(&self, place: usize, base: usize) -> Vec<Point> {
        let edge = self.layers.edge(&place.to_string(), &base.to_string(), None);
        let points = edge.map(|edge| edge.points.as_slice()).unwrap_or_default();
        // The first and the last point are on the cells, and dagre has put a layer between any two of ours.
        let inner = points.get(1..points.len().saturating_sub(1)).unwrap_or_default();
        inner.iter().skip(1).step_by(2).map(|point| (point.x, point.y)).collect()
    }
}

/// A line that leaves and arrives horizontally, and goes straight through the layers between.
fn curve(from: Point, through: impl Iterator<Item = [Point; 2]>, end: Point) -> String {
    let mut path = format!("M{} {}", rounded(from.0), rounded(from.1));
    let mut at = from;
    for [enter, leave] in through {
        path.extend([bend(at, enter), format!("H{}", rounded(leave.0))]);
        at = leave;
    }
    path + &bend(at, end)
}

fn bend(from: Point, to: Point) -> String {
    let middle = rounded(f64::midpoint(from.0, to.0));
    let (x, y) = (rounded(to.0), rounded(to.1));
    format!("C{middle} {} {middle} {y} {x} {y}", rounded(from.1))
}

#[expect(clippy::cast_possible_truncation, reason = "pixels of a bounded picture")]
fn rounded(length: f64) -> i32 {
    length.round() as i32
}

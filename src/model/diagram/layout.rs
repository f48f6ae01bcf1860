//! A picture: where boxes and arrows stand, in parts that hang together, from left to right.

use super::{
    Graph, Node,
    cells::{cells, parts, steps},
    drawing::Drawing,
    pack,
};
use serde::Serialize;

/// Boxes, and steps of arrows from layer to layer, beyond which a picture is not made.
const MOST_NODES: usize = 400;
const MOST_STEPS: usize = 1_500;

/// A character of a text, what stands beside it in a box, and the widths of boxes; in pixels.
const CHARACTER: f64 = 7.6;
const PADDING: f64 = 32.0;
const NARROWEST: f64 = 96.0;
const WIDEST: f64 = 232.0;

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

/// Where everything stands; `None` if there is no arrow, or too much to be read.
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
    let parts = parts(&cells);
    Some(pack::pack(parts.iter().map(|places| Drawing::new(graph, &cells, places, width).part()).collect()))
}

/// The label of an index, or its name.
pub(super) fn title(node: &Node) -> String {
    node.label.clone().unwrap_or_else(|| node.name.to_string())
}

/// A text that fits into a box of this width.
pub(super) fn shortened(text: &str, width: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few dozen")]
    let most = ((width - PADDING) / CHARACTER).round() as usize;
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

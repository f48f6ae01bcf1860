//! What pictures of inheritance show, and that they can be read.

use super::*;
use crate::model::{index::Settings, serial::Serial};
use serde_json::json;
use std::fmt::Write;

/// An index by its name, with `m:` before it a mirror, and its bases.
fn index((name, bases): (&str, &str)) -> Index {
    let (kind, name) = name.split_once(':').map_or(("stage", name), |(_, name)| ("mirror", name));
    let name: IndexName = name.parse().unwrap();
    let options = json!({"type": kind, "bases": bases});
    let settings = Settings::create(&name, options.as_object().unwrap()).unwrap();
    Index::new(1, name, settings, Serial(1))
}

fn indexes(world: &[(&str, &str)]) -> Vec<Index> {
    world.iter().copied().map(index).collect()
}

fn drawn(graph: &Graph) -> String {
    let node = |node: &Node| {
        let bases: Vec<_> = node.bases.iter().map(ToString::to_string).collect();
        format!("{} {} [{}]", node.kind.name(), node.name, bases.join(" "))
    };
    graph.nodes.iter().map(node).collect::<Vec<_>>().join(", ")
}

/// The picture as text: where the boxes are, and the arrows.
fn told(layout: &Layout) -> String {
    let mut text = format!("{} x {}\n", layout.width, layout.height);
    for part in &layout.parts {
        let _ = writeln!(text, "part at {} {}", part.x, part.y);
        for frame in &part.frames {
            let _ = writeln!(text, "  frame at {} {}: {} x {}", frame.x, frame.y, frame.width, frame.height);
        }
        for shape in &part.boxes {
            let mark = if shape.is_current { "*" } else { "" };
            let _ = writeln!(text, "  {} {}{mark} at {} {}", shape.kind, shape.title, shape.x, shape.y);
        }
        for arrow in &part.arrows {
            let number = arrow.number.map_or_else(String::new, |(number, ..)| format!("{number}: "));
            let _ = writeln!(text, "  {number}{}", arrow.path);
        }
    }
    text
}

fn whole(world: &[(&str, &str)]) -> Graph {
    let indexes = indexes(world);
    Graph::whole(&indexes.iter().collect::<Vec<_>>(), &HashSet::new())
}

fn picture(world: &[(&str, &str)]) -> String {
    told(&whole(world).layout().unwrap())
}

#[test]
fn all_that_inherits_or_is_inherited_from_is_in_the_whole_graph() {
    let world =
        [("a/dev", "a/base,x/gone,x/secret"), ("a/base", "r/pypi"), ("b/alone", ""), ("m:r/pypi", "")];
    let gone = HashSet::from(["x/gone".parse().unwrap()]);
    let indexes = indexes(&world);
    let indexes: Vec<_> = indexes.iter().collect();
    assert_eq!(
        drawn(&Graph::whole(&indexes, &gone)),
        "stage a/dev [a/base x/gone], stage a/base [r/pypi], mirror r/pypi [], missing x/gone []"
    );
}

#[test]
fn around_an_index_stand_its_bases_over_all_steps_and_who_inherits_directly() {
    let world = [
        ("a/top", "a/dev"),
        ("a/dev", "a/base,r/pypi"),
        ("a/base", "r/pypi"),
        ("a/other", "a/base,r/pypi"),
        ("a/sister", "a/other"),
        ("m:r/pypi", ""),
    ];
    let indexes = indexes(&world);
    let indexes: Vec<_> = indexes.iter().collect();
    let around = |name: &str| drawn(&Graph::around(&name.parse().unwrap(), &indexes, &HashSet::new()));
    assert_eq!(
        around("a/dev"),
        "stage a/top [a/dev], stage a/dev [a/base r/pypi], stage a/base [r/pypi], mirror r/pypi []"
    );
    assert_eq!(
        around("a/sister"),
        "stage a/base [r/pypi], stage a/other [a/base r/pypi], stage a/sister [a/other], mirror r/pypi []"
    );
}

#[test]
fn layers_go_from_heirs_to_bases() {
    let world = [("a/dev", "a/base,r/pypi"), ("a/base", "r/pypi"), ("m:r/pypi", "")];
    insta::assert_snapshot!(picture(&world));
}

#[test]
fn indexes_that_are_alike_share_a_frame_and_its_arrows() {
    let mut world: Vec<_> =
        ["a/a", "b/a", "c/a", "d/a", "e/a"].into_iter().map(|name| (name, "r/base,r/pypi")).collect();
    world.extend([("r/base", ""), ("m:r/pypi", ""), ("x/two", "x/one"), ("x/one", "")]);
    insta::assert_snapshot!(picture(&world));
}

#[test]
fn circles_end_and_what_inherits_from_itself_has_no_arrow_for_it() {
    let world = [("a/a", "a/b,a/a"), ("a/b", "a/c"), ("a/c", "a/a")];
    insta::assert_snapshot!(picture(&world));
    assert!(whole(&[("a/a", "a/a")]).layout().is_none());
}

#[test]
fn what_nobody_could_read_is_not_drawn() {
    let mut names: Vec<_> = (0..401).map(|number| (format!("a/i{number}"), "r/pypi".to_owned())).collect();
    names.push(("m:r/pypi".into(), String::new()));
    let world: Vec<_> = names.iter().map(|(name, bases)| (name.as_str(), bases.as_str())).collect();
    assert!(whole(&world).layout().is_none());
    // Each inherits from all before it: few boxes, but arrows over arrows.
    let names: Vec<_> = (0..60).map(|number| format!("a/i{number:02}")).collect();
    let world: Vec<_> = names.iter().enumerate().map(|(at, name)| (name, names[..at].join(","))).collect();
    let world: Vec<_> = world.iter().map(|(name, bases)| (name.as_str(), bases.as_str())).collect();
    assert!(whole(&world).layout().is_none());
}

#[test]
fn boxes_of_a_large_picture_do_not_overlap() {
    let mut names = Vec::new();
    for number in 0..100 {
        let bases = match number {
            0..10 => "m/pypi".to_owned(),
            10..40 => format!("t/i{:02},m/pypi", number % 10),
            _ => format!("t/i{:02},t/i{:02}", 10 + number % 30, number % 7),
        };
        names.push((format!("t/i{number:02}"), bases));
    }
    names.push(("m:m/pypi".into(), String::new()));
    let world: Vec<_> = names.iter().map(|(name, bases)| (name.as_str(), bases.as_str())).collect();
    let layout = whole(&world).layout().unwrap();
    let boxes: Vec<_> = layout.parts.iter().flat_map(|part| &part.boxes).collect();
    assert_eq!(boxes.len(), 101);
    for (place, one) in boxes.iter().enumerate() {
        assert!(one.x >= 0 && one.x + one.width <= layout.width && one.y + one.height <= layout.height);
        for other in &boxes[place + 1..] {
            let apart = one.x + one.width <= other.x
                || other.x + other.width <= one.x
                || one.y + one.height <= other.y
                || other.y + other.height <= one.y;
            assert!(apart, "{one:?} {other:?}");
        }
    }
}

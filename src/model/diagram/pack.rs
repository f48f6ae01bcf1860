//! Parts of a picture, put beside and below each other.

use super::layout::{Layout, Part};
use std::cmp::Reverse;

/// Around the picture, and between its parts.
const MARGIN: i32 = 12;
const GAP: i32 = 32;

/// Fills rows with the parts, the highest first, so that the picture is somewhat wider than high.
pub(super) fn pack(mut parts: Vec<Part>) -> Layout {
    parts.sort_by_key(|part| Reverse(part.height));
    let area: i32 = parts.iter().map(|part| (part.width + GAP) * (part.height + GAP)).sum();
    let widest = parts.iter().map(|part| part.width).max().unwrap_or_default();
    let limit = MARGIN + widest.max((area + area / 2).isqrt());
    let (mut left, mut top, mut bottom, mut width) = (MARGIN, MARGIN, MARGIN, 0);
    for part in &mut parts {
        if left > MARGIN && left + part.width > limit {
            (left, top) = (MARGIN, bottom + GAP);
        }
        (part.x, part.y) = (left, top);
        width = width.max(left + part.width);
        bottom = bottom.max(top + part.height);
        left += part.width + GAP;
    }
    Layout { width: width + MARGIN, height: bottom + MARGIN, parts }
}

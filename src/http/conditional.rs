//! Conditional and ranged requests (RFC 9110), by the crates `headers` and `http-range-header`.

use headers::{ETag, HeaderMapExt, IfModifiedSince, IfNoneMatch, IfRange, LastModified};
use http::{HeaderMap, header::RANGE};
use std::ops::RangeInclusive;

/// Whether the client has this already.
pub(super) fn not_modified(
    request: &HeaderMap,
    etag: Option<&ETag>,
    last_modified: Option<LastModified>,
) -> bool {
    match (request.typed_get::<IfNoneMatch>(), request.typed_get::<IfModifiedSince>(), last_modified) {
        (Some(condition), ..) => etag.is_some_and(|etag| !condition.precondition_passes(etag)),
        (None, Some(since), Some(modified)) => !since.is_modified(modified.into()),
        _ => false,
    }
}

/// What part of a representation is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Bytes(RangeInclusive<u64>),
    Unsatisfiable,
}

/// The single range that a request asks for. Several ranges, what is no range, and one whose `If-Range` fails mean the
/// whole.
pub(super) fn part(
    request: &HeaderMap,
    size: u64,
    etag: Option<&ETag>,
    last_modified: Option<LastModified>,
) -> Part {
    let range = request.get(RANGE).and_then(|value| value.to_str().ok());
    let Some(Ok(ranges)) = range.map(http_range_header::parse_range_header) else { return Part::Whole };
    let is_modified = |given: IfRange| given.is_modified(etag, last_modified.as_ref());
    if request.typed_get::<IfRange>().is_some_and(is_modified) {
        return Part::Whole;
    }
    match ranges.validate(size) {
        Ok(ranges) if ranges.len() > 1 => Part::Whole,
        Ok(mut ranges) => ranges.pop().map_or(Part::Whole, Part::Bytes),
        Err(_) => Part::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::IF_RANGE;
    use std::time::SystemTime;

    #[test]
    fn a_range_is_cut_to_the_file_and_what_is_past_its_end_is_refused() {
        let etag: ETag = "\"x\"".parse().unwrap();
        for (range, size, expected) in [
            ("bytes=0-0", 10, Part::Bytes(0..=0)),
            ("bytes=-4", 10, Part::Bytes(6..=9)),
            ("bytes=-40", 10, Part::Bytes(0..=9)),
            ("bytes=3-", 10, Part::Bytes(3..=9)),
            ("bytes=3-99", 10, Part::Bytes(3..=9)),
            ("bytes=10-", 10, Part::Unsatisfiable),
            ("bytes=0-", 0, Part::Unsatisfiable),
            ("bytes=0-1,3-4", 10, Part::Whole),
            ("lines=1-2", 10, Part::Whole),
            ("bytes=5-2", 10, Part::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            let modified = LastModified::from(SystemTime::UNIX_EPOCH);
            assert_eq!(part(&headers, size, Some(&etag), Some(modified)), expected, "{range} of {size}");
            headers.insert(IF_RANGE, "\"y\"".parse().unwrap());
            assert_eq!(part(&headers, size, Some(&etag), Some(modified)), Part::Whole, "{range} if another");
        }
    }
}

//! A list of project names, perhaps a million of them, in one piece of memory.

use super::name::ProjectName;

/// Normalised project names, sorted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// One name a line.
    text: String,
    /// Where each line begins.
    starts: Vec<u32>,
}

impl Names {
    /// From names in any order and spelling; those that no project can have are left out.
    pub fn collect<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut builder = NamesBuilder::default();
        names.into_iter().for_each(|name| builder.push(name.as_ref()));
        builder.finish()
    }

    /// From what [`Names::as_text`] gave.
    pub fn from_text(text: String) -> Self {
        let mut starts = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            starts.push(start);
            start += u32::try_from(line.len()).unwrap_or(u32::MAX);
        }
        Self { text, starts }
    }

    /// One name a line, sorted.
    pub fn as_text(&self) -> &str {
        &self.text
    }

    pub fn len(&self) -> usize {
        self.starts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        self.text.len() + self.starts.len() * 4
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.starts.iter().map(|start| self.at(*start))
    }

    pub fn get(&self, place: usize) -> Option<&str> {
        self.starts.get(place).map(|start| self.at(*start))
    }

    /// The names that begin so and come after another, which need not be one of them.
    pub fn beginning<'a>(&'a self, prefix: &'a str, after: &str) -> impl Iterator<Item = &'a str> {
        let is_before = |name: &str| name < prefix || name <= after;
        let first = self.starts.partition_point(|start| is_before(self.at(*start)));
        let names = self.starts[first..].iter().map(|start| self.at(*start));
        names.take_while(move |name| name.starts_with(prefix))
    }

    pub fn contains(&self, name: &str) -> bool {
        self.starts.binary_search_by(|start| self.at(*start).cmp(name)).is_ok()
    }

    fn at(&self, start: u32) -> &str {
        let rest = &self.text[start as usize..];
        &rest[..rest.find('\n').unwrap_or(rest.len())]
    }
}

/// Takes names as they come.
#[derive(Default)]
pub struct NamesBuilder {
    text: String,
    starts: Vec<u32>,
}

impl NamesBuilder {
    /// Bytes of names that are taken at most.
    pub const LARGEST: usize = 512 << 20;

    /// Takes a name in any spelling; one that no project can have is left out, and so are those beyond the bound.
    pub fn push(&mut self, name: &str) {
        let Ok(name) = ProjectName::parse(name) else { return };
        if self.text.len() + name.as_str().len() < Self::LARGEST
            && let Ok(start) = u32::try_from(self.text.len())
        {
            self.starts.push(start);
            self.text.push_str(name.as_str());
            self.text.push('\n');
        }
    }

    /// Bytes taken so far.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    pub fn finish(self) -> Names {
        let mut unsorted = Names { text: self.text, starts: self.starts };
        let mut order = std::mem::take(&mut unsorted.starts);
        order.sort_unstable_by(|a, b| unsorted.at(*a).cmp(unsorted.at(*b)));
        order.dedup_by(|a, b| unsorted.at(*a) == unsorted.at(*b));
        let mut text = String::with_capacity(unsorted.text.len());
        for start in order {
            text.push_str(unsorted.at(start));
            text.push('\n');
        }
        Names::from_text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_sorted_and_each_once() {
        let names = Names::collect(["Foo_Bar", "a", "foo.bar", "-no-", "zz", ""]);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["a", "foo-bar", "zz"]);
        assert_eq!(names.as_text(), "a\nfoo-bar\nzz\n");
        assert_eq!(Names::from_text(names.as_text().into()), names);
        assert!(names.contains("foo-bar") && !names.contains("foo") && !names.contains("zzz"));
        assert_eq!((names.len(), names.get(1), names.get(3)), (3, Some("foo-bar"), None));
        for (prefix, after, found) in
            [("", "", 3), ("", "a", 2), ("f", "", 1), ("foo-bar", "foo", 1), ("f", "foo-bar", 0)]
        {
            assert_eq!(names.beginning(prefix, after).count(), found, "{prefix} {after}");
        }
        assert!(Names::collect([""; 0]).is_empty() && !Names::default().contains(""));
    }
}

//! Grid tables and simple tables; one with cells over several columns is shown as it was written.

use super::{Renderer, blocks::literal};
use std::fmt::Write;

/// Most columns of a table.
const MOST_COLUMNS: usize = 64;

/// Cells of a row, each with its lines.
type Row = Vec<Vec<String>>;

impl Renderer {
    /// The table that begins with the first line, if one does, and how many lines it takes.
    pub fn table(&mut self, lines: &[&str], depth: usize) -> Option<(String, usize)> {
        if is_grid_border(lines[0]) {
            let used = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
            return Some((self.rendered(grid(&lines[..used]), &lines[..used], depth), used));
        }
        if !is_simple_border(lines[0]) {
            return None;
        }
        let is_end =
            |at: &usize| is_simple_border(lines[*at]) && lines.get(at + 1).is_none_or(|next| next.is_empty());
        // A border may also end the heading before a blank line.
        let most = lines.len().min(10_000).min(self.table_lines);
        let ends: Vec<usize> = (1..most).filter(is_end).take(2).collect();
        self.table_lines -= ends.get(1).copied().unwrap_or(most);
        let (first, second) = (*ends.first()?, ends.get(1).copied());
        let is_heading = !lines[1..first].iter().any(|line| is_simple_border(line));
        let end = match second {
            Some(second)
                if is_heading
                    && !lines[first + 1..second].iter().any(|line| is_simple_border(line))
                    && lines[first + 1..second].iter().filter(|line| line.is_empty()).count() <= 1 =>
            {
                second
            }
            _ => first,
        };
        Some((self.rendered(simple(&lines[..=end]), &lines[..=end], depth), end + 1))
    }

    /// A list of rows that are lists of cells; the first ones are the head. `None` when it is none.
    pub fn list_table(&mut self, lines: &[&str], head: usize, depth: usize) -> Option<String> {
        let mut rows: Vec<Row> = Vec::new();
        for line in lines {
            let (is_row, rest) = match line.strip_prefix("* -").or_else(|| line.strip_prefix("- *")) {
                Some(rest) => (true, rest),
                None => (false, *line),
            };
            if is_row {
                rows.push(vec![vec![rest.trim().to_owned()]]);
                continue;
            }
            let cell = line.strip_prefix("  -").or_else(|| line.strip_prefix("  *"));
            let row = rows.last_mut()?;
            match cell.filter(|cell| cell.is_empty() || cell.starts_with(' ')) {
                Some(cell) => row.push(vec![cell.trim().to_owned()]),
                None => row.last_mut()?.push(line.get(4..).unwrap_or_default().to_owned()),
            }
        }
        let body = rows.split_off(head.min(rows.len()));
        Some(self.rendered(Some((rows, body)), lines, depth))
    }

    fn rendered(&mut self, table: Option<(Vec<Row>, Vec<Row>)>, lines: &[&str], depth: usize) -> String {
        let Some((head, body)) = table else { return literal(lines, None) };
        let mut html = String::from("<table>\n");
        for (rows, group, cell) in [(head, "thead", "th"), (body, "tbody", "td")] {
            if rows.is_empty() {
                continue;
            }
            let _ = writeln!(html, "<{group}>");
            for row in rows {
                html.push_str("<tr>");
                for lines in row {
                    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                    let content = self.item(&super::dedent(&lines, None), depth + 1);
                    let _ = write!(html, "<{cell}>{}</{cell}>", content.trim_end());
                }
                html.push_str("</tr>\n");
            }
            let _ = writeln!(html, "</{group}>");
        }
        html + "</table>\n"
    }
}

fn is_grid_border(line: &str) -> bool {
    line.len() > 2
        && line.starts_with("+-")
        && line.ends_with('+')
        && line.bytes().all(|byte| b"+-".contains(&byte))
}

fn is_simple_border(line: &str) -> bool {
    line.starts_with("==") && line.contains(' ') && line.bytes().all(|byte| b"= ".contains(&byte))
}

fn columns(line: &str, from: usize, to: usize) -> String {
    line.chars().skip(from).take(to.saturating_sub(from)).collect::<String>().trim_end().to_owned()
}

/// Rows of the head and of the body.
fn grid(lines: &[&str]) -> Option<(Vec<Row>, Vec<Row>)> {
    let bounds: Vec<usize> = lines[0].match_indices('+').map(|(at, _)| at).collect();
    if bounds.len() > MOST_COLUMNS {
        return None;
    }
    let (mut head, mut rows): (Vec<Row>, Vec<Row>) = (Vec::new(), Vec::new());
    let mut row: Row = vec![Vec::new(); bounds.len() - 1];
    for line in &lines[1..] {
        if line.starts_with("+-") || line.starts_with("+=") {
            // A border with other corners has cells over several columns.
            if !bounds.iter().all(|at| line.as_bytes().get(*at) == Some(&b'+')) || line.contains(' ') {
                return None;
            }
            rows.push(std::mem::replace(&mut row, vec![Vec::new(); bounds.len() - 1]));
            if line.starts_with("+=") {
                head = std::mem::take(&mut rows);
            }
            continue;
        }
        let chars: Vec<char> = line.chars().collect();
        if !bounds.iter().all(|at| matches!(chars.get(*at), Some('|' | '+'))) {
            return None;
        }
        for (cell, pair) in row.iter_mut().zip(bounds.windows(2)) {
            cell.push(columns(line, pair[0] + 1, pair[1]));
        }
    }
    Some((head, rows))
}

/// Rows of the head and of the body; the first line is the border above.
fn simple(lines: &[&str]) -> Option<(Vec<Row>, Vec<Row>)> {
    let border = lines[0].as_bytes();
    let starts: Vec<usize> =
        (0..border.len()).filter(|at| border[*at] == b'=' && (*at == 0 || border[at - 1] == b' ')).collect();
    if starts.len() > MOST_COLUMNS {
        return None;
    }
    let (mut head, mut rows): (Vec<Row>, Vec<Row>) = (Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate().skip(1) {
        if is_simple_border(line) {
            if at + 1 < lines.len() {
                head = std::mem::take(&mut rows);
            }
            continue;
        }
        // Lines of dashes join columns of the row above.
        if line.is_empty() || line.bytes().all(|byte| b"- ".contains(&byte)) {
            continue;
        }
        let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
        let cells: Vec<String> =
            starts.iter().zip(ends).map(|(start, end)| columns(line, *start, end)).collect();
        match rows.last_mut().filter(|_| cells[0].trim().is_empty()) {
            Some(row) => row.iter_mut().zip(cells).for_each(|(cell, text)| cell.push(text)),
            None => rows.push(cells.into_iter().map(|text| vec![text]).collect()),
        }
    }
    Some((head, rows))
}

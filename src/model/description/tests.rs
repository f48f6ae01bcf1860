//! What people see of descriptions, and what hostile ones become.

use super::*;
use html5gum::{Token, Tokenizer};

fn markdown(text: &str) -> String {
    Description::render(text, "text/markdown").html
}

fn restructured(text: &str) -> String {
    Description::render(text, "").html
}

/// Fails when a browser would run, load or send anything, or leave the web.
fn assert_dead(html: &str, of: &str) {
    for token in Tokenizer::new(html) {
        let Ok(token) = token;
        let Token::StartTag(tag) = token else { continue };
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        for bad in [
            "script", "style", "iframe", "svg", "math", "form", "input", "object", "embed", "link", "meta",
            "base",
        ] {
            assert_ne!(name, bad, "{of}: {html}");
        }
        for (key, value) in &tag.attributes {
            let key = String::from_utf8_lossy(key).to_lowercase();
            let value = String::from_utf8_lossy(value).trim().to_lowercase();
            assert!(!key.starts_with("on") && key != "style" && key != "srcdoc", "{of}: {html}");
            if ["href", "src", "cite"].contains(&key.as_str()) {
                let is_good = ["http://", "https://", "mailto:", "#user-content-"]
                    .iter()
                    .any(|start| value.starts_with(start));
                assert!(is_good, "{of}: {html}");
            }
            if key == "id" {
                assert!(value.starts_with("user-content-"), "{of}: {html}");
            }
        }
    }
}

#[test]
fn markdown_is_githubs_unless_it_says_otherwise() {
    for (text, expected) in [
        ("# Title\n\nsome *text*", "<h2 id=\"user-content-title\">Title</h2>\n<p>some <em>text</em></p>"),
        ("[up](#title)", "<a href=\"#user-content-title\" rel=\"nofollow noopener\">up</a>"),
        ("[a](docs/a.md)", "<a rel=\"nofollow noopener\">a</a>"),
        ("~~gone~~", "<del>gone</del>"),
        (
            "https://x.example/y",
            "<a href=\"https://x.example/y\" rel=\"nofollow noopener\">https://x.example/y</a>",
        ),
        ("> [!NOTE]\n> Be polite.\n\nend", "<p><strong>Note</strong></p>\n<p>Be polite.</p>"),
        ("- [x] done\n- [ ] open", "☑ done"),
        ("|a|b|\n|-|-|\n|1|2|", "<table tabindex=\"0\">"),
        ("```python\nx = 1\n```", "<pre tabindex=\"0\"><code class=\"language-python\">x = 1\n</code></pre>"),
        ("text[^1]\n\n[^1]: note", "href=\"#user-content-fn-1\""),
        ("<h1 align=\"center\">x</h1>", "<h2 align=\"center\">x</h2>"),
        (
            "<img src=\"https://x/a.png\" width=\"40\">",
            "<img src=\"https://x/a.png\" width=\"40\" loading=\"lazy\">",
        ),
    ] {
        let html = markdown(text);
        assert!(html.contains(expected), "{text}: {html}");
        assert_dead(&html, text);
    }
    let plain = Description::render("~~gone~~", "text/markdown; charset=UTF-8; variant=CommonMark").html;
    assert_eq!(plain, "<p>~~gone~~</p>\n");
}

#[test]
fn restructured_text_is_read_as_docutils_reads_it() {
    for (text, expected) in [
        (
            "Title\n=====\n\nPart\n----\n\nNext\n====\n",
            "<h2 id=\"user-content-title\">Title</h2>\n<h3 id=\"user-content-part\">Part</h3>\n<h2 id=\"user-content-next\">Next</h2>",
        ),
        ("*****\nTitle\n*****\n", "<h2 id=\"user-content-title\">Title</h2>"),
        (
            "a *b* **c** ``d`` `e` :class:`~f`",
            "<p>a <em>b</em> <strong>c</strong> <code>d</code> <cite>e</cite> <code>f</code></p>",
        ),
        (
            "`site <https://x.example>`_ and `other\n<https://y.example>`__.",
            "<a href=\"https://x.example\" rel=\"nofollow noopener\">site</a> and <a href=\"https://y.example\" rel=\"nofollow noopener\">other</a>.",
        ),
        (
            "See docs_ and `more docs`_.\n\n.. _docs: https://x.example\n.. _more docs:\n    https://y.example/\n    z\n",
            "See <a href=\"https://x.example\" rel=\"nofollow noopener\">docs</a> and <a href=\"https://y.example/z\" rel=\"nofollow noopener\">more docs</a>.",
        ),
        ("see self_ and a_b and __init__.py", "<p>see self_ and a_b and __init__.py</p>"),
        (
            "First__ and second__.\n\n__ http://a.example\n.. __: http://b.example",
            "<a href=\"http://b.example\" rel=\"nofollow noopener\">second</a>.",
        ),
        ("2 * 3 * 4, *args and **kwargs", "<p>2 * 3 * 4, *args and **kwargs</p>"),
        ("- one\n- two\n\n  more\n\n  - deep\n- three", "<li>three</li>"),
        ("1. one\n2. two", "<ol start=\"1\">\n<li>one</li>\n<li>two</li>\n</ol>"),
        ("A. Einstein wrote\nthis.", "<p>A. Einstein wrote\nthis.</p>"),
        (
            "Run::\n\n    pip install x\n\n    y\n\nand so on",
            "<p>Run:</p>\n<pre tabindex=\"0\"><code>pip install x\n\ny</code></pre>\n<p>and so on</p>",
        ),
        (
            ".. code-block:: python\n   :linenos:\n\n   x = 1\n",
            "<pre tabindex=\"0\"><code class=\"language-python\">x = 1</code></pre>",
        ),
        (
            ">>> 1\n1\n\nend",
            "<pre tabindex=\"0\"><code class=\"language-pycon\">&gt;&gt;&gt; 1\n1</code></pre>",
        ),
        ("term\n  what it is\nother\n  else", "<dl>\n<dt>term</dt><dd>what it is</dd>\n<dt>other</dt>"),
        (":Author: Me\n:Version: 1", "<dt>Author</dt><dd>Me"),
        ("| one\n| two", "<p>one<br>\ntwo</p>"),
        ("-v, --verbose  say more\n-q             say less", "<dt>-v, --verbose</dt><dd>say more"),
        (
            ".. image:: https://x.example/b.svg\n    :target: https://x.example\n    :alt: Build\n    :align: right\n",
            "<a href=\"https://x.example\" rel=\"nofollow noopener\"><img src=\"https://x.example/b.svg\" alt=\"Build\" align=\"right\" loading=\"lazy\"></a>",
        ),
        (
            "|b| here\n\n.. |b| image:: https://x.example/b.svg\n   :alt: B\n",
            "<p><img src=\"https://x.example/b.svg\" alt=\"B\" loading=\"lazy\"> here</p>",
        ),
        (
            "=== ===\nA   B\n=== ===\n1   2\n=== ===\n",
            "<thead>\n<tr><th>A</th><th>B</th></tr>\n</thead>\n<tbody>\n<tr><td>1</td><td>2</td></tr>",
        ),
        (
            ".. list-table::\n   :header-rows: 1\n\n   * - A\n     - B\n   * - 1\n\n       more\n     -\n",
            "<tr><th>A</th><th>B</th></tr>\n</thead>\n<tbody>\n<tr><td><p>1</p>\n<p>more</p></td><td></td></tr>",
        ),
        ("+---+---+\n| A | B |\n+===+===+\n| 1 | 2 |\n+---+---+\n", "<tr><th>A</th><th>B</th></tr>"),
        (".. note:: careful\n   now\n", "<blockquote><p><strong>Note</strong></p>\n<p>careful\nnow</p>"),
        ("Hi [1]_\n\n.. [1] the note\n", "<a href=\"#user-content-1\" rel=\"nofollow noopener\">[1]</a>"),
        (".. comment\n   more\n\ntext", "<p>text</p>"),
        (".. automodule:: x\n   :members:\n", "<code>.. automodule:: x\n   :members:</code>"),
        ("a\\*b\\ c \\`d", "<p>a*bc `d</p>"),
        (
            "see https://x.example/a_b.",
            "<a href=\"https://x.example/a_b\" rel=\"nofollow noopener\">https://x.example/a_b</a>.</p>",
        ),
    ] {
        let html = restructured(text);
        assert!(html.contains(expected), "{text}\n\n{html}");
        assert_dead(&html, text);
    }
}

#[test]
fn what_is_hostile_is_dead() {
    for text in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<IMG SRC=\"javascript:alert(1)\" OnError='x'>",
        "[a](javascript:alert(1)) [b](JaVaScRiPt:x) [c](data:text/html,x) <javascript:x>",
        "[a]: javascript:x\n[a]",
        "![a](data:image/svg+xml;base64,PHN2Zz4=)",
        "<svg onload=alert(1)><script>x</script></svg>",
        "<math><mi xlink:href=\"javascript:x\">y</mi></math>",
        "<iframe src=\"http://x\" srcdoc=\"<script>\"></iframe>",
        "<style>* {display: none}</style><p style=\"position: fixed\">x",
        "<form action=http://x><input name=password><button>x</button></form>",
        "<base href=http://x><meta http-equiv=refresh content=0><link rel=stylesheet href=http://x>",
        "<a href=\"java\nscript:alert(1)\" id=main name=main target=_top>x</a>",
        "<div><div><p><b>unclosed",
        "</div></main></body></html><script>x</script>",
        "<noscript><p title=\"</noscript><img src=x onerror=x>\">",
        "<table><td title=\"<h1 onclick=x\"><script>x",
        "<textarea><img src=x onerror=x></textarea><title><script>x</script></title>",
        "`a <javascript:alert(1)>`_ b_\n\n.. _b: javascript:x\n",
        ".. image:: javascript:x\n   :target: javascript:y\n   :alt: \"><script>x</script>\n",
        ".. raw:: html\n\n   <script>x</script>\n",
        ".. code:: \"><script>\n\n   x\n",
        ".. |a| replace:: <script>x</script>\n\n|a|\n",
        "`<script>`_ **<script>** ``<script>`` <script>",
        "\"<script>\n=========\n",
        ".. _\"><script>x:\n\ntext",
    ] {
        for content_type in ["text/markdown", "text/x-rst", "text/plain", "", "text/html"] {
            assert_dead(&Description::render(text, content_type).html, text);
        }
    }
}

#[test]
fn nothing_takes_long_or_breaks() {
    let deep = |text: &str, times: usize| text.repeat(times);
    let whole = |text: &str| text.repeat(LONGEST / text.len());
    let numbered = |times: usize, before: &str, after: &str| {
        (0..times).map(|number| [before, &number.to_string(), after].concat()).collect::<String>()
    };
    let indented =
        |mark: &str| (0..2_000).map(|depth| " ".repeat(depth % 400) + mark + "x\n").collect::<String>();
    for text in [
        deep(">", 10_000),
        deep("[", 10_000),
        format!("{0}\n{0}\n{1}", deep("|-", 3_000), deep("|a\n", 3_000)),
        format!("{}\n\n[^a]: x", deep("[^a]", 50_000)),
        deep("[a](", 10_000),
        deep("- ", 10_000),
        deep("*a ", 10_000),
        deep("**a*", 10_000),
        deep("`a ", 10_000),
        deep("|a", 10_000),
        deep("<div>", 50_000),
        deep("<b>", 50_000),
        deep("<p>", 50_000),
        deep("<table><td>", 10_000),
        deep("=== ===\n", 10_000),
        deep("+--+\n", 10_000),
        deep(":a: ", 10_000),
        deep("a_ ", 10_000),
        deep("![[]()", 10_000),
        deep("a\n=\n", 10_000),
        deep("a::\n\n b\n", 10_000),
        deep("a\n b\n", 10_000),
        // What would take memory or time with the square of its length.
        whole(" .. a\n"),
        whole(" .. __: x\n"),
        whole(" .. |a| x\n"),
        numbered(LONGEST / 12, " .. |", "| x\n"),
        numbered(30_000, ".. _", ":\n") + ".. _a: http://" + &deep("x", 100_000),
        format!(".. _a: http://{}\n\n{}", deep("x", 100_000), deep("a_ ", 20_000)),
        deep("|a ", 30_000),
        deep(":", 100_000),
        deep(":a", 50_000),
        deep("== =\nx\n\n", 10_000),
        whole("</i><div>"),
        whole("<li><dd>"),
        whole("<span><div></span>"),
        whole("<b><div></b>"),
        whole("<div><table></div>"),
        whole("<p><b id=a><p><b id=b>"),
        indented("- "),
        indented(""),
        format!(
            ".. |a| replace:: |b| |b| |b|\n.. |b| replace:: {}\n\n{}",
            deep("x", 50_000),
            deep("|a| ", 10_000)
        ),
        ".. |a| replace:: |a|\n\n|a|\n".to_owned(),
        ".. _a: b_\n.. _b: a_\n\na_".to_owned(),
        "\0\u{202e}abc\u{feff}\r\r\n\u{2028}".to_owned(),
        ".. \n..\n.. ::\n.. a::\n.. |\n.. [\n.. _\n__\n__ \n:\n::\n|\n+\n-\n>>>\n\\".to_owned(),
    ] {
        for content_type in ["text/markdown", ""] {
            let rendered = Description::render(&text, content_type);
            assert_dead(&rendered.html, &text[..text.len().min(20)]);
            assert!(!rendered.html.contains('\u{202e}'));
        }
    }
    let long = Description::render(&deep("a ", LONGEST), "text/markdown");
    assert!(long.notice.is_some() && long.html.starts_with("<pre"));
}

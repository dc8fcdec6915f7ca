//! A loaded module, a fresh instance for each run.

use super::{Case, Kind};
use crate::guest::Guest;

const GROUP: &str = "warm: fresh instance";

pub(super) fn cases() -> Vec<Case> {
    let warm = |name: &str, guest| Case::new(GROUP, name, guest, Kind::Warm);
    let text: Vec<u8> = b"The quick brown fox jumps over 13 lazy dogs. ".iter().copied().cycle().take(1024).collect();
    let upper = |pages| warm(&format!("{pages} pages, 1 KiB of work"), Guest::Upper { pages }).input(text.clone());
    let page = "# A heading\n\nSome *text* with `code` and a [link](https://example.org).\n".repeat(15);
    vec![
        warm("an empty run", Guest::Empty),
        warm("no memory, 1 KiB of work", Guest::NoMemory),
        upper(1),
        upper(17),
        upper(256),
        warm("a Rust guest, 1 KiB of Markdown", Guest::Markdown).input(&page[..1024]),
    ]
}

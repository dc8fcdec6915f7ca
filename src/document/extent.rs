//! How much there is in a text, counted before any of it is read.

/// How much there is in a text, if it is JSON: at least as much as is found when it is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Values and names.
    pub values: usize,
    /// Objects, and members of them.
    pub objects: usize,
    pub members: usize,
    /// Numbers with a fraction or an exponent.
    pub floats: usize,
    /// Bytes within strings.
    pub text_bytes: usize,
    /// Arrays and objects within each other.
    pub depth: usize,
}

impl Extent {
    /// Counts. What is in a text that is no JSON, is of no use to anyone.
    pub(crate) fn of(text: &[u8]) -> Extent {
        // The value that is all of it.
        let mut extent = Extent { values: 1, ..Extent::default() };
        let (mut depth, mut last, mut rest) = (0usize, b' ', text.iter());
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => {
                    while let Some(byte) = rest.next().filter(|byte| **byte != b'"') {
                        extent.text_bytes += 1;
                        if *byte == b'\\' {
                            extent.text_bytes += rest.next().map_or(0, |_| 1);
                        }
                    }
                }
                b'[' | b'{' => {
                    // Its first item or member; taken back if it has none.
                    extent.values += 1;
                    extent.objects += usize::from(*byte == b'{');
                    depth += 1;
                    extent.depth = extent.depth.max(depth);
                }
                b']' | b'}' => {
                    extent.values -= usize::from(matches!(last, b'[' | b'{')).min(extent.values);
                    depth = depth.saturating_sub(1);
                }
                b',' => extent.values += 1,
                b':' => {
                    extent.values += 1;
                    extent.members += 1;
                }
                b'.' | b'e' | b'E' => extent.floats += 1,
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                _ => {}
            }
            last = *byte;
        }
        extent
    }
}

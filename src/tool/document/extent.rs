//! Counts of the values in a text, before it is parsed.

/// Upper bounds of what parsing a JSON text finds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Values and names.
    pub values: usize,
    /// Objects, and their members.
    pub objects: usize,
    pub members: usize,
    /// Numbers with a fraction or an exponent.
    pub floats: usize,
    /// Bytes in strings.
    pub text_bytes: usize,
}

impl Extent {
    /// Counts in a text. The result has no meaning if the text is not JSON.
    pub(crate) fn of(text: &[u8]) -> Extent {
        // The root value.
        let mut extent = Extent { values: 1, ..Extent::default() };
        let (mut last, mut rest) = (b' ', text.iter());
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
                    // Its first item or member; subtracted if it is empty.
                    extent.values += 1;
                    extent.objects += usize::from(*byte == b'{');
                }
                b']' | b'}' => {
                    extent.values -= usize::from(matches!(last, b'[' | b'{')).min(extent.values);
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

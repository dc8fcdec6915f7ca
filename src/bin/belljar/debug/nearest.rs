//! The word that was meant.

/// The longest word that is compared.
const MAX_WORD: usize = 64;

/// Returns the candidate that is nearest to a word: one that differs in few characters, or else begins with it.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_WORD {
        return None;
    }
    let most = word.chars().count() / 3 + 1;
    let near = |candidate: &&'a str| candidate.len() <= MAX_WORD;
    let rated = candidates.filter(near).filter_map(|candidate| {
        let distance = match distance(word, candidate) {
            distance if distance <= most && distance < candidate.chars().count() => distance,
            _ if candidate.starts_with(word) => most + 1,
            _ => return None,
        };
        Some((distance, candidate))
    });
    rated.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Returns how many characters have to be inserted, removed or replaced.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<_> = to.chars().collect();
    let mut row: Vec<_> = (0..=to.len()).collect();
    for (number, c) in from.chars().enumerate() {
        let mut before = number + 1;
        let mut next = vec![before];
        for (pair, other) in row.windows(2).zip(&to) {
            let [diagonal, above] = *pair else { continue };
            before = (diagonal + usize::from(c != *other)).min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_near_that_differ_in_few_characters() {
        let words = ["step", "stepi", "finish", "reverse-step"];
        let near = |word| nearest(word, words.into_iter());
        assert_eq!(near("stpe"), Some("step"));
        assert_eq!(near("fnish"), Some("finish"));
        assert_eq!(near("reverse"), Some("reverse-step"));
        assert_eq!(near("xyz"), None);
        assert_eq!(near(""), None);
    }
}

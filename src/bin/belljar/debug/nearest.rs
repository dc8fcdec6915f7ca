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
        let distance = match strsim::levenshtein(word, candidate) {
            distance if distance <= most && distance < candidate.chars().count() => distance,
            _ if candidate.starts_with(word) => most + 1,
            _ => return None,
        };
        Some((distance, candidate))
    });
    rated.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
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

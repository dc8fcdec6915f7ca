//! Words of the sources and pages: function docs begin with a verb, and stock phrases do not grow back.

use std::path::{Path, PathBuf};

use super::{is, read, walk};

/// Phrases with a plainer word for each. `*` stands for the rest of a word.
const BANNED: &[&str] = &[
    "so many",
    "so much",
    "so few",
    "nobody",
    "whoever",
    "somebody",
    "anybody",
    "is told",
    "are told",
    "was told",
    "were told",
    "be told",
    "made up",
    "program of wasi",
    "programs of wasi",
    "own host function",
    "the world",
    "tape*",
    "reel*",
    "walls",
    "voice*",
    "for who ",
    "in vain",
];

/// Words that a doc of a function does not begin with.
const QUESTIONS: [&str; 4] = ["What", "Whether", "How", "Why"];

/// The least share of docs of functions that begin with a verb, in percent.
const VERBS: usize = 90;

/// Words that end like a verb of the third person and are none.
const NO_VERBS: [&str; 12] =
    ["This", "Its", "Is", "As", "Always", "Bytes", "Files", "Names", "Numbers", "Values", "Limits", "Others"];

fn sources() -> Vec<PathBuf> {
    let readme = PathBuf::from("README.md");
    // The list of changes has names that are gone.
    let is_source = |path: &PathBuf| is(path, "rs") || is(path, "md") && !path.ends_with("changelog.md");
    walk("src").into_iter().filter(is_source).chain([readme]).collect()
}

/// The first words of the docs of all functions of a file, with their lines.
fn docs_of_functions(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    let is_function = |line: &str| {
        let line = line.strip_prefix("pub").map_or(line, |rest| rest.split_once(' ').map_or("", |(_, rest)| rest));
        ["const ", "async ", "unsafe "]
            .iter()
            .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line))
            .starts_with("fn ")
    };
    let first_of = |at: usize| {
        let above = lines[..at].iter().rposition(|line| !line.starts_with("#["))?;
        let begin = lines[..=above].iter().rposition(|line| !line.starts_with("///")).map_or(0, |line| line + 1);
        (begin <= above).then(|| (begin + 1, lines[begin].trim_start_matches('/').trim()))
    };
    (0..lines.len()).filter(|at| is_function(lines[*at])).filter_map(first_of).collect()
}

fn has(line: &str, phrase: &str) -> bool {
    let (phrase, is_start) = phrase.strip_suffix('*').map_or((phrase, false), |start| (start, true));
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(phrase).any(|(at, _)| {
        let rest = &line[at + phrase.len()..];
        !is_word(line[..at].chars().next_back()) && (is_start || phrase.ends_with(' ') || !is_word(rest.chars().next()))
    })
}

#[test]
fn stock_phrases_do_not_grow_back() {
    let mut found = Vec::new();
    for path in sources() {
        for (number, line) in read(&path).lines().enumerate() {
            // Serialized names stay as they are.
            if line.trim_start().starts_with("#[serde(rename") {
                continue;
            }
            let line = line.to_lowercase();
            let phrases = BANNED.iter().filter(|phrase| has(&line, phrase));
            found.extend(phrases.map(|phrase| format!("{}:{}: {phrase}", path.display(), number + 1)));
        }
    }
    assert!(found.is_empty(), "{} phrases:\n{}", found.len(), found.join("\n"));
}

#[test]
fn docs_of_functions_begin_with_a_verb() {
    let is_verb = |word: &str| {
        word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_uppercase()) && !NO_VERBS.contains(&word)
    };
    let (mut all, mut verbs, mut others, mut questions) = (0, 0, Vec::new(), Vec::new());
    for path in walk("src").iter().filter(|path| is(path, "rs")) {
        let place = |line: usize, doc: &str| format!("{}:{line}: {doc}", Path::new(path).display());
        for (line, doc) in docs_of_functions(&read(path)) {
            let word = doc.split([' ', ',', ':']).next().unwrap_or_default();
            all += 1;
            if is_verb(word) {
                verbs += 1;
            } else if QUESTIONS.contains(&word) {
                questions.push(place(line, doc));
            } else {
                others.push(place(line, doc));
            }
        }
    }
    println!("{verbs} of {all} docs of functions begin with a verb");
    assert!(questions.is_empty(), "{}", questions.join("\n"));
    assert!(verbs * 100 >= all * VERBS, "{verbs} of {all}:\n{}", others.join("\n"));
}

//! `es-module-lexer` and `cjs-module-lexer`: what a JavaScript source imports and exports, found as their scripts find it.

use belljar::{Instance, Value};

use super::{bytes, cases, kept, twice, word, write};

/// A lexer with a source in its memory.
struct Lexer {
    instance: Instance,
    source: Vec<u16>,
    at: u32,
}

impl Lexer {
    /// Places a source. `beyond` units more than it has are asked for.
    fn new(name: &str, source: &str, beyond: u32) -> Self {
        let (mut instance, source) = (kept(name), source.encode_utf16().collect::<Vec<_>>());
        let Some(Value::I32(base)) = instance.global("__heap_base") else { panic!("{name}: no heap") };
        // Twice the text: what is found in it goes behind it.
        let needed = base as usize + 4 * (source.len() + 1) + 16;
        let lacking = needed.saturating_sub(instance.memory().len()).div_ceil(65_536);
        instance.grow_memory(lacking as u64).unwrap().expect("the memory can grow");
        let at: u32 = instance.call("sa", source.len() as u32 + beyond).unwrap();
        let text: Vec<u8> = source.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        write(&mut instance, at, &text);
        Lexer { instance, source, at }
    }

    fn get(&mut self, name: &str) -> i32 {
        self.instance.call(name, ()).unwrap()
    }

    fn slice(&self, start: u32, end: u32) -> String {
        String::from_utf16(&self.source[start as usize..end as usize]).unwrap()
    }

    /// The text between two places that two exports tell.
    fn between(&mut self, start: &str, end: &str) -> String {
        let (start, end) = (self.get(start), self.get(end));
        self.slice(start as u32, end as u32)
    }

    /// A pointer into the source, as a place in it; `None` for null.
    fn place(&self, record: u32, field: u32) -> Option<u32> {
        let ptr = word(&self.instance, record + field);
        ptr.checked_sub(self.at).map(|bytes| bytes / 2)
    }
}

/// Imports and exports, or the place of the error.
type Found = Result<(Vec<String>, Vec<String>), u32>;

fn es(lexer: &mut Lexer) -> Found {
    if lexer.get("parse") == 0 {
        return Err(lexer.get("e") as u32);
    }
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    while lexer.get("ri") != 0 {
        let (kind, text) = (lexer.get("it"), lexer.between("is", "ie"));
        let word = match kind & 15 {
            1 => "static",
            2 => "dynamic",
            3 => "meta",
            4 => "source",
            8 => "star",
            other => panic!("import of kind {other}"),
        };
        let mut import = format!("{word} {text}");
        if lexer.get("id") == -1 && lexer.get("ai") != -1 {
            lexer.instance.call::<(), ()>("rsa", ()).unwrap();
            while lexer.get("ra") != 0 {
                import += &format!(" {}={}", lexer.between("aks", "ake"), lexer.between("avs", "ave"));
            }
        }
        imports.push(import + if kind & 16 != 0 { " only a type" } else { "" });
    }
    loop {
        let record = lexer.get("re") as u32;
        if record == 0 {
            return Ok((imports, exports));
        }
        let text = |field| Some(lexer.slice(lexer.place(record, field)?, lexer.place(record, field + 4)?));
        let (name, from) = (text(0).unwrap(), word(&lexer.instance, record + 20));
        let &[kind, flags] = bytes(&lexer.instance, record + 24, 2) else { unreachable!() };
        exports.push(match (kind, flags & 3) {
            (3, _) => format!("* from {from}"),
            (1, _) => format!("{} as {name}", text(8).unwrap_or_default()),
            (_, 0) => format!("{} as {name} from {from}", text(8).unwrap_or_default()),
            (_, 1) => format!("default as {name} from {from}"),
            _ => format!("* as {name} from {from}"),
        });
    }
}

/// Without the unescaping of names, which its script does outside of WebAssembly.
fn cjs(lexer: &mut Lexer) -> Found {
    let (at, len) = (lexer.at, lexer.source.len() as u32);
    if lexer.instance.call::<_, u32>("parseCJS", (at, len, 0u32, 0u32, 0u32, 0u32)).unwrap() != 0 {
        return Err(lexer.get("e") as u32);
    }
    let mut all = |next, start, end| {
        let mut texts = Vec::new();
        while lexer.get(next) != 0 {
            texts.push(lexer.between(start, end));
        }
        texts
    };
    let (reexports, unsafe_getters) = (all("rre", "res", "ree"), all("ru", "us", "ue"));
    let mut exports = all("re", "es", "ee");
    exports.retain(|name| !unsafe_getters.contains(name));
    Ok((exports, reexports))
}

fn lex(name: &str, source: &str) -> Found {
    twice(&format!("{name} of {} bytes", source.len()), || {
        let (beyond, lex): (u32, fn(&mut Lexer) -> Found) = if name == "es-module-lexer" { (0, es) } else { (1, cjs) };
        let mut lexer = Lexer::new(name, source, beyond);
        (lex(&mut lexer), lexer.instance.usage())
    })
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn lexers_find_imports_and_exports() {
    let owned = |(_, first, second): &(&str, &[&str], &[&str])| {
        [first, second].map(|texts| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>()).into()
    };
    for (name, found, errors) in
        [("es-module-lexer", cases::ES, cases::NOT_ES), ("cjs-module-lexer", cases::CJS, cases::NOT_CJS)]
    {
        for case in found {
            assert_eq!(lex(name, case.0), Ok(owned(case)), "{}", case.0);
        }
        for (source, at) in errors {
            assert_eq!(lex(name, source), Err(*at), "{source}");
        }
    }
}

/// Sources of a size that needs the host to grow the memory.
#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn lexers_take_long_sources() {
    const LINES: usize = 1_000;
    let numbered = |text: fn(usize) -> String| (0..LINES).map(text).collect::<String>();
    let source =
        numbered(|i| format!("import {{ a{i} }} from './m{i}.js'; /* import 'no' */ export let b{i} = a{i}();\n"));
    let (imports, exports) = lex("es-module-lexer", &source).unwrap();
    assert_eq!((imports.len(), exports.len()), (LINES, LINES));
    assert_eq!((&*imports[LINES - 1], &*exports[LINES - 1]), ("static ./m999.js", "b999 as b999"));

    let source = numbered(|i| format!("exports.b{i} = function () {{ return /* exports.no */ a[{i}] }};\n"));
    let (exports, _) = lex("cjs-module-lexer", &source).unwrap();
    assert_eq!((exports.len(), &*exports[LINES - 1]), (LINES, "b999"));
}

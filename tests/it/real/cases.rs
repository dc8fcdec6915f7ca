//! What the packages' own hosts answer, or a specification says.

/// A plugin, its configuration, a path, a text, and what becomes of it; what the plugin says of the configuration.
type Formatted =
    (&'static str, &'static str, &'static str, &'static str, Result<&'static str, &'static str>, &'static str);

pub const PLAIN: &str = r#"{"global":{},"plugin":{}}"#;

#[rustfmt::skip]
pub const FORMATTED: &[Formatted] = &[
    ("dprint-json", PLAIN, "a.json", "{\"b\":1,\"a\":[1,2 ,3],\n\"c\":null}",
        Ok("{ \"b\": 1, \"a\": [1, 2, 3], \"c\": null }\n"), "[]"),
    ("dprint-json", PLAIN, "a.json", "{\"b\":[\n1,\n\n2],}",
        Ok("{\n  \"b\": [\n    1,\n\n    2\n  ],\n}\n"), "[]"),
    ("dprint-json", PLAIN, "a.json", "{\n  \"a\": 1\n}\n", Ok("{\n  \"a\": 1\n}\n"), "[]"),
    ("dprint-json", PLAIN, "a.jsonc", "// x\n{\"a\":/*y*/1}", Ok("// x\n{ \"a\": /*y*/ 1 }\n"), "[]"),
    ("dprint-json", PLAIN, "a.json", "{\"a\":",
        Err("Line 1, column 6: Expected value after colon in object property\n\n  {\"a\":"), "[]"),
    ("dprint-json", r#"{"global":{"indentWidth":4,"lineWidth":30},"plugin":{"trailingCommas":"never"}}"#,
        "a.json", "{\"b\":[1,\n2], \"c\":{\n\"d\":1}}",
        Ok("{\n    \"b\": [1, 2],\n    \"c\": {\n        \"d\": 1\n    }\n}\n"), "[]"),
    ("dprint-json", r#"{"global":{},"plugin":{"lineWidth":"w","quoteProps":"q"}}"#, "a.json", "1", Ok("1\n"),
        "[{\"propertyName\":\"lineWidth\",\"message\":\"invalid digit found in string\"},\
          {\"propertyName\":\"quoteProps\",\"message\":\"Unknown property in configuration\"}]"),
    ("dprint-toml", PLAIN, "a.toml", "a=1\n[ x ]\nb  = [1,2,\n3]\n", Ok("a = 1\n[x]\nb = [1, 2, 3]\n"), "[]"),
    ("dprint-toml", PLAIN, "a.toml", "a=", Err("Line 1, column 2: expected a value\n\n  a=\n   ~"), "[]"),
    ("dprint-toml", PLAIN, "Cargo.toml",
        "[package]\nversion=\"1\"\nname=\"x\"\n[dependencies]\nb=\"1\"\na={version=\"2\",features=[\"z\",\"y\"]}",
        Ok("[package]\nname = \"x\"\nversion = \"1\"\n[dependencies]\na = { version = \"2\", features = [\"z\", \"y\"] }\nb = \"1\"\n"),
        "[]"),
];

/// A module, its imports, and its exports; of `import` records the source text, of exports what they are.
#[rustfmt::skip]
pub const ES: &[(&str, &[&str], &[&str])] = &[
    ("import { a } from './dep.js';\nexport var p = 5;", &["static ./dep.js"], &["p as p"]),
    ("import 'x'; import * as n from \"y\"; import d, {z} from './z.mjs' with { type: 'json' };\n\
      export * from 'all'; export * as ns from 'star'; export { one, two as 'second' } from './pair.js';\n\
      export default function f() {}",
        &["static x", "static y", "static ./z.mjs type='json'", "star all", "static star", "static ./pair.js"],
        &["* from 3", "* as ns from 4", "one as one from 5", "two as 'second' from 5", "f as default"]),
    ("const m = await import('./später.js'); import(`${x}`);\n\
      console.log(import.meta.url, /import 'no'/, `import 'no' ${import('in')}`); // import 'no'",
        &["dynamic './später.js'", "dynamic `${x}`", "meta import.meta", "dynamic 'in'"], &[]),
    ("import type { T } from './t.ts'; import source s from './s.wasm';\n\
      export const ä = 1, b = 2; export class C {} export { ä as 'ä b' }",
        &["static ./t.ts only a type", "source ./s.wasm"], &["ä as ä", "b as b", "C as C", "ä as 'ä b'"]),
    ("", &[], &[]),
    ("a + b", &[], &[]),
];

/// What is no module, and where the lexer finds that out, in UTF-16 units.
pub const NOT_ES: &[(&str, u32)] = &[("import { a } from 'x';\nexport { a ", 34), ("import 'a';\nfunction f() {", 0)];

/// A script, the names it exports and the modules it exports again.
#[rustfmt::skip]
pub const CJS: &[(&str, &[&str], &[&str])] = &[
    ("exports.a = 'a'; exports['b'] = 'b';", &["a", "'b'"], &[]),
    ("module.exports = { a, 'b': b, c: c, ...d };", &["a", "'b'", "c"], &[]),
    ("module.exports = { ...require('a'), ...require('b') };", &[], &["'a'", "'b'"]),
    ("Object.defineProperty(exports, 'e', { enumerable: true, get: function () { return q.p; } });\n\
      Object.defineProperty(exports, '__esModule', { value: true });", &["'e'", "'__esModule'"], &[]),
    ("module.exports = require('./c.js'); var _x = require('x'); __exportStar(require('y'), exports);",
        &[], &["'./c.js'", "'y'"]),
    ("(function (e) { e.a = 1 })(exports)", &[], &[]),
];

/// What is no script but a module, and where the lexer finds that out.
pub const NOT_CJS: &[(&str, u32)] = &[("import 'x'", 7), ("export const a = 1", 7), ("exports.a = 1; import.meta", 21)];

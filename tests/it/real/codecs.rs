//! `snappy-wasm`, `lz4-wasm` and `brotli-wasm`: compressors made by wasm-bindgen, whose JavaScript side is played here; and
//! `xxhash-wasm`, whose memory is named `mem`.

use belljar::{Builder, Context, HostError, Instance, Sandbox};

use super::{bytes, kept, twice, wasm, word, write};

/// The names under which wasm-bindgen's JavaScript is imported.
const SCRIPTS: [&str; 2] = ["wbg", "./lz4_wasm_bg.js"];

/// What is imported of wasm-bindgen's JavaScript: an error's text is kept in the run's data, and every object is number 1.
fn javascript() -> Sandbox {
    fn text(ctx: &mut Context<'_>, ptr: u32, len: u32) -> Result<u32, HostError> {
        let text = ctx.read_text(ptr, len)?;
        *ctx.data_mut::<String>().ok_or_else(|| HostError::new("the data is a string"))? = text;
        Ok(1)
    }
    fn error(ctx: &mut Context<'_>, ptr: u32, len: u32) -> Result<(), HostError> {
        Err(HostError::new(ctx.read_text(ptr, len)?))
    }
    let strings = |builder: Builder, script| {
        builder.host_function(script, "__wbindgen_string_new", text).host_function(script, "__wbindgen_error_new", text)
    };
    SCRIPTS
        .into_iter()
        .fold(Sandbox::builder(), strings)
        .host_function("wbg", "__wbindgen_throw", error)
        .host_function("wbg", "__wbg_error_09919627ac0992f5", error)
        .host_function("wbg", "__wbindgen_is_undefined", |_: u32| -> i32 { 1 })
        .host_function("wbg", "__wbindgen_is_object", |_: u32| -> i32 { 0 })
        .host_function("wbg", "__wbindgen_json_serialize", |_: u32, _: u32| ())
        .host_function("wbg", "__wbindgen_object_drop_ref", |_: u32| ())
        .host_function("wbg", "__wbg_new_693216e109162396", || -> u32 { 1 })
        .host_function("wbg", "__wbg_stack_0ddaca5d1abfb52f", |_: u32, _: u32| ())
        .build()
        .unwrap()
}

/// Calls a function from bytes to bytes as wasm-bindgen's script does: the result is left on the guest's stack.
fn convert(instance: &mut Instance, name: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    let result: u32 = instance.call("__wbindgen_add_to_stack_pointer", -16).unwrap();
    write(instance, result, &[0; 16]);
    let len = data.len() as u32;
    let at: u32 = instance.call("__wbindgen_malloc", len).unwrap();
    write(instance, at, data);
    instance.call::<_, ()>(name, (result, at, len)).unwrap();
    let [ptr, len, _, failed] = [0, 4, 8, 12].map(|field| word(instance, result + field));
    if failed != 0 {
        return Err(instance.data::<String>().unwrap().clone());
    }
    let converted = bytes(instance, ptr, len).to_vec();
    instance.call::<_, ()>("__wbindgen_free", (ptr, len)).unwrap();
    instance.call::<_, u32>("__wbindgen_add_to_stack_pointer", 16).unwrap();
    Ok(converted)
}

fn run(name: &str, function: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    twice(&format!("{name}.{function} of {} bytes", data.len()), || {
        let sandbox = javascript();
        let module = sandbox.load(&wasm(name)).unwrap();
        let mut instance = sandbox.instance_with(&module, String::new()).unwrap();
        (convert(&mut instance, function, data), instance.usage())
    })
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn codecs_read_what_their_formats_say() {
    let pangram = "The quick brown fox jumps over the lazy dog. ".repeat(2);
    for (name, function, data, expected) in [
        // Length 20; a literal of one; a copy of 19 from one back.
        ("snappy-wasm", "decompress_raw", &b"\x14\0a\x4a\x01\0"[..], "a".repeat(20)),
        // Length 20; one literal and 14 from one back; five literals.
        ("lz4-wasm", "decompress", b"\x14\0\0\0\x1aa\x01\0\x50aaaaa", "a".repeat(20)),
        // As the reference encoder wrote them: stored, and with words of the dictionary.
        ("brotli-wasm", "decompress", b"\x0b\x02\x80hello\x03", "hello".into()),
        (
            "brotli-wasm",
            "decompress",
            b"\x1b\x58\0\x88\x2c\x0e\x78\xd3\xd0\x95\x5d\x97\x10\xbb\x17\x2b\xa9\xca\xd0\x92\xcc\x8c\xad\x41\x5c\xe6\xf2\
              \x36\xc8\x19\x9e\x9e\x0a\x7b\x83\x0d\x38\x70\x48\x20\x6f\x21\xbf\x41\xa7\x15\xce\x1c\x1e\x27\xaa\x29\x38\xc2\
              \xa5\x7d\x1a\x63",
            pangram.trim_end().into(),
        ),
    ] {
        assert_eq!(run(name, function, data), Ok(expected.into_bytes()), "{name}");
    }
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn codecs_give_back_what_they_took() {
    // Repetitive, but not the same line again and again.
    let line = |i: u32| format!("line {} of {}\n", i.wrapping_mul(2_654_435_761) >> 20, i / 7);
    let text: String = (0..2_000).map(line).collect();
    for (name, pack, unpack) in
        [("snappy-wasm", "compress_raw", "decompress_raw"), ("lz4-wasm", "compress", "decompress")]
    {
        let packed = run(name, pack, text.as_bytes()).unwrap();
        assert!(packed.len() < text.len() * 3 / 5, "{name}: {} bytes of {}", packed.len(), text.len());
        assert_eq!(run(name, unpack, &packed).unwrap(), text.as_bytes(), "{name}");
        assert!(run(name, unpack, &packed[..packed.len() / 2]).is_err(), "{name}: half of it");
    }
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn xxhash_takes_a_memory_of_another_name() {
    for (data, h32, h64) in [
        (vec![], 0x02cc_5d05, 0xef46_db37_51d8_e999),
        (b"abc".to_vec(), 0x32d1_53ff, 0x44bc_2cf5_ad77_0999),
        (vec![b'a'; 1_000_000], 0xe115_5920, 0xdc48_3aaa_9b4f_dc40),
    ] {
        let len = data.len() as u32;
        let found = twice(&format!("xxhash-wasm of {len} bytes"), || {
            let mut instance = kept("xxhash-wasm");
            let lacking = data.len().saturating_sub(instance.memory().len()).div_ceil(65_536);
            instance.grow_memory(lacking as u64).unwrap().expect("the memory can grow");
            write(&mut instance, 0, &data);
            let h32: u32 = instance.call("xxh32", (0u32, len, 0u32)).unwrap();
            let h64: u64 = instance.call("xxh64", (0u32, len, 0u64)).unwrap();
            ((h32, h64), instance.usage())
        });
        assert_eq!(found, (h32, h64), "{len} bytes");
    }
}

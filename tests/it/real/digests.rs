//! `hash-wasm`: digests of published inputs, driven as the package's own script drives them.

use std::{fs, path::Path};

use belljar::{Config, Instance, Value};
use serde::Deserialize;

use super::{bytes, kept, kept_with, twice, write};

#[derive(Deserialize)]
struct Digests {
    digest: Vec<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Digest {
    name: String,
    module: String,
    #[serde(default)]
    init: u32,
    #[serde(default, rename = "final")]
    finale: u32,
    #[serde(default)]
    buffer: String,
    of: [String; 3],
}

/// What the package's script moves at once.
const CHUNK: usize = 16 * 1024;

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn digests_are_the_published_ones() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/digests.toml");
    let digests: Digests = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for digest in &digests.digest {
        let run = |data: &[u8], config: Config| {
            let mut instance = kept_with(&digest.module, config);
            (hash(&mut instance, digest, data), instance.usage())
        };
        for (data, expected) in [&b""[..], b"abc"].into_iter().zip(&digest.of) {
            let what = format!("{} of {} bytes", digest.name, data.len());
            assert_eq!(twice(&what, || run(data, Config::default())), *expected, "{what}");
        }
        // Once: this takes up to 230 fuel a byte, which is minutes in a debug build.
        if cfg!(debug_assertions) {
            continue;
        }
        let (found, usage) = run(&[b'a'; 1_000_000], Config::default().with_fuel(1_000_000_000));
        assert_eq!(found, digest.of[2], "{} of a million bytes", digest.name);
        println!("{} of 1000000 bytes: {} fuel", digest.name, usage.fuel);
    }
}

fn hash(instance: &mut Instance, digest: &Digest, data: &[u8]) -> String {
    let buffer: u32 = instance.call("Hash_GetBuffer", ()).unwrap();
    write(instance, buffer, &from_hex(&digest.buffer));
    with_one(instance, "Hash_Init", digest.init);
    for chunk in data.chunks(CHUNK) {
        write(instance, buffer, chunk);
        instance.call::<u32, ()>("Hash_Update", chunk.len() as u32).unwrap();
    }
    with_one(instance, "Hash_Final", digest.finale);
    bytes(instance, buffer, digest.of[0].len() as u32 / 2).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The script gives these always one argument, which JavaScript drops where the export takes none.
fn with_one(instance: &mut Instance, name: &str, argument: u32) {
    let count = instance.module().inspect().function(name).unwrap().params.len();
    instance.call_values(name, &[Value::I32(argument as i32)][..count]).unwrap();
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn bcrypt_knows_its_passwords() {
    // From the test vectors of crypt_blowfish.
    let hash = b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for (password, right) in [("U*U", 1), ("U*V", 0)] {
        let found = twice(&format!("bcrypt of {password}"), || {
            let mut instance = kept("hash-wasm-bcrypt");
            let buffer: u32 = instance.call("Hash_GetBuffer", ()).unwrap();
            write(&mut instance, buffer, hash);
            write(&mut instance, buffer + 60, password.as_bytes());
            (instance.call::<u32, i32>("bcrypt_verify", password.len() as u32).unwrap(), instance.usage())
        });
        assert_eq!(found, right, "{password}");
    }
}

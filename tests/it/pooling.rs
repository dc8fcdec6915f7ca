//! Stores and memories that serve one run after another: no run and no instance sees anything of another, and each is
//! what it would be if it were the first.

use std::thread;

use arbitrary::{Arbitrary, Unstructured};
use belljar::{Config, Error, Instance, Module, Outcome, Sandbox, Value};

/// Does what its input says, 12 bytes at a time - fill so many bytes, with what is found at another
/// place beside it - after it has looked at some of each KiB of its memory. Grows, traps, fails where it says so.
const GUEST: &str = r#"(module
    (import "env" "read_input" (func $read (param i32 i32) (result i32)))
    (import "env" "write_output" (func $write (param i32 i32)))
    (memory (export "memory") 20 24)
    (global $runs (mut i32) (i32.const 0))
    (data (i32.const 1048576) "\2a")
    (func $seen (result i64)
        (local $at i32) (local $sum i64)
        (loop $next
            (local.set $sum (i64.add (i64.rotl (local.get $sum) (i64.const 1)) (i64.load (local.get $at))))
            (br_if $next (i32.lt_u
                (local.tee $at (i32.add (local.get $at) (i32.const 1024)))
                (i32.mul (memory.size) (i32.const 65536)))))
        (local.get $sum))
    (func (export "execute") (param i32 i32) (result i32)
        (local $sum i64) (local $length i32) (local $turn i32)
        (local.set $sum (call $seen))
        (i64.store (i32.const 1048584) (i64.add (local.get $sum) (i64.extend_i32_u (global.get $runs))))
        (call $write (i32.const 1048584) (i32.const 8))
        (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
        (block $done
            (loop $next
                (br_if $done (i32.ne (call $read (i32.const 1048592) (i32.const 12)) (i32.const 12)))
                (local.set $length (i32.and (i32.load (i32.const 1048596)) (i32.const 0x3ffff)))
                (memory.fill
                    (i32.rem_u (i32.load (i32.const 1048592)) (i32.const 1048576))
                    (i32.or (i32.load8_u (i32.const 1048600)) (i32.const 1))
                    (local.get $length))
                (if (i32.eq (i32.load8_u (i32.const 1048601)) (i32.const 1)) (then unreachable))
                (if (i32.eq (i32.load8_u (i32.const 1048601)) (i32.const 2)) (then (drop (memory.grow (i32.const 1)))))
                (if (i32.eq (i32.load8_u (i32.const 1048601)) (i32.const 3)) (then (return (i32.const 7))))
                (if (i32.eq (i32.load8_u (i32.const 1048601)) (i32.const 4)) (then
                    (loop (br_if 0 (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const 100000))))))
                (br $next)))
        (call $write (i32.const 0) (i32.const 65536))
        (i32.const 0)))"#;

/// Fuel for less than the long loop.
fn load() -> (Sandbox, Module) {
    let config = Config::default().with_memory_bytes(22 * 65536).with_fuel(400_000);
    let sandbox = Sandbox::new(config).unwrap();
    let module = sandbox.load_text(GUEST).unwrap();
    (sandbox, module)
}

/// Inputs of any length, most of whose steps only write.
fn inputs(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    let bytes: Vec<u8> = (0..count * 256).map(|_| byte()).collect();
    let mut data = Unstructured::new(&bytes);
    let step = |data: &mut Unstructured<'_>| {
        let mut step = <[u8; 12]>::arbitrary(data).unwrap();
        // Few of them large.
        step[6] &= if step[7] < 32 { 3 } else { 0 };
        step[9] = if step[10] < 16 { step[11] % 5 } else { 0 };
        step
    };
    (0..count).map(|n| (0..n % 7).flat_map(|_| step(&mut data)).collect()).collect()
}

/// What comes of an input in a sandbox where nothing was run before.
fn alone(input: &[u8]) -> Result<Outcome, Error> {
    let (sandbox, module) = load();
    sandbox.run(&module, input)
}

#[test]
fn every_run_is_as_if_it_were_the_first() {
    let (sandbox, module) = load();
    let fresh = sandbox.instance(&module).unwrap().memory().to_vec();
    for (n, input) in inputs(1, 60).iter().enumerate() {
        // After a run that has grown its memory no store is kept unless it is asked for.
        sandbox.prepare(&module, 1).unwrap();
        assert_eq!(sandbox.run(&module, input), alone(input), "run {n}");
        assert!(sandbox.instance(&module).unwrap().memory() == fresh, "after run {n}");
    }
}

#[test]
fn it_is_so_where_only_memories_are_kept() {
    let (sandbox, module) = load();
    let mut grown = 0;
    for (n, input) in inputs(4, 150).iter().enumerate() {
        let outcome = sandbox.run(&module, input);
        grown += usize::from(outcome.as_ref().is_ok_and(|o| o.usage.memory_peak_bytes > 20 << 16));
        assert_eq!(outcome, alone(input), "run {n}");
    }
    assert!(grown > 2, "{grown} of the runs have grown their memory and ended");
}

/// Says what it finds in its memory, sets all of it to the first byte of its input, grows by as many pages as the second
/// says, says what is in these, sets them too, and ends as the third says.
fn filling(pages: u32) -> String {
    format!(
        r#"(module
        (import "env" "read_input" (func $read (param i32 i32) (result i32)))
        (import "env" "write_output" (func $write (param i32 i32)))
        (memory (export "memory") {pages} 9)
        (global $end (mut i32) (i32.const 0))
        (func $seen (param $at i32) (result i64) (local $sum i64)
            (local.set $sum (i64.const 1))
            (block $done (loop $next
                (br_if $done (i32.ge_u (local.get $at) (global.get $end)))
                (local.set $sum (i64.add (i64.rotl (local.get $sum) (i64.const 1)) (i64.load (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 512)))
                (br $next)))
            (local.get $sum))
        (func (export "execute") (param i32 i32) (result i32)
            (local $first i64) (local $second i64) (local $from i32) (local $set i32) (local $grow i32) (local $how i32)
            (global.set $end (i32.mul (memory.size) (i32.const 65536)))
            (local.set $first (call $seen (i32.const 0)))
            (if (i32.eqz (memory.size)) (then (drop (memory.grow (i32.const 1)))))
            (drop (call $read (i32.const 0) (i32.const 3)))
            (local.set $set (i32.load8_u (i32.const 0)))
            (local.set $grow (i32.load8_u (i32.const 1)))
            (local.set $how (i32.load8_u (i32.const 2)))
            (memory.fill (i32.const 0) (local.get $set) (i32.mul (memory.size) (i32.const 65536)))
            (local.set $from (memory.grow (local.get $grow)))
            (global.set $end (i32.mul (memory.size) (i32.const 65536)))
            (local.set $second (call $seen (i32.mul (local.get $from) (i32.const 65536))))
            (memory.fill (i32.const 0) (local.get $set) (global.get $end))
            (i64.store (i32.const 0) (local.get $first))
            (i64.store (i32.const 8) (local.get $second))
            (i32.store (i32.const 16) (local.get $from))
            (call $write (i32.const 0) (i32.const 20))
            (if (i32.eq (local.get $how) (i32.const 1)) (then unreachable))
            (if (i32.eq (local.get $how) (i32.const 2)) (then (return (i32.const 5))))
            (i32.const 0)))"#
    )
}

#[test]
fn no_page_has_anything_of_another_run_or_instance() {
    let config = Config::default().with_memory_bytes(8 << 16);
    for pages in [0, 1, 3, 5] {
        let sandbox = Sandbox::new(config.clone()).unwrap();
        let module = sandbox.load_text(&filling(pages)).unwrap();
        let alone = |input: &[u8]| {
            let sandbox = Sandbox::new(config.clone()).unwrap();
            sandbox.run(&sandbox.load_text(&filling(pages)).unwrap(), input)
        };
        let mut instances: Vec<Instance> = Vec::new();
        for n in 0..120_u8 {
            // Up to the limit and beyond it, and in pieces.
            let input = [n | 1, [1, 0, 2, 5, 9][usize::from(n % 5)], n / 5 % 3];
            assert_eq!(sandbox.run(&module, &input[..]), alone(&input), "run {n} of {pages} pages");
            let mut instance = sandbox.instance(&module).unwrap();
            assert!(instance.memory().iter().all(|byte| *byte == 0), "instance {n} of {pages} pages");
            // Instances are run by the same input, or written to by the host, and dropped in another order.
            if n % 3 == 0 {
                assert_eq!(instance.run(&input[..]), alone(&input), "instance {n} of {pages} pages");
            } else if instance.grow_memory(u64::from(n % 3)).unwrap().is_some() {
                assert!(instance.memory().iter().all(|byte| *byte == 0), "growth of {n} of {pages} pages");
                instance.memory_mut().fill(n);
            }
            instances.push(instance);
            if instances.len() > 5 {
                instances.swap_remove(usize::from(n % 5));
            }
            if n % 40 == 30 {
                sandbox.prepare(&module, 2).unwrap();
            }
        }
    }
}

/// Each has an address space of its own, and pages only where it was written to.
#[test]
fn many_instances_live_at_a_time() {
    const COUNT: i32 = 10_000;
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let module = sandbox
        .load_text(
            r#"(module (memory (export "memory") 1)
            (func (export "set") (param i32) (i32.store (i32.const 40000) (local.get 0)))
            (func (export "get") (result i32) (i32.load (i32.const 40000))))"#,
        )
        .unwrap();
    let count = if can_pool() { COUNT } else { 100 };
    #[cfg(target_os = "linux")]
    let before = crate::memory::status("VmRSS:");
    let mut instances: Vec<_> = (0..count).map(|_| sandbox.instance(&module).unwrap()).collect();
    #[cfg(target_os = "linux")]
    if can_pool() {
        let each = crate::memory::status("VmRSS:").saturating_sub(before) as f64 / f64::from(count);
        assert!(each < 16.0, "{each:.1} KiB each");
    }
    for (n, instance) in (0..).zip(&mut instances) {
        assert_eq!(instance.call::<(), i32>("get", ()), Ok(0));
        assert_eq!(instance.call::<i32, ()>("set", n), Ok(()));
    }
    for (n, instance) in (0..).zip(&mut instances) {
        assert_eq!(instance.call_values("get", &[]).unwrap().results, [Value::I32(n)]);
    }
}

/// Where the host has no address space for mappings, memories are the engine's.
#[cfg(target_os = "linux")]
#[test]
fn it_is_so_without_address_space() {
    let test = ["--exact", "--ignored", "--test-threads", "1", "pooling::there_is_little_address_space"];
    let limited = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 1000000 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(test)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&limited.stdout);
    assert!(limited.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by the one before it"]
fn there_is_little_address_space() {
    // Less than a mapping needs that reaches up to the limit.
    let sandbox = Sandbox::new(Config::default().with_memory_bytes(1 << 30)).unwrap();
    let module = sandbox.load_text(&filling(5).replace("5 9)", "5)")).unwrap();
    assert_eq!(sandbox.prepare(&module, 1), Ok(0));
    let first = sandbox.run(&module, [7, 2, 0]).unwrap();
    assert_eq!(first.usage.memory_peak_bytes, 7 << 16);
    for _ in 0..20 {
        assert_eq!(sandbox.run(&module, [7, 2, 0]), Ok(first.clone()));
        assert_eq!(sandbox.instance(&module).unwrap().run([7, 2, 0]), Ok(first.clone()));
    }
}

#[test]
fn it_is_so_for_runs_at_the_same_time_and_in_steps() {
    let (sandbox, module) = load();
    let inputs = inputs(2, 30);
    let expected: Vec<_> = inputs.iter().map(|input| alone(input)).collect();
    assert!(expected.iter().any(Result::is_err) && expected.iter().any(Result::is_ok));
    assert_eq!(sandbox.prepare(&module, 3).unwrap(), if can_pool() { 3 } else { 0 });
    thread::scope(|threads| {
        for turn in 0..4_usize {
            let (sandbox, module, inputs, expected) = (&sandbox, &module, &inputs, &expected);
            threads.spawn(move || {
                for n in (0..inputs.len()).map(|n| (n * 7 + turn * 13) % inputs.len()) {
                    sandbox.prepare(module, n % 3).unwrap();
                    // Some that are begun and never end, in between.
                    let mut unfinished = sandbox.start(module, &inputs[(n + 1) % inputs.len()]).unwrap();
                    let _ = unfinished.step(n as u64 * 1_000);
                    assert_eq!(sandbox.run(module, &inputs[n]), expected[n], "run {n} of turn {turn}");
                }
            });
        }
    });
}

/// Whether memories are recycled here.
fn can_pool() -> bool {
    cfg!(all(feature = "pooling", target_os = "linux", target_pointer_width = "64"))
}

#[test]
fn what_is_ready_is_told() {
    let (sandbox, module) = load();
    let ready = |wanted| sandbox.prepare(&module, wanted).unwrap();
    let wanted = |n| if can_pool() { n } else { 0 };
    assert_eq!([ready(0), ready(2), ready(2), ready(12)], [0, wanted(2), wanted(2), wanted(12)]);
    // One is used and comes back; one is used up, except for its memory.
    assert!(sandbox.run(&module, b"").is_ok());
    assert_eq!(ready(0), wanted(12));
    let trap = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    assert!(sandbox.run(&module, trap).is_err());
    assert_eq!(ready(0), wanted(11));
    assert_eq!(ready(12), wanted(12));

    let table = sandbox
        .load_text(
            r#"(module (memory 4) (table $t 1 funcref)
                (func (export "_start") (drop (table.grow $t (ref.null func) (i32.const 1000)))))"#,
        )
        .unwrap();
    assert_eq!(sandbox.prepare(&table, 1), Ok(wanted(1)));
    assert!(sandbox.run(&table, b"").is_ok());
    assert_eq!(sandbox.prepare(&table, 0), Ok(0));

    let small = sandbox.load_text("(module (memory 1) (func (export \"_start\")))").unwrap();
    assert_eq!(sandbox.prepare(&small, 2), Ok(wanted(2)));
    let none = sandbox.load_text("(module (func (export \"_start\")))").unwrap();
    assert_eq!(sandbox.prepare(&none, 2), Ok(0));
    let other = load().0;
    assert!(matches!(other.prepare(&module, 1), Err(Error::Call(_))));
}

#[test]
fn a_store_that_has_served_long_is_replaced() {
    let sandbox = load().0;
    let small = sandbox
        .load_text(
            r#"(module (memory 4) (global (export "g") (mut i32) (i32.const 0)) (func (export "f") (result i32)
            (i32.store (i32.const 70000) (i32.add (i32.load (i32.const 70000)) (i32.const 1)))
            (i32.load (i32.const 70000))))"#,
        )
        .unwrap();
    for _ in 0..3_000 {
        assert_eq!(sandbox.call::<(), i32>(&small, "f", ()), Ok(1));
    }
}

/// The system tells a process that was forked off of the pages of its parent, and not of its own.
#[cfg(target_os = "linux")]
#[test]
fn it_is_so_in_a_process_that_was_forked_off() {
    // Alone in its process, so that no lock is held by a thread that is not forked with it.
    let forking = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--test-threads", "1", "pooling::a_process_is_forked_off"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&forking.stdout);
    assert!(forking.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by the one before it"]
#[expect(unsafe_code, reason = "between fork and exec")]
fn a_process_is_forked_off() {
    use std::os::unix::process::CommandExt;

    let (sandbox, module) = load();
    let inputs = inputs(3, 40);
    let expected: Vec<_> = inputs.iter().map(|input| alone(input)).collect();
    sandbox.prepare(&module, 2).unwrap();
    assert!(sandbox.run(&module, b"").is_ok());
    let run_all = move || {
        for (input, expected) in inputs.iter().zip(&expected) {
            sandbox.prepare(&module, 1).map_err(|_| std::io::ErrorKind::Other)?;
            if sandbox.run(&module, input) != *expected {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
        }
        // What tells the parent that it came to here.
        Err(std::io::Error::from_raw_os_error(EXDEV))
    };
    const EXDEV: i32 = 18;
    let mut command = std::process::Command::new("true");
    // SAFETY: the only thread there is waits for the child, so that no lock is left behind.
    unsafe { command.pre_exec(run_all) };
    assert_eq!(command.spawn().unwrap_err().raw_os_error(), Some(EXDEV));
}

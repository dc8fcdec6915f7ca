//! belljar beside the same engine driven by hand: same prices, same slices, same guests.
//!
//! `cargo bench --manifest-path benches/Cargo.toml [-- NAME]`; the portable dispatch with
//! `--features portable`.

use benches::{
    cases::{self, Work, in_threads},
    engine::{Abi, Loaded},
    guest::Guest,
    hand::Hand,
    ours::Belljar,
    yardstick,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn all(c: &mut Criterion) {
    let engines = yardstick();
    for case in cases::all() {
        let mut group = c.benchmark_group(format!("{}/{}", case.group, case.name));
        group.throughput(Throughput::Elements(case.per_run.into()));
        let size = if case.input.len() > 1 << 20 { BatchSize::PerIteration } else { BatchSize::SmallInput };
        for engine in &engines {
            // Prepared only if it is not filtered out.
            let mut work: Option<Work> = None;
            group.bench_function(engine.name(), |b| {
                let work = work.get_or_insert_with(|| case.prepare(engine.as_ref()).unwrap().unwrap());
                b.iter_batched(|| case.input.clone(), |input| work(input).unwrap(), size);
            });
        }
        group.finish();
    }
}

fn threads(c: &mut Criterion) {
    const RUNS: usize = 200;
    let guest = Guest::Upper { pages: 17 }.wasm(Abi::Env).unwrap();
    let ours = Belljar::new().program(&guest).unwrap();
    let hand = Hand::safe().program(&guest).unwrap();
    fn of(c: &mut Criterion, name: &str, loaded: &(impl Loaded + Sync)) {
        let mut group = c.benchmark_group("threads: 17 pages, 1 KiB of work");
        for threads in [1, 2] {
            group.throughput(Throughput::Elements((threads * RUNS) as u64));
            group.bench_function(format!("{name}/{threads}"), |b| {
                b.iter(|| in_threads(loaded, &[b'a'; 1024], threads, RUNS).unwrap());
            });
        }
    }
    of(c, "belljar", &ours);
    of(c, "by hand", &hand);
}

criterion_group!(benches, all, threads);
criterion_main!(benches);

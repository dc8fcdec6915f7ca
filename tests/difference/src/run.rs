//! All modules, over all cores.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    compare::{Compared, Manner, compare},
    digest::Digest,
    observe,
    options::Options,
    subject::Subject,
    tally::{Phase, Tally},
};

/// How long a module may take before it counts as one that does not end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many seeds a thread takes at a time.
const CHUNK: u64 = 16;

/// What the threads share.
struct Shared<'o> {
    options: &'o Options,
    subject: Subject,
    next: AtomicU64,
    /// No seeds from here on are taken.
    end: AtomicU64,
    tally: Mutex<Tally>,
    /// The digest of each seed.
    digests: Mutex<Vec<(u64, u64)>>,
    running: Vec<Running>,
}

/// The seed that a thread is at, and when it began with it, in milliseconds from the start.
#[derive(Default)]
struct Running {
    seed: AtomicU64,
    since: AtomicU64,
}

/// Not at any seed.
const IDLE: u64 = u64::MAX;

/// Runs all seeds, and returns what came of them together.
pub fn run(options: &Options) -> (Tally, Digest) {
    let shared = Shared {
        options,
        subject: Subject::new(),
        next: AtomicU64::new(options.seeds.start),
        end: AtomicU64::new(options.seeds.end),
        tally: Mutex::default(),
        digests: Mutex::default(),
        running: (0..options.jobs).map(|_| Running::default()).collect(),
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let builder = || thread::Builder::new().stack_size(16 << 20);
        let work = |running| {
            builder().spawn_scoped(scope, {
                let shared = &shared;
                move || shared.work(running, start)
            })
        };
        let threads: Vec<_> = shared.running.iter().map(|running| work(running).expect("a thread starts")).collect();
        let mut told = Instant::now();
        while threads.iter().any(|thread| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(20));
            shared.watch(start);
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                shared.tell(start);
            }
        }
    });
    shared.tell(start);
    let mut digests = shared.digests.into_inner().expect("no thread panics");
    digests.sort_unstable();
    let mut digest = Digest::default();
    digests.iter().for_each(|(_, one)| digest.word(*one));
    (shared.tally.into_inner().expect("no thread panics"), digest)
}

/// Runs one seed. A panic is a difference.
pub fn one(options: &Options, subject: &Subject, seed: u64, manner: Manner) -> (Vec<u8>, Compared) {
    let mut generated = Tally::default();
    let case = generated.timed(Phase::Generate, || observe::case(&options.generator.module(seed), seed));
    let compared = catch_unwind(AssertUnwindSafe(|| compare(subject, &case, manner)));
    let mut compared = compared.unwrap_or_else(|panic| Compared {
        tally: Tally { modules: 1, ..Tally::default() },
        digest: Digest::default(),
        difference: Some(format!("a panic: {}", message(&*panic))),
        lines: Vec::new(),
    });
    compared.tally.add(generated);
    (case.wasm, compared)
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied()).unwrap_or("unknown")
}

impl Shared<'_> {
    fn work(&self, running: &Running, start: Instant) {
        let manner = Manner { reference: !self.options.alone, lines: false };
        loop {
            let first = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            let (mut tally, mut digests) = (Tally::default(), Vec::new());
            for seed in first..first.saturating_add(CHUNK) {
                if seed >= self.end.load(Ordering::Relaxed) {
                    break;
                }
                running.since.store(start.elapsed().as_millis() as u64, Ordering::Relaxed);
                running.seed.store(seed, Ordering::Relaxed);
                if self.options.trace {
                    eprintln!("seed {seed}");
                }
                let (_, mut compared) = one(self.options, &self.subject, seed, manner);
                running.seed.store(IDLE, Ordering::Relaxed);
                if let Some(difference) = compared.difference {
                    eprintln!("seed {seed}: {difference}");
                    compared.tally.differences.push((seed, difference));
                    if self.options.stop_at_first {
                        self.end.fetch_min(seed, Ordering::Relaxed);
                    }
                }
                tally.add(compared.tally);
                digests.push((seed, compared.digest.0));
            }
            if digests.is_empty() {
                return;
            }
            self.tally.lock().expect("no thread panics").add(tally);
            self.digests.lock().expect("no thread panics").extend(digests);
        }
    }

    /// Ends the program where a module does not end.
    fn watch(&self, start: Instant) {
        let now = start.elapsed().as_millis() as u64;
        for running in &self.running {
            let (seed, since) = (running.seed.load(Ordering::Relaxed), running.since.load(Ordering::Relaxed));
            if seed != IDLE && now.saturating_sub(since) > PATIENCE.as_millis() as u64 {
                eprintln!("seed {seed}: it does not end");
                println!("{}: 1 does not end (seed {seed})", self.options.generator.name());
                std::process::exit(1);
            }
        }
    }

    fn tell(&self, start: Instant) {
        let tally = self.tally.lock().expect("no thread panics");
        let rate = tally.modules as f64 / start.elapsed().as_secs_f64();
        let (name, modules) = (self.options.generator.name(), tally.modules);
        eprintln!("{name}: {modules} modules, {rate:.0} a second; each {}", tally.phases());
    }
}

//! All subjects, over all cores.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    count::{Compared, Loaded},
    prices::Prices,
    subject::Subject,
    tally::Tally,
};

/// Compares `count` subjects, each made from its number. Differences are told when they come.
pub fn all(count: u64, subject: &(dyn Fn(u64) -> Subject + Sync), prices: &Prices) -> Tally {
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return;
            }
            let found = one(subject(at), prices);
            found.differing.iter().for_each(|(name, why)| eprintln!("{name}: {why}"));
            tally.lock().expect("no thread panics").add(found);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, work).expect("a thread starts");
        }
    });
    tally.into_inner().expect("no thread panics")
}

/// Compares all runs of a subject. A panic is a difference.
pub fn one(subject: Subject, prices: &Prices) -> Tally {
    let mut tally = Tally { subjects: 1, ..Tally::default() };
    let name = subject.name.clone();
    let compared =
        catch_unwind(AssertUnwindSafe(|| Loaded::new(subject, prices)?.map(|mut loaded| loaded.compare()).transpose()));
    let compared = match compared {
        Ok(Ok(Some(compared))) => compared,
        Ok(Ok(None)) => {
            tally.refused = 1;
            Vec::new()
        }
        Ok(Err(why)) => vec![Compared::Differs(why)],
        Err(panic) => vec![Compared::Differs(format!("a panic: {}", message(&*panic)))],
    };
    for (number, compared) in compared.into_iter().enumerate() {
        tally.note(&format!("{name}, run {number}"), compared);
    }
    tally
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied()).unwrap_or("unknown")
}

//! Tests of the scheduler with a virtual clock.

use std::time::Duration;

use super::{Bounds, Ticket, Turns};

/// A scheduler whose clients are numbers.
struct Fixture {
    turns: Turns<u32>,
    now: Duration,
}

const BOUNDS: Bounds = Bounds { permits: 1, waiting: 1_000, per_client: 1_000 };

impl Fixture {
    fn new(bounds: Bounds) -> Fixture {
        Fixture { turns: Turns::new(bounds), now: Duration::ZERO }
    }

    fn enqueue(&mut self, client: u32, flow: u64) -> Ticket {
        let enqueued = self.turns.enqueue(client, flow).unwrap();
        assert_eq!(enqueued.displaced, None);
        enqueued.ticket
    }

    fn next(&mut self) -> Option<Ticket> {
        self.turns.next(self.now)
    }

    /// Advances the clock, and ends a request.
    fn end(&mut self, ticket: Ticket, after: u64) {
        self.now += Duration::from_millis(after);
        self.turns.leave(ticket, self.now);
    }
}

/// Returns the number of runs that end before a request gets its permit beside `loops` clients, each of which sends
/// its next request as soon as its run has ended. The clients are addresses, or connections of one address.
fn ends_until(loops: u32, places: usize, before: u32, are_addresses: bool, has_asked: bool) -> usize {
    let mut fixture = Fixture::new(Bounds { permits: places, ..BOUNDS });
    let of = |i: u32| if are_addresses { (i + 1, 0) } else { (1, i.into()) };
    let (client, flow) = of(loops);
    if has_asked {
        let ticket = fixture.enqueue(client, flow);
        assert_eq!(fixture.next(), Some(ticket));
        fixture.end(ticket, 1);
    }
    let mut tickets: Vec<_> = (0..loops).map(|i| fixture.enqueue(of(i).0, of(i).1)).collect();
    let mut running: Vec<_> = std::iter::from_fn(|| fixture.next()).collect();
    let mut good = None;
    for ends in 0.. {
        if ends == before as usize {
            let ticket = fixture.enqueue(client, flow);
            good = Some(ticket);
        }
        let ended = running.remove(0);
        fixture.end(ended, 1_000);
        let given: Vec<_> = std::iter::from_fn(|| fixture.next()).collect();
        if given.iter().any(|ticket| Some(*ticket) == good) {
            return ends + 1 - before as usize;
        }
        running.extend(given);
        let at = tickets.iter().position(|ticket| *ticket == ended).unwrap();
        tickets[at] = fixture.enqueue(of(at as u32).0, of(at as u32).1);
    }
    unreachable!()
}

#[test]
fn a_request_waits_as_long_beside_many_loops_as_beside_few() {
    for are_addresses in [true, false] {
        for places in [1, 2] {
            for has_asked in [true, false] {
                for before in 0..150 {
                    let ends = ends_until(32, places, before, are_addresses, has_asked);
                    let few = ends_until(2, places, before, are_addresses, has_asked);
                    assert!(ends <= 2 && few >= 1, "{ends} {few}: {places} {before} {are_addresses} {has_asked}");
                }
            }
        }
    }
}

/// Checks that shares do not depend on the number of queued requests.
#[test]
fn clients_have_equal_shares() {
    let mut fixture = Fixture::new(BOUNDS);
    let mut of = [(1, 100), (2, 10), (3, 1)]
        .map(|(client, count)| (0..count).map(|flow| fixture.enqueue(client, flow)).collect::<Vec<_>>());
    let mut turns = [0; 3];
    for _ in 0..300 {
        let ticket = fixture.next().unwrap();
        let at = of.iter().position(|tickets| tickets.contains(&ticket)).unwrap();
        turns[at] += 1;
        fixture.end(ticket, 500);
        of[at].push(fixture.enqueue(at as u32 + 1, 1_000 + turns[at]));
    }
    assert!(turns.iter().all(|turns| (90..=110).contains(turns)), "{turns:?}");
}

#[test]
fn a_client_below_its_share_does_not_wait() {
    let mut fixture = Fixture::new(BOUNDS);
    for flow in 0..50 {
        fixture.enqueue(1, flow);
    }
    for _ in 0..50 {
        let busy = fixture.next().unwrap();
        let light = fixture.enqueue(2, 0);
        fixture.end(busy, 300);
        assert_eq!(fixture.next(), Some(light));
        fixture.end(light, 3);
    }
}

/// Checks that newer requests do not starve the oldest one.
#[test]
fn the_oldest_has_its_turn() {
    let mut fixture = Fixture::new(BOUNDS);
    let oldest: Vec<_> = (0..5).map(|client| fixture.enqueue(client, 0)).collect();
    let mut given = Vec::new();
    for client in 5..50 {
        fixture.enqueue(client, 0);
        let ticket = fixture.next().unwrap();
        given.push(ticket);
        fixture.end(ticket, 1);
    }
    assert!(oldest.iter().all(|ticket| given.contains(ticket)));
}

#[test]
fn requests_of_a_flow_keep_their_order() {
    let mut fixture = Fixture::new(BOUNDS);
    let tickets: Vec<_> = (0..20).map(|_| fixture.enqueue(1, 7)).collect();
    for ticket in tickets {
        assert_eq!(fixture.next(), Some(ticket));
        fixture.end(ticket, 50);
    }
    assert_eq!(fixture.next(), None);
}

#[test]
fn a_client_has_a_limited_number_of_permits() {
    let mut fixture = Fixture::new(Bounds { permits: 3, waiting: 1, per_client: 2 });
    let first = [fixture.enqueue(1, 1), fixture.enqueue(1, 2)].map(|_| fixture.next());
    assert!(first.iter().all(Option::is_some));
    let third = fixture.enqueue(1, 3);
    assert_eq!(fixture.next(), None);
    // A free permit goes to another client, even if the queue is full.
    let other = fixture.enqueue(2, 0);
    assert_eq!(fixture.next(), Some(other));
    fixture.end(other, 1);
    assert_eq!(fixture.next(), None);
    fixture.end(first[0].unwrap(), 1);
    assert_eq!(fixture.next(), Some(third));
}

#[test]
fn a_full_queue_displaces_the_client_with_the_most_requests() {
    let mut fixture = Fixture::new(Bounds { waiting: 4, ..BOUNDS });
    let running = fixture.enqueue(9, 0);
    assert_eq!(fixture.next(), Some(running));
    let first: Vec<_> = (0..4).map(|flow| fixture.enqueue(1, flow)).collect();
    // A client does not displace itself.
    assert_eq!(fixture.turns.enqueue(1, 4), None);
    assert_eq!(fixture.turns.enqueue(2, 0).unwrap().displaced, Some(first[3]));
    assert_eq!(fixture.turns.enqueue(3, 0).unwrap().displaced, Some(first[2]));
    // Two of one client, one of each other: another swap would not be fairer.
    assert_eq!(fixture.turns.enqueue(2, 1), None);
    assert_eq!(fixture.turns.enqueue(4, 0).unwrap().displaced, Some(first[1]));
    assert_eq!(fixture.turns.enqueue(5, 0), None);
    // A displaced request is no longer in the queue.
    fixture.turns.leave(first[3], fixture.now);
    assert_eq!(fixture.turns.enqueue(5, 0), None);
    fixture.turns.leave(first[0], fixture.now);
    assert!(fixture.turns.enqueue(5, 0).is_some());
}

/// Checks that the number of accounts is bounded.
#[test]
fn clients_are_forgotten() {
    let mut fixture = Fixture::new(BOUNDS);
    let heavy = fixture.enqueue(0, 0);
    assert_eq!(fixture.next(), Some(heavy));
    fixture.end(heavy, 5_000);
    for client in 1..100_000 {
        let ticket = fixture.enqueue(client, 0);
        assert_eq!(fixture.next(), Some(ticket));
        fixture.turns.leave(ticket, fixture.now);
        assert!(fixture.turns.accounts.len() <= 20_000);
    }
    // The account with the highest usage is kept.
    let running = fixture.enqueue(100_000, 0);
    assert_eq!(fixture.next(), Some(running));
    let (light, heavy) = (fixture.enqueue(100_001, 0), fixture.enqueue(0, 1));
    fixture.end(running, 1);
    assert_eq!(fixture.next(), Some(light));
    fixture.end(light, 1);
    assert_eq!(fixture.next(), Some(heavy));
}

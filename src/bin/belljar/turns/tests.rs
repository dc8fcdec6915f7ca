//! What turns come of, with a clock that is made up.

use std::time::Duration;

use super::{Bounds, Ticket, Turns};

/// Turns of clients that are called by a number.
struct Line {
    turns: Turns<u32>,
    now: Duration,
}

const BOUNDS: Bounds = Bounds { places: 1, waiting: 1_000, per_client: 1_000 };

impl Line {
    fn new(bounds: Bounds) -> Line {
        Line { turns: Turns::new(bounds), now: Duration::ZERO }
    }

    fn joins(&mut self, client: u32, strand: u64) -> Ticket {
        let joined = self.turns.join(client, strand).unwrap();
        assert_eq!(joined.displaced, None);
        joined.ticket
    }

    fn next(&mut self) -> Option<Ticket> {
        self.turns.next(self.now)
    }

    /// Lets time pass, and a request end.
    fn ends(&mut self, ticket: Ticket, after: u64) {
        self.now += Duration::from_millis(after);
        self.turns.leave(ticket, self.now);
    }
}

/// How many runs end until a request has its place that comes beside so many clients, each of which asks again as soon
/// as its run has ended. They are addresses, or connections of one.
fn ends_until(loops: u32, places: usize, before: u32, are_addresses: bool, has_asked: bool) -> usize {
    let mut line = Line::new(Bounds { places, ..BOUNDS });
    let of = |i: u32| if are_addresses { (i + 1, 0) } else { (1, i.into()) };
    let (client, strand) = of(loops);
    if has_asked {
        let ticket = line.joins(client, strand);
        assert_eq!(line.next(), Some(ticket));
        line.ends(ticket, 1);
    }
    let mut tickets: Vec<_> = (0..loops).map(|i| line.joins(of(i).0, of(i).1)).collect();
    let mut running: Vec<_> = std::iter::from_fn(|| line.next()).collect();
    let mut good = None;
    for ends in 0.. {
        if ends == before as usize {
            let ticket = line.joins(client, strand);
            good = Some(ticket);
        }
        let ended = running.remove(0);
        line.ends(ended, 1_000);
        let given: Vec<_> = std::iter::from_fn(|| line.next()).collect();
        if given.iter().any(|ticket| Some(*ticket) == good) {
            return ends + 1 - before as usize;
        }
        running.extend(given);
        let at = tickets.iter().position(|ticket| *ticket == ended).unwrap();
        tickets[at] = line.joins(of(at as u32).0, of(at as u32).1);
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

/// However many requests a client has in the line.
#[test]
fn clients_have_equal_shares() {
    let mut line = Line::new(BOUNDS);
    let mut of = [(1, 100), (2, 10), (3, 1)]
        .map(|(client, count)| (0..count).map(|strand| line.joins(client, strand)).collect::<Vec<_>>());
    let mut turns = [0; 3];
    for _ in 0..300 {
        let ticket = line.next().unwrap();
        let at = of.iter().position(|tickets| tickets.contains(&ticket)).unwrap();
        turns[at] += 1;
        line.ends(ticket, 500);
        of[at].push(line.joins(at as u32 + 1, 1_000 + turns[at]));
    }
    assert!(turns.iter().all(|turns| (90..=110).contains(turns)), "{turns:?}");
}

#[test]
fn whoever_uses_less_than_its_share_does_not_wait() {
    let mut line = Line::new(BOUNDS);
    for strand in 0..50 {
        line.joins(1, strand);
    }
    for _ in 0..50 {
        let busy = line.next().unwrap();
        let light = line.joins(2, 0);
        line.ends(busy, 300);
        assert_eq!(line.next(), Some(light));
        line.ends(light, 3);
    }
}

/// Newcomers do not keep the one at the end from its turn.
#[test]
fn the_oldest_has_its_turn() {
    let mut line = Line::new(BOUNDS);
    let oldest: Vec<_> = (0..5).map(|client| line.joins(client, 0)).collect();
    let mut given = Vec::new();
    for client in 5..50 {
        line.joins(client, 0);
        let ticket = line.next().unwrap();
        given.push(ticket);
        line.ends(ticket, 1);
    }
    assert!(oldest.iter().all(|ticket| given.contains(ticket)));
}

#[test]
fn requests_of_a_strand_keep_their_order() {
    let mut line = Line::new(BOUNDS);
    let tickets: Vec<_> = (0..20).map(|_| line.joins(1, 7)).collect();
    for ticket in tickets {
        assert_eq!(line.next(), Some(ticket));
        line.ends(ticket, 50);
    }
    assert_eq!(line.next(), None);
}

#[test]
fn a_client_has_no_more_places_than_it_may() {
    let mut line = Line::new(Bounds { places: 3, waiting: 1, per_client: 2 });
    let first = [line.joins(1, 1), line.joins(1, 2)].map(|_| line.next());
    assert!(first.iter().all(Option::is_some));
    let third = line.joins(1, 3);
    assert_eq!(line.next(), None);
    // A place that is free is another's, however full the line.
    let other = line.joins(2, 0);
    assert_eq!(line.next(), Some(other));
    line.ends(other, 1);
    assert_eq!(line.next(), None);
    line.ends(first[0].unwrap(), 1);
    assert_eq!(line.next(), Some(third));
}

#[test]
fn who_has_the_most_in_a_full_line_makes_room() {
    let mut line = Line::new(Bounds { waiting: 4, ..BOUNDS });
    let running = line.joins(9, 0);
    assert_eq!(line.next(), Some(running));
    let first: Vec<_> = (0..4).map(|strand| line.joins(1, strand)).collect();
    // Not for itself.
    assert_eq!(line.turns.join(1, 4), None);
    assert_eq!(line.turns.join(2, 0).unwrap().displaced, Some(first[3]));
    assert_eq!(line.turns.join(3, 0).unwrap().displaced, Some(first[2]));
    // Two of one, one of each of the others: it would be no fairer with one more.
    assert_eq!(line.turns.join(2, 1), None);
    assert_eq!(line.turns.join(4, 0).unwrap().displaced, Some(first[1]));
    assert_eq!(line.turns.join(5, 0), None);
    // Whoever had to leave has left.
    line.turns.leave(first[3], line.now);
    assert_eq!(line.turns.join(5, 0), None);
    line.turns.leave(first[0], line.now);
    assert!(line.turns.join(5, 0).is_some());
}

/// However many clients come, what is kept of them has a bound.
#[test]
fn clients_are_forgotten() {
    let mut line = Line::new(BOUNDS);
    let heavy = line.joins(0, 0);
    assert_eq!(line.next(), Some(heavy));
    line.ends(heavy, 5_000);
    for client in 1..100_000 {
        let ticket = line.joins(client, 0);
        assert_eq!(line.next(), Some(ticket));
        line.turns.leave(ticket, line.now);
        assert!(line.turns.accounts.len() <= 20_000);
    }
    // Those who have used much, last.
    let running = line.joins(100_000, 0);
    assert_eq!(line.next(), Some(running));
    let (light, heavy) = (line.joins(100_001, 0), line.joins(0, 1));
    line.ends(running, 1);
    assert_eq!(line.next(), Some(light));
    line.ends(light, 1);
    assert_eq!(line.next(), Some(heavy));
}

//! How long the steps of retention have the writer. Not a test of every day: run it
//! with `cargo test --release --test it steps -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use nyala::domain::id::Seq;
use nyala::domain::stride::Stride;
use nyala::domain::time::Timestamp;
use nyala::store::sqlite::{Readers, open};
use nyala::store::{Aged, Archive, Finished, Transactions, Writes};
use rusqlite::Connection;
use tempfile::TempDir;

/// A million finished deliveries of two hundred thousand events, each of 300 bytes
/// with an answer of 300 more; a failed attempt for every tenth; and first of all an
/// event of ten thousand deliveries.
const FILL: &str = "
    INSERT INTO events SELECT 1, randomblob(16), 'E', NULL, randomblob(300), 10000, 0;
    WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 199999)
    INSERT INTO events SELECT 10002 + n * 6, randomblob(16), 'E', NULL, randomblob(300), 5, 0 FROM n;
    WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 10001)
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, status, started_at, duration_us, answer_headers)
    SELECT n, 1, n, 2, 1, 200, 0, 0, hex(randomblob(150)) FROM n;
    WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 999999)
    INSERT INTO deliveries (seq, event_seq, hook_id, state, attempts, status, started_at, duration_us, answer_headers)
    SELECT 10003 + n / 5 * 6 + n % 5, 10002 + n / 5 * 6, n % 5000, 2, 1, 200, 0, 0, hex(randomblob(150)) FROM n;
    INSERT INTO attempts (delivery, number, started_at, duration_us, outcome, reason, answer_body)
    SELECT seq, 1, 0, 0, 0, 'Said 500', randomblob(1000) FROM deliveries WHERE seq % 10 = 3;
    UPDATE counter SET seq = 3000000;";

struct Measured(Vec<Duration>);

impl Measured {
    /// On two cores: half of them within 5 ms with their commit, 99 in 100 within 8.
    fn print(mut self, what: &str) {
        self.0.sort();
        let at = |percent: usize| self.0[(self.0.len() - 1) * percent / 100];
        let all: Duration = self.0.iter().sum();
        println!("{what}: {} steps, {all:?}; p50 {:?} p99 {:?} most {:?}", self.0.len(), at(50), at(99), at(100));
        assert!(at(50) < Duration::from_millis(20), "{what}");
    }
}

#[test]
#[ignore = "a measure, of minutes"]
fn the_steps_of_retention_let_the_writer_go_soon() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("nyala.db");
    drop(open(&path, std::sync::Arc::default(), crate::house::rules(), crate::house::vault()).expect("a database"));
    Connection::open(&path).expect("a database").execute_batch(FILL).expect("rows");
    let mut session =
        open(&path, std::sync::Arc::default(), crate::house::rules(), crate::house::vault()).expect("a database");
    let readers = Readers::open(&path).expect("readers");
    let reader = readers.get().expect("a reader");
    let mut steps = 0;
    let mut step = |act: &mut dyn FnMut(&mut dyn Writes)| {
        session.begin().expect("a transaction");
        let since = Instant::now();
        act(&mut session);
        let acted = since.elapsed();
        session.commit().expect("a commit");
        let whole = since.elapsed();
        steps += 1;
        if steps % 16 == 0 {
            readers.checkpoint().expect("a checkpoint");
        }
        (acted, whole)
    };

    let (mut acts, mut whole, mut looks) = (vec![], vec![], vec![]);
    let (mut after, mut stride) = (Seq(0), Stride::default());
    loop {
        let since = Instant::now();
        let stretch = reader.finished(after, Seq(i64::MAX), Timestamp::MAX).expect("a stretch");
        looks.push(since.elapsed());
        let Some(last) = stretch.last else { break };
        let mut events: &[Finished] = &stretch.finished;
        while !events.is_empty() {
            let mut done = 0;
            let took = step(&mut |store| done = store.remove_events(events, stride.rows()).expect("a step"));
            stride.learn(took.0);
            acts.push(took.0);
            whole.push(took.1);
            events = &events[done..];
        }
        after = last;
    }
    Measured(looks).print("looking");
    Measured(acts).print("removing");
    Measured(whole).print("removing, with its commit");
    println!("{:?}", reader.size().expect("a size"));

    let (mut acts, mut whole) = (vec![], vec![]);
    while reader.size().expect("a size").free > 0 {
        let took = step(&mut |store| store.give_back(stride.rows()).expect("a step"));
        stride.learn(took.0);
        acts.push(took.0);
        whole.push(took.1);
    }
    Measured(acts).print("giving back");
    Measured(whole).print("giving back, with its commit");
    assert!(
        reader
            .events(nyala::store::page::Page::default(), &nyala::store::EventFilter::default())
            .expect("a page")
            .items
            .is_empty()
    );
}

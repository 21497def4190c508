//! Beginning and ending; what a transaction gathered is written at its end.

use super::{Batch, Session};
use crate::store::{Backend, Result, StoreError, Transactions, Writes};

/// Kept so that a lease or a place in the order is never given twice.
const KEEP_COUNTER: &str = "UPDATE counter SET seq = ?1 WHERE id = 1";

impl Transactions for Session {
    fn begin(&mut self) -> Result<()> {
        self.batch = Batch { first_seq: self.seq, ..Batch::default() };
        self.sql("BEGIN IMMEDIATE")?.execute([])?;
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.still_open()?;
        self.write_results()?;
        if self.seq != self.batch.first_seq {
            self.sql(KEEP_COUNTER)?.execute([self.seq])?;
        }
        self.sql("COMMIT")?.execute([])?;
        for (hook, target) in self.batch.targets.drain() {
            self.targets.set(hook, target);
        }
        Ok(())
    }

    fn rollback(&mut self) {
        // The numbers that it took stay taken: none may ever be given twice.
        self.batch = Batch::default();
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.conn.execute_batch("ROLLBACK") {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn mark(&mut self) -> Result<()> {
        self.still_open()?;
        self.marked = Some(self.batch.clone());
        self.sql("SAVEPOINT caller")?.execute([])?;
        Ok(())
    }

    fn unmark(&mut self, keep: bool) -> bool {
        if self.conn.is_autocommit() {
            return false;
        }
        let marked = self.marked.take();
        if !keep {
            self.batch = marked.unwrap_or_default();
        }
        let end = if keep { "RELEASE caller" } else { "ROLLBACK TO caller; RELEASE caller" };
        self.conn.execute_batch(end).is_ok()
    }

    fn rows(&self) -> usize {
        self.batch.rows
    }
}

impl Session {
    /// SQLite ends a transaction by itself when the disk is full or fails. What
    /// came after that would be a transaction of its own, which nobody asked for.
    fn still_open(&self) -> Result<()> {
        if self.conn.is_autocommit() {
            return Err(StoreError::Failed("the database rolled the transaction back".into()));
        }
        Ok(())
    }
}

impl Backend for Session {
    fn writes(&mut self) -> &mut dyn Writes {
        self
    }
}

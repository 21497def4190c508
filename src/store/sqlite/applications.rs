//! Which applications there are. What adds one takes any connection, because a token
//! for it may be made beside the server.

use rusqlite::{Connection, Row, params};

use super::archive::Reader;
use super::{Session, rows};
use crate::domain::access::Bounds;
use crate::domain::application::{Application, KnownApplication};
use crate::domain::time::Timestamp;
use crate::store::page::{Page, Paged};
use crate::store::{ApplicationArchive, Applications, Result};

const ADD: &str = "INSERT INTO applications (name, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";

const LIST: &str = "
    SELECT * FROM applications
    WHERE id > ?1 AND (?3 IS NULL OR name IN (SELECT value FROM json_each(?3)))
    ORDER BY id
    LIMIT ?2";

const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM applications WHERE name = ?1)";

/// Answers whether it was not there yet.
pub(super) fn add(conn: &Connection, now: Timestamp, name: &Application) -> Result<bool> {
    Ok(conn.prepare_cached(ADD)?.execute(params![name.as_str(), now.millis()])? > 0)
}

impl Applications for Session {
    fn add_application(&mut self, now: Timestamp, name: &Application) -> Result<bool> {
        if self.remembers_application(name.as_str()) {
            return Ok(false);
        }
        let added = add(&self.conn, now, name)?;
        if added {
            self.batch.rows += 1;
            self.forget();
        } else {
            self.remember_application(name.as_str());
        }
        Ok(added)
    }

    fn has_application(&mut self, name: &str) -> Result<bool> {
        Ok(self.sql(EXISTS)?.query_row([name], |row| row.get(0))?)
    }
}

impl ApplicationArchive for Reader {
    fn applications(&self, page: Page, within: &Bounds) -> Result<Paged<KnownApplication>> {
        let after = page.after.map_or(0, |cursor| cursor.0);
        let names = within.applications.as_ref().map(rows::json);
        let mut statement = self.sql(LIST)?;
        let items = statement.query_map(params![after, page.rows(), names], application)?;
        Ok(Paged::cut(items.collect::<rusqlite::Result<_>>()?, page.limit, |application| application.id))
    }

    fn knows_application(&self, name: &str) -> Result<bool> {
        Ok(self.sql(EXISTS)?.query_row([name], |row| row.get(0))?)
    }
}

fn application(row: &Row<'_>) -> rusqlite::Result<KnownApplication> {
    Ok(KnownApplication {
        id: row.get("id")?,
        name: Application::trusted(row.get("name")?),
        created_at: rows::time(row, "created_at")?,
    })
}

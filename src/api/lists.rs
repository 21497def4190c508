//! Lists: read and written as JSON in one go, off the async threads.

use http::header::CONTENT_TYPE;
use serde::Serialize;
use warp::Reply;
use warp::reply::with_header;

use super::App;
use super::router::Answer;
use crate::store::page::Paged;
use crate::store::{self, Reads};

impl App {
    /// Answers a page, `{"items": […], "next": cursor or null}`, each item as `view` shows it.
    ///
    /// The largest page takes a third of a second to write: the async threads are for everybody.
    pub(super) async fn list<I, T: Serialize>(
        &self,
        look: impl FnOnce(&dyn Reads) -> store::Result<Paged<I>> + Send + 'static,
        view: impl Fn(I) -> T + Send + 'static,
    ) -> Answer {
        let text = self.db.read(move |archive| look(archive).map(|page| text(page, view))).await?;
        Ok(with_header(text, CONTENT_TYPE, "application/json").into_response())
    }
}

fn text<I, T: Serialize>(page: Paged<I>, view: impl Fn(I) -> T) -> Vec<u8> {
    let next = page.next.map(|cursor| cursor.to_string());
    let mut text = br#"{"items":["#.to_vec();
    write_items(&mut text, page.items, view);
    text.extend_from_slice(br#"],"next":"#);
    write(&mut text, &next);
    text.push(b'}');
    text
}

/// Writes items with commas between them. One after the other, so that none is there twice,
/// as it is kept and as it is shown, but the one.
pub(super) fn write_items<I, T: Serialize>(text: &mut Vec<u8>, items: Vec<I>, view: impl Fn(I) -> T) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write(text, &view(item));
    }
}

fn write(text: &mut Vec<u8>, value: &impl Serialize) {
    // What we show is texts and numbers, which always have a JSON form.
    let _ = serde_json::to_writer(text, value);
}

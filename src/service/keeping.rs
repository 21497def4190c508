//! Hooks that a service has from its start.

use super::Service;
use crate::domain::hook::{Hook, HookPatch, NewHook};
use crate::domain::id::HookId;
use crate::store::page::{MAX_LIMIT, Page};
use crate::store::{Added, HookFilter, StoreError};

impl Service {
    /// Sees to it that this hook is there, known by its description and events; one that is
    /// points where this one does from now on, with the credentials that this one has. Answers its number.
    ///
    /// # Errors
    /// Trouble of the database: nothing was kept.
    pub async fn keep_hook(&self, new: NewHook) -> Result<HookId, StoreError> {
        let described = HookFilter { text: new.description.clone(), ..HookFilter::default() };
        let page = Page { limit: MAX_LIMIT, ..Page::default() };
        let there = self.db.read(move |archive| archive.hooks(page, &described)).await?.items;
        let same = |hook: &Hook| hook.description == new.description && hook.filter.same_as(&new.filter);
        let (now, there) = (self.clock.now(), there.into_iter().find(same));
        let Some(hook) = there else {
            let (Added::New(hook) | Added::Existing(hook) | Added::Conflict(hook)) =
                self.db.write(move |store| store.add(now, &new)).await?;
            return Ok(hook.id);
        };
        if hook.url != new.url || new.credentials.is_some() {
            let patch = HookPatch { url: Some((new.url, new.credentials)), ..HookPatch::default() };
            self.db.write(move |store| store.change(now, hook.id, &patch)).await?;
        }
        Ok(hook.id)
    }
}

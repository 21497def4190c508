//! Who is asking, and what they may see and touch.

use std::sync::Arc;

use super::application::Application;
use super::hook::{Hook, Owner};
use super::id::TokenId;
use super::token::{Scope, Token};

/// Whoever makes a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// By which token; none while no token has ever been made, or from the command line.
    pub token: Option<TokenId>,
    /// What people call that token.
    pub name: Arc<str>,
    scopes: Arc<[Scope]>,
    applications: Arc<[Application]>,
}

impl Caller {
    /// Anybody at a server that no token was ever made for: an admin.
    #[must_use]
    pub fn open() -> Self {
        Self { token: None, name: "open".into(), scopes: [Scope::Admin].into(), applications: [].into() }
    }

    /// Somebody whom nobody asked who they are: may do nothing.
    #[must_use]
    pub fn nobody() -> Self {
        Self { token: None, name: "nobody".into(), scopes: [].into(), applications: [].into() }
    }

    /// May do everything within their applications.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.is(Scope::Admin)
    }

    /// May do everything, and hooks that are made this way belong to all admins.
    #[must_use]
    fn is_admin_of_all(&self) -> bool {
        self.is(Scope::Admin) && self.applications.is_empty()
    }

    fn is(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether one of these scopes is theirs; an admin has them all.
    #[must_use]
    pub fn may(&self, any_of: &[Scope]) -> bool {
        self.is(Scope::Admin) || any_of.iter().any(|scope| self.is(*scope))
    }

    /// Whose the hooks are that they make.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self.token {
            Some(TokenId(id)) if !self.is_admin_of_all() => Owner(id),
            _ => Owner::ADMIN,
        }
    }

    /// The applications that they are bound to; none means all.
    #[must_use]
    pub fn applications(&self) -> &[Application] {
        &self.applications
    }

    /// Whose hooks' URLs they may see whole, which may be secrets; `None` means all.
    #[must_use]
    pub fn sees_urls_of(&self) -> Option<Owner> {
        (!self.is(Scope::Admin)).then(|| self.owner())
    }

    /// What they may see.
    #[must_use]
    pub fn sees(&self) -> Bounds {
        self.bounds(self.may(&[Scope::Read]))
    }

    /// What they may change.
    #[must_use]
    pub fn manages(&self) -> Bounds {
        self.bounds(self.is(Scope::Admin))
    }

    fn bounds(&self, any_owner: bool) -> Bounds {
        let names = || self.applications.iter().map(|name| name.as_str().to_owned()).collect();
        Bounds { owner: (!any_owner).then(|| self.owner()), applications: (!self.applications.is_empty()).then(names) }
    }
}

impl From<&Token> for Caller {
    fn from(token: &Token) -> Self {
        Self {
            token: Some(token.id),
            name: token.name.as_str().into(),
            scopes: token.scopes.as_slice().into(),
            applications: token.applications.as_slice().into(),
        }
    }
}

/// What is within somebody's reach; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Hooks that this one made.
    pub owner: Option<Owner>,
    /// Hooks that want nothing but these applications and never did, and events that concern one of them.
    pub applications: Option<Vec<String>>,
}

impl Bounds {
    /// Whether a hook lies within.
    #[must_use]
    pub fn hold(&self, hook: &Hook) -> bool {
        let concerns = [hook.filter.applications(), hook.former_applications.clone()].concat();
        let of_nobody = self.applications.is_some() && concerns.is_empty();
        self.owner.is_none_or(|owner| owner == hook.owner) && !of_nobody && self.hold_all(&concerns)
    }

    /// Whether an event that concerns these applications does.
    #[must_use]
    pub fn hold_one_of(&self, applications: &[String]) -> bool {
        self.applications.as_ref().is_none_or(|mine| applications.iter().any(|name| mine.contains(name)))
    }

    /// Whether nothing but what lies within is named.
    #[must_use]
    pub fn hold_all(&self, applications: &[String]) -> bool {
        self.applications.as_ref().is_none_or(|mine| applications.iter().all(|name| mine.contains(name)))
    }

    /// Whether something that concerns these applications lies within as a whole.
    #[must_use]
    pub fn hold_wholly(&self, applications: &[String]) -> bool {
        self.applications.is_none() || !applications.is_empty() && self.hold_all(applications)
    }

    /// Whether all lies within.
    #[must_use]
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scopes: &[Scope], applications: &[&str]) -> Caller {
        let applications = applications.iter().map(|name| Application::parse(name).unwrap());
        Caller {
            token: Some(TokenId(7)),
            name: "t".into(),
            scopes: scopes.into(),
            applications: applications.collect(),
        }
    }

    #[test]
    fn an_admin_may_do_everything_and_others_what_they_were_given() {
        for scope in Scope::ALL {
            assert!(caller(&[Scope::Admin], &[]).may(&[scope]));
            assert_eq!(caller(&[Scope::Publish], &[]).may(&[scope]), scope == Scope::Publish);
        }
        assert!(!caller(&[Scope::Read], &[]).may(&[]), "what nobody is named for is for admins");
        assert!(caller(&[Scope::Admin], &[]).may(&[]));
    }

    #[test]
    fn hooks_of_admins_belong_to_all_of_them_and_others_to_their_token() {
        assert_eq!(Caller::open().owner(), Owner::ADMIN);
        assert_eq!(caller(&[Scope::Admin], &[]).owner(), Owner::ADMIN);
        assert_eq!(caller(&[Scope::Admin], &["a"]).owner(), Owner(7));
        assert_eq!(caller(&[Scope::Subscribe], &[]).owner(), Owner(7));
    }

    #[test]
    fn who_may_only_subscribe_sees_and_manages_their_own() {
        let subscriber = caller(&[Scope::Subscribe], &[]);
        assert_eq!(subscriber.sees().owner, Some(Owner(7)));
        assert_eq!(subscriber.manages().owner, Some(Owner(7)));
        let reader = caller(&[Scope::Subscribe, Scope::Read], &[]);
        assert!(reader.sees().are_none());
        assert_eq!(reader.manages().owner, Some(Owner(7)));
        assert!(caller(&[Scope::Admin], &[]).manages().are_none());
    }

    #[test]
    fn who_is_bound_to_applications_sees_nothing_of_others() {
        let bounds = caller(&[Scope::Admin], &["a", "b"]).sees();
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert!(bounds.hold_all(&names(&["a", "b"])));
        assert!(!bounds.hold_all(&names(&["a", "c"])));
        assert!(!bounds.hold_all(&names(&["*"])));
        assert!(bounds.hold_one_of(&names(&["a", "c"])));
        assert!(bounds.hold_wholly(&names(&["a"])) && !bounds.hold_wholly(&names(&["a", "c"])));
        assert!(!bounds.hold_wholly(&[]) && Bounds::default().hold_wholly(&[]));
        assert!(!bounds.hold_one_of(&names(&["c"])) && !bounds.hold_one_of(&[]));
    }
}

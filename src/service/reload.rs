//! The policy in force, and the way for another to come into force while records are judged.
//!
//! A mailbox with room for one: whoever read a newer configuration offers its policy, the main loop takes it and tells the
//! workers. Never reads a file, never checks a policy: one that is offered is valid.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::policy::Policy;

/// The mailbox. Clones share it.
#[derive(Clone, Default)]
pub struct Reload(Arc<Mutex<Slot>>);

#[derive(Default)]
struct Slot {
    policy: Option<Arc<Policy>>,
    waits: bool,
}

impl Reload {
    /// The policy that the service begins with. If another was offered before, that one stays.
    pub fn begin(&self, policy: Arc<Policy>) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.policy.get_or_insert(policy);
    }

    /// Offers a policy. One that was offered before and not taken yet is forgotten.
    pub fn offer(&self, policy: Arc<Policy>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Slot { policy: Some(policy), waits: true };
    }

    /// Takes what was offered, if anything was since last asked.
    pub fn take(&self) -> Option<Arc<Policy>> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut slot.waits).then(|| slot.policy.clone()).flatten()
    }

    /// The newest policy: the one in force, or about to be. `None` before the service began.
    pub fn policy(&self) -> Option<Arc<Policy>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).policy.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_offer_is_taken_once() {
        let service = Reload::default();
        assert!(service.policy().is_none() && service.take().is_none());
        let of = |version: &str| Arc::new(Policy { version: version.into(), ..Policy::for_tests() });
        service.begin(of("first"));
        assert!(service.take().is_none(), "what it began with needs no taking");
        let operator = service.clone();
        operator.offer(of("second"));
        operator.offer(of("third"));
        assert_eq!(service.take().map(|policy| policy.version.clone()), Some("third".into()));
        assert!(service.take().is_none());
        service.begin(of("first"));
        assert_eq!(operator.policy().map(|policy| policy.version.clone()), Some("third".into()));
    }
}

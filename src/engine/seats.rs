//! Where the apps of a shard sit: present, or dormant, as the bytes of their durable form.
//!
//! An app nobody has heard of for two days holds windows, lists and tables for nothing: kilobytes, where its durable form has
//! one or less, and that without its zeros a few hundred bytes. Being dormant is a matter of memory alone: waking is restoring,
//! and a restored app is the same app. No alert, no state and no checkpoint can tell. An app is never laid down here of its own
//! accord: whoever lays one down knows that it may rest.
//!
//! What is asked of an app whenever a call of it comes lies in its seat, in one piece: the app itself lies anywhere in memory, and is
//! fetched when it is judged.

use std::hash::BuildHasher;
use std::ops::Deref;

use hashbrown::HashTable;
use smol_str::SmolStr;

use super::app::{App, Waiting};
use super::due::AppState;
use super::policy::Policy;
use super::record::Position;
use super::time::Minute;
use super::waiting::AppSlot;
use super::zeros;

/// In so many minutes every seat is looked at once, by [`Seats::round`].
const ROUND_MINUTES: usize = 240;

/// All apps of a shard.
pub struct Seats {
    seed: u64,
    hasher: foldhash::fast::FixedState,
    /// The seats taken, by the ids of their apps.
    index: HashTable<AppSlot>,
    /// By slot.
    seats: Vec<Seat>,
    /// Slots whose seats are empty.
    free: Vec<AppSlot>,
    /// The seat at which the round goes on.
    next: usize,
}

/// After the place of any call.
const NOWHERE: Position = Position { partition: u32::MAX, offset: u64::MAX };

/// One seat: a line of the cache.
#[repr(align(64))]
struct Seat {
    app_id: SmolStr,
    form: Form,
    /// Where the first call of the app stands, as the app knows too; [`NOWHERE`] if it has none.
    first_call: Position,
    /// Calls of it that wait in the shard.
    waiting_calls: u32,
    /// Whether its state has changed since this was last asked.
    is_changed: bool,
}

const _: () = assert!(size_of::<Seat>() == 64);

/// Who sits there.
enum Form {
    /// Nobody: the app was forgotten.
    Empty,
    Present(Box<App>),
    Dormant(Box<Dormant>),
}

/// An app as the bytes of its durable form, and what of it is asked for without waking it.
struct Dormant {
    /// Without its [`zeros`].
    state: Box<[u8]>,
    last_judged: Minute,
    callees: u32,
}

/// An app to look at: one that is present, or the likeness of one that stays dormant.
pub enum Lent<'a> {
    /// It is present.
    Present(&'a App),
    /// It is dormant.
    Likeness(Box<App>),
}

impl Deref for Lent<'_> {
    type Target = App;

    fn deref(&self) -> &App {
        match self {
            Self::Present(app) => app,
            Self::Likeness(app) => app,
        }
    }
}

impl Dormant {
    fn of(app: &App) -> Self {
        Self {
            state: zeros::packed(&app.bytes(Waiting::default())),
            last_judged: app.last_judged(),
            callees: app.memory().pairs.len() as u32,
        }
    }

    fn woken(&self, policy: &Policy, seed: u64) -> Box<App> {
        Box::new(App::from_bytes(&zeros::unpacked(&self.state), policy, seed))
    }
}

impl Form {
    fn look(&self, policy: &Policy, seed: u64) -> Option<Lent<'_>> {
        match self {
            Self::Empty => None,
            Self::Present(app) => Some(Lent::Present(app)),
            Self::Dormant(dormant) => Some(Lent::Likeness(dormant.woken(policy, seed))),
        }
    }

    fn last_judged(&self) -> Minute {
        match self {
            Self::Empty => Minute::default(),
            Self::Present(app) => app.last_judged(),
            Self::Dormant(dormant) => dormant.last_judged,
        }
    }
}

impl Seats {
    /// None taken. `seed` keys the hashes of all maps.
    pub fn new(seed: u64) -> Self {
        let hasher = foldhash::fast::FixedState::with_seed(seed);
        Self { seed, hasher, index: HashTable::new(), seats: Vec::new(), free: Vec::new(), next: 0 }
    }

    /// How many apps there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Where an app sits.
    pub fn slot(&self, app_id: &str) -> Option<AppSlot> {
        let is_it = |slot: &AppSlot| self.seats[*slot as usize].app_id == app_id;
        self.index.find(self.hasher.hash_one(app_id), is_it).copied()
    }

    /// The seats taken, in no order.
    pub fn slots(&self) -> impl Iterator<Item = AppSlot> + '_ {
        self.index.iter().copied()
    }

    /// The apps by id with their seats and when they were last judged, in no order.
    pub fn taken(&self) -> impl Iterator<Item = (&str, AppSlot, Minute)> {
        self.slots().map(|slot| {
            let seat = &self.seats[slot as usize];
            (seat.app_id.as_str(), slot, seat.form.last_judged())
        })
    }

    /// Gives an app that is not here a seat. Whether its state is new to whoever keeps it is said by `is_changed`.
    pub fn seat(&mut self, app: App, is_changed: bool) -> AppSlot {
        let (app_id, first_call) = (SmolStr::new(app.id()), app.first_call().unwrap_or(NOWHERE));
        let hash = self.hasher.hash_one(app_id.as_str());
        let seat = Seat { app_id, form: Form::Present(Box::new(app)), first_call, waiting_calls: 0, is_changed };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.seats[slot as usize] = seat;
                slot
            }
            None => {
                self.seats.push(seat);
                self.seats.len() as AppSlot - 1
            }
        };
        let (seats, hasher) = (&self.seats, &self.hasher);
        self.index.insert_unique(hash, slot, |slot| hasher.hash_one(seats[*slot as usize].app_id.as_str()));
        slot
    }

    /// Forgets the app of a seat.
    pub fn forget(&mut self, slot: AppSlot) {
        let seat = &mut self.seats[slot as usize];
        if let Ok(entry) = self.index.find_entry(self.hasher.hash_one(seat.app_id.as_str()), |other| *other == slot) {
            entry.remove();
            (seat.form, seat.waiting_calls, seat.is_changed) = (Form::Empty, 0, false);
            self.free.push(slot);
        }
    }

    /// Calls of an app that wait in the shard.
    pub fn waiting_calls(&self, slot: AppSlot) -> usize {
        self.seats[slot as usize].waiting_calls as usize
    }

    /// Whether a call of the app ever came.
    pub fn has_called(&self, slot: AppSlot) -> bool {
        self.seats[slot as usize].first_call != NOWHERE
    }

    /// Notes that a call of the app, which stands at `position`, waits in the shard.
    pub fn admitted(&mut self, slot: AppSlot, position: Position, policy: &Policy) {
        let seat = &mut self.seats[slot as usize];
        seat.waiting_calls += 1;
        seat.is_changed = true;
        if position < seat.first_call {
            seat.first_call = position;
            if let Some(app) = self.wake(slot, policy) {
                app.called_first(position);
            }
        }
    }

    /// Notes that so many calls of an app whose state was taken back wait, as that said.
    pub fn waits(&mut self, slot: AppSlot, calls: usize) {
        self.seats[slot as usize].waiting_calls = calls as u32;
    }

    /// Notes that so many calls of the app wait no longer.
    pub fn judged(&mut self, slot: AppSlot, calls: usize) {
        self.seats[slot as usize].waiting_calls -= calls as u32;
    }

    /// Notes that what waits for the app has changed.
    pub fn told(&mut self, slot: AppSlot) {
        self.seats[slot as usize].is_changed = true;
    }

    /// The app of a seat if it is present.
    pub fn present(&self, slot: AppSlot) -> Option<&App> {
        match &self.seats[slot as usize].form {
            Form::Present(app) => Some(app),
            Form::Empty | Form::Dormant(_) => None,
        }
    }

    /// All apps that are present, by seat.
    pub fn all_present(&self) -> impl Iterator<Item = &App> {
        self.seats.iter().filter_map(|seat| if let Form::Present(app) = &seat.form { Some(app.as_ref()) } else { None })
    }

    /// The app of a seat, woken if it is dormant, to be changed.
    pub fn wake(&mut self, slot: AppSlot, policy: &Policy) -> Option<&mut App> {
        let seat = &mut self.seats[slot as usize];
        seat.is_changed = true;
        if let Form::Dormant(dormant) = &seat.form {
            seat.form = Form::Present(dormant.woken(policy, self.seed));
        }
        match &mut seat.form {
            Form::Present(app) => Some(app),
            Form::Empty | Form::Dormant(_) => None,
        }
    }

    /// The app of a seat, to look at.
    pub fn look(&self, slot: AppSlot, policy: &Policy) -> Option<Lent<'_>> {
        self.seats[slot as usize].form.look(policy, self.seed)
    }

    /// The state of the app of a seat, with what waits for it.
    pub fn state(&self, slot: AppSlot, waiting: Waiting, policy: &Policy) -> Option<AppState> {
        let app = self.look(slot, policy)?;
        Some(AppState::of(&app, waiting))
    }

    /// The apps last judged at or after a minute, to look at, in no order.
    pub fn judged_since<'a>(&'a self, since: Minute, policy: &'a Policy) -> impl Iterator<Item = Lent<'a>> {
        let forms = self.seats.iter().map(|seat| &seat.form);
        forms.filter(move |form| form.last_judged() >= since).filter_map(|form| form.look(policy, self.seed))
    }

    /// Lays an app down.
    pub fn lay_down(&mut self, slot: AppSlot) {
        let form = &mut self.seats[slot as usize].form;
        if let Form::Present(app) = form {
            *form = Form::Dormant(Box::new(Dormant::of(app)));
        }
    }

    /// Goes on with the round through all seats, as far as `minutes` take it, and lays down the apps for which nothing waits and that
    /// `may_rest`.
    pub fn round(&mut self, minutes: u32, may_rest: impl Fn(AppSlot, &App) -> bool) {
        let steps = (self.seats.len() * minutes as usize).div_ceil(ROUND_MINUTES).min(self.seats.len());
        for _ in 0..steps {
            self.next = if self.next + 1 < self.seats.len() { self.next + 1 } else { 0 };
            let slot = self.next as AppSlot;
            if self.waiting_calls(slot) == 0 && self.present(slot).is_some_and(|app| may_rest(slot, app)) {
                self.lay_down(slot);
            }
        }
    }

    /// Callees remembered by all apps.
    pub fn callees(&self) -> usize {
        let callees = |seat: &Seat| match &seat.form {
            Form::Empty => 0,
            Form::Present(app) => app.memory().pairs.len(),
            Form::Dormant(dormant) => dormant.callees as usize,
        };
        self.seats.iter().map(callees).sum()
    }

    /// Whether the state of an app has changed since this was last asked.
    pub fn take_changed(&mut self, slot: AppSlot) -> bool {
        std::mem::take(&mut self.seats[slot as usize].is_changed)
    }

    /// Has all apps that are present judged by another policy. Those that are dormant are when they wake.
    pub fn adopt(&mut self, policy: &Policy) {
        for seat in &mut self.seats {
            if let Form::Present(app) = &mut seat.form {
                app.adopt(policy);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few apps, some with ids that are too long to lie in a seat, come, call, are forgotten and come again.
        #[test]
        fn every_app_sits_where_it_is_looked_for(steps in prop::collection::vec((0_u8..5, 0_usize..12, 0_u64..9), 1..200)) {
            let policy = Policy::for_tests();
            let (mut seats, mut naive) = (Seats::new(7), BTreeMap::<String, (usize, Option<u64>)>::new());
            for (what, app, offset) in steps {
                let app_id = "an-id-".repeat(app % 4 * 3) + &app.to_string();
                match (what, seats.slot(&app_id)) {
                    (0 | 1, None) => {
                        seats.seat(App::new(&app_id, &policy, 7), true);
                        naive.insert(app_id.clone(), (0, None));
                    }
                    (0, Some(slot)) => seats.lay_down(slot),
                    (2, Some(slot)) => {
                        seats.forget(slot);
                        naive.remove(&app_id);
                    }
                    (3, Some(slot)) => {
                        seats.admitted(slot, Position { partition: 1, offset }, &policy);
                        let (waiting, first) = naive.get_mut(&app_id).expect("it is here");
                        (*waiting, *first) = (*waiting + 1, Some(first.map_or(offset, |first| first.min(offset))));
                    }
                    (4, Some(slot)) => {
                        let (waiting, _) = naive.get_mut(&app_id).expect("it is here");
                        seats.judged(slot, std::mem::take(waiting));
                    }
                    _ => {}
                }
                prop_assert_eq!(seats.slot(&app_id).is_some(), naive.contains_key(&app_id));
            }
            prop_assert_eq!(seats.len(), naive.len());
            prop_assert_eq!(seats.taken().map(|(app_id, _, _)| app_id).collect::<std::collections::BTreeSet<_>>().len(), naive.len());
            for (app_id, (waiting, first)) in naive {
                let slot = seats.slot(&app_id).expect("it is here");
                let app = seats.look(slot, &policy).expect("it is here");
                prop_assert_eq!(app.id(), app_id);
                prop_assert_eq!((seats.waiting_calls(slot), seats.has_called(slot)), (waiting, first.is_some()));
                prop_assert_eq!(app.first_call().map(|first| first.offset), first, "the app knows too");
            }
        }
    }
}

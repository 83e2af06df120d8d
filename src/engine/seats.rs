//! Where the apps of a shard sit: present, or dormant, as the bytes of their durable form.
//!
//! An app nobody has heard of for two days holds windows, lists and tables for nothing: kilobytes, where its durable form has
//! one or less, and that without its zeros a few hundred bytes. Being dormant is a matter of memory alone: waking is restoring,
//! and a restored app is the same app. No alert, no state and no checkpoint can tell. An app is never laid down here of its own
//! accord: whoever lays one down knows that nothing of it waits.

use std::ops::Deref;

use super::app::{App, Waiting};
use super::due::AppState;
use super::policy::Policy;
use super::time::Minute;
use super::waiting::AppSlot;
use super::window::{Map, keyed_map};
use super::zeros;

/// In so many minutes every seat is looked at once, by [`Seats::round`].
const ROUND_MINUTES: usize = 240;

/// All apps of a shard.
pub struct Seats {
    seed: u64,
    slots: Map<Box<str>, AppSlot>,
    /// By slot.
    seats: Vec<Seat>,
    /// Slots whose seats are empty.
    free: Vec<AppSlot>,
    /// The seat at which the round goes on.
    next: usize,
}

/// One seat.
enum Seat {
    /// Its app was forgotten.
    Empty,
    Present(Box<App>),
    Dormant(Dormant),
}

/// An app as the bytes of its durable form, and what of it is asked for without waking it.
struct Dormant {
    /// Without its [`zeros`].
    state: Box<[u8]>,
    last_judged: Minute,
    callees: u32,
    changed: bool,
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
    fn of(app: &mut App) -> Self {
        Self {
            state: zeros::packed(&app.bytes(Waiting::default())),
            last_judged: app.last_judged(),
            callees: app.memory().pairs.len() as u32,
            changed: app.take_changed(),
        }
    }

    fn woken(&self, policy: &Policy, seed: u64) -> Box<App> {
        Box::new(App::from_bytes(&zeros::unpacked(&self.state), self.changed, policy, seed))
    }
}

impl Seat {
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
        Self { seed, slots: keyed_map(seed), seats: Vec::new(), free: Vec::new(), next: 0 }
    }

    /// How many apps there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Where an app sits.
    pub fn slot(&self, app_id: &str) -> Option<AppSlot> {
        self.slots.get(app_id).copied()
    }

    /// The seats taken, in no order.
    pub fn slots(&self) -> impl Iterator<Item = AppSlot> + '_ {
        self.slots.values().copied()
    }

    /// The apps by id with their seats and when they were last judged, in no order.
    pub fn taken(&self) -> impl Iterator<Item = (&str, AppSlot, Minute)> {
        self.slots.iter().map(|(app_id, slot)| (app_id.as_ref(), *slot, self.seats[*slot as usize].last_judged()))
    }

    /// Gives an app that is not here a seat.
    pub fn seat(&mut self, app: App) -> AppSlot {
        let app_id = app.id().into();
        let seat = Seat::Present(Box::new(app));
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
        self.slots.insert(app_id, slot);
        slot
    }

    /// Forgets an app.
    pub fn forget(&mut self, app_id: &str) {
        if let Some(slot) = self.slots.remove(app_id) {
            self.seats[slot as usize] = Seat::Empty;
            self.free.push(slot);
        }
    }

    /// The app of a seat if it is present.
    pub fn present(&self, slot: AppSlot) -> Option<&App> {
        match &self.seats[slot as usize] {
            Seat::Present(app) => Some(app),
            Seat::Empty | Seat::Dormant(_) => None,
        }
    }

    /// All apps that are present, by seat.
    pub fn all_present(&self) -> impl Iterator<Item = &App> {
        self.seats.iter().filter_map(|seat| if let Seat::Present(app) = seat { Some(app.as_ref()) } else { None })
    }

    /// The app of a seat, woken if it is dormant.
    pub fn wake(&mut self, slot: AppSlot, policy: &Policy) -> Option<&mut App> {
        let seat = &mut self.seats[slot as usize];
        if let Seat::Dormant(dormant) = seat {
            *seat = Seat::Present(dormant.woken(policy, self.seed));
        }
        match seat {
            Seat::Present(app) => Some(app),
            Seat::Empty | Seat::Dormant(_) => None,
        }
    }

    /// The app of a seat, to look at.
    pub fn look(&self, slot: AppSlot, policy: &Policy) -> Option<Lent<'_>> {
        self.seats[slot as usize].look(policy, self.seed)
    }

    /// The state of the app of a seat, with what waits for it.
    pub fn state(&self, slot: AppSlot, waiting: Waiting, policy: &Policy) -> Option<AppState> {
        let app = self.look(slot, policy)?;
        Some(AppState::of(&app, waiting))
    }

    /// The apps last judged at or after a minute, to look at, in no order.
    pub fn judged_since<'a>(&'a self, since: Minute, policy: &'a Policy) -> impl Iterator<Item = Lent<'a>> {
        self.seats.iter().filter(move |seat| seat.last_judged() >= since).filter_map(|seat| seat.look(policy, self.seed))
    }

    /// Lays an app down.
    pub fn lay_down(&mut self, slot: AppSlot) {
        let seat = &mut self.seats[slot as usize];
        if let Seat::Present(app) = seat {
            *seat = Seat::Dormant(Dormant::of(app));
        }
    }

    /// Goes on with the round through all seats, as far as `minutes` take it, and lays down the apps that `may_rest`.
    pub fn round(&mut self, minutes: u32, may_rest: impl Fn(AppSlot, &App) -> bool) {
        let steps = (self.seats.len() * minutes as usize).div_ceil(ROUND_MINUTES).min(self.seats.len());
        for _ in 0..steps {
            self.next = if self.next + 1 < self.seats.len() { self.next + 1 } else { 0 };
            let slot = self.next as AppSlot;
            if self.present(slot).is_some_and(|app| may_rest(slot, app)) {
                self.lay_down(slot);
            }
        }
    }

    /// Callees remembered by all apps.
    pub fn callees(&self) -> usize {
        let callees = |seat: &Seat| match seat {
            Seat::Empty => 0,
            Seat::Present(app) => app.memory().pairs.len(),
            Seat::Dormant(dormant) => dormant.callees as usize,
        };
        self.seats.iter().map(callees).sum()
    }

    /// Whether the state of an app has changed since this was last asked.
    pub fn take_changed(&mut self, slot: AppSlot) -> bool {
        match &mut self.seats[slot as usize] {
            Seat::Empty => false,
            Seat::Present(app) => app.take_changed(),
            Seat::Dormant(dormant) => std::mem::take(&mut dormant.changed),
        }
    }

    /// Has all apps that are present judged by another policy. Those that are dormant are when they wake.
    pub fn adopt(&mut self, policy: &Policy) {
        for seat in &mut self.seats {
            if let Seat::Present(app) = seat {
                app.adopt(policy);
            }
        }
    }
}

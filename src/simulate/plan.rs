//! What an app does, as data: its week, its pace, its lines and numbers, whom it calls and how that goes.
//!
//! Families write plans, streams carry them out. Nothing here draws a number or knows why an app behaves as it does.

use super::draw::{Span, span};
use super::numbers::{People, Walk};
use super::truth::Breaks;
use crate::engine::record::Kind;
use crate::engine::time::Timestamp;

/// One line of work of an app, with lines, agents and callees of its own. An app has one or more.
pub(super) struct Activity {
    /// The work begins here; no call starts earlier.
    pub(super) from: Timestamp,
    /// No call starts from here on.
    pub(super) to: Timestamp,
    /// From one time that this work is done to the next, in milliseconds; `None` if it is done once.
    pub(super) every_ms: Option<i64>,
    /// How busy each hour is.
    pub(super) week: Week,
    /// What makes it dial.
    pub(super) pace: Pace,
    /// How many calls it can carry at once.
    pub(super) lines: u32,
    /// The numbers on those lines.
    pub(super) callers: Callers,
    /// Who talks.
    pub(super) crew: Crew,
    /// What the record says placed the calls.
    pub(super) kind: Kind,
    /// Whom it calls, by weight.
    pub(super) contacts: Vec<Contact>,
    /// What is different for a while.
    pub(super) events: Vec<Event>,
}

/// How busy each hour of the local week is, 0 (closed) to 1 (peak); index 0 is Monday 00:00.
#[derive(Clone)]
pub(super) struct Week(pub(super) [f32; 168]);

impl Week {
    /// An office: a peak in the morning, one in the afternoon, less at noon; `weekend` scales Saturday and Sunday.
    pub(super) fn office(open: u32, close: u32, weekend: f64) -> Self {
        Self::shaped(open, close, weekend, |hour| match hour {
            10 | 11 | 15 | 16 => 1.0,
            12 | 13 => 0.45,
            9 | 14 | 17 => 0.85,
            _ => 0.6,
        })
    }

    /// The same from opening to closing.
    pub(super) fn flat(open: u32, close: u32, weekend: f64) -> Self {
        Self::shaped(open, close, weekend, |_| 1.0)
    }

    /// Busiest at the start of the day.
    pub(super) fn morning(open: u32, close: u32, weekend: f64) -> Self {
        Self::shaped(open, close, weekend, |hour| if hour < open + 3 { 1.0 } else { 0.5 })
    }

    /// Busiest at the end of the day.
    pub(super) fn evening(open: u32, close: u32, weekend: f64) -> Self {
        Self::shaped(open, close, weekend, |hour| if hour + 4 > close { 1.0 } else { 0.55 })
    }

    /// Closed from Monday to Friday.
    pub(super) fn weekend(open: u32, close: u32) -> Self {
        let mut week = Self::flat(open, close, 1.0);
        week.0[..5 * 24].fill(0.0);
        week
    }

    /// Open day and night, at night on this level.
    pub(super) fn round_the_clock(night: f64) -> Self {
        Self::shaped(0, 24, 1.0, |hour| if (7..22).contains(&hour) { 1.0 } else { night })
    }

    fn shaped(open: u32, close: u32, weekend: f64, shape: impl Fn(u32) -> f64) -> Self {
        Self(std::array::from_fn(|index| {
            let (day, hour) = (index as u32 / 24, index as u32 % 24);
            let day_scale = if day >= 5 { weekend } else { 1.0 };
            if (open..close).contains(&hour) { (shape(hour) * day_scale) as f32 } else { 0.0 }
        }))
    }

    /// This week with further hours of the day, each of them at its peak.
    #[must_use]
    pub(super) fn and_hours(mut self, open: u32, close: u32) -> Self {
        for (index, level) in self.0.iter_mut().enumerate() {
            if (open..close).contains(&(index as u32 % 24)) {
                *level = 1.0;
            }
        }
        self
    }

    /// The sum of the levels of the busiest day: calls of that day per call an hour at the peak.
    pub(super) fn busiest_day(&self) -> f64 {
        self.0.chunks(24).map(|day| day.iter().map(|level| f64::from(*level)).sum()).fold(0.0, f64::max)
    }
}

/// What makes an activity dial.
pub(super) enum Pace {
    /// Work arrives by chance, this many calls an hour at the peak, and waits for a free line.
    Arrivals {
        per_hour: f64,
        /// Variation of the level from day to day.
        day_cv: f64,
        /// Variation from one five minutes to the next.
        bin_cv: f64,
    },
    /// Every line dials again when it has paused long enough.
    Lines { gap: Gap, day_cv: f64 },
}

/// The pause of one line between the end of a call and the start of the next.
#[derive(Clone, Copy)]
pub(super) enum Gap {
    /// Always the same.
    Fixed { gap_s: f64 },
    /// Calls start on a beat; a call that lasts longer skips beats.
    Beat { period_s: f64 },
    /// Anything in this span.
    Random(Span),
    /// A machine dials as soon as its person is free: after a talk once that has been written up, and now and then after a break;
    /// after a call nobody took, at once.
    Progressive { pause_s: Span, wrap_up_s: f64, wrap_up_cv: f64, break_share: f64, break_s: Span },
    /// A person after the call: about `wrap_up_s`, and now and then a break.
    Person { wrap_up_s: f64, break_share: f64, break_s: Span },
}

/// The caller numbers of an activity, out of the app's own.
#[derive(Clone, Copy)]
pub(super) struct Callers {
    /// The first, by the app's count.
    pub(super) first: u32,
    /// How many.
    pub(super) count: u32,
    /// How many lines dial out under one number at once.
    pub(super) lines_per_number: u32,
    /// How many calls at once each number is filed for.
    pub(super) channels: u32,
    /// A line takes another number after this many calls; 0 never. Then one line has one number at a time, and `count` is
    /// a multiple of the lines, so that no two have the same.
    pub(super) change_after: u32,
}

/// Who talks once a callee has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Crew {
    /// A recording or a voice machine.
    Nobody,
    /// One agent a line, from the first ring on.
    PerLine,
    /// This many agents behind a dialer; a ringing call that finds nobody free is given up.
    Shared(u32),
}

/// A share of an activity's calls that is alike.
pub(super) struct Contact {
    /// Its share, relative to its siblings'.
    pub(super) weight: f64,
    /// Whom it calls.
    pub(super) source: Source,
    /// The customers call the app, on its number 0; this share of them gives up unanswered. `None` for outbound.
    pub(super) inbound_missed: Option<f64>,
    /// How the calls end.
    pub(super) answers: Answers,
    /// How answered calls go.
    pub(super) talk: Talk,
    /// Who is called again.
    pub(super) follow: Option<Follow>,
    /// What people say about it.
    pub(super) voices: Voices,
    /// What every such call breaks.
    pub(super) breaks: Breaks,
}

/// Where callees come from.
pub(super) enum Source {
    /// A list the app lives with: a slice of `slice` people a day, each slice once in `every_days` days.
    Book { people: People, first: u32, slice: u32, every_days: u32 },
    /// People never called before.
    Fresh { people: People, first: u32 },
    /// Numbers in their order.
    Walked(Walk),
}

/// How attempts end, as shares of all attempts the network carries; what is left rings out unanswered.
#[derive(Clone, Copy)]
pub(super) struct Answers {
    pub(super) answered: f64,
    pub(super) rejected: f64,
    pub(super) busy: f64,
    pub(super) unreachable: f64,
    pub(super) voicemail: f64,
    /// Share of the numbers that do not exist: a property of the number, the same at every attempt.
    pub(super) invalid: f64,
    /// Share of calls to such numbers that the provider reports as something else.
    pub(super) masked: f64,
    /// Share of all calls lost in the network.
    pub(super) network_error: f64,
}

impl Answers {
    /// People who have had enough: what redials meet.
    pub(super) const CURT: Self = Self {
        answered: 0.2,
        rejected: 0.5,
        busy: 0.03,
        unreachable: 0.02,
        voicemail: 0.0,
        invalid: 0.0,
        masked: 0.0,
        network_error: 0.002,
    };
}

/// How answered calls go.
#[derive(Clone, Copy)]
pub(super) struct Talk {
    /// Share of answered calls hung up at once by the callee.
    pub(super) short: f64,
    /// Share of answered calls on which nobody speaks and the machine hangs up.
    pub(super) dropped: f64,
    /// What the others are.
    pub(super) body: Body,
}

/// An answered call that is neither hung up at once nor dropped.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// Two people, lognormal.
    Conversation { median_s: f64, sigma: f64 },
    /// A recording of one length, heard to its end by this share.
    Playback { length_s: f64, heard: f64 },
}

/// How instantly hung-up calls last: clear of the 5 s by which the contract tells them.
pub(super) const SHORT_TALK_S: Span = span(1.0, 4.0);
/// The shortest conversation that is one.
pub(super) const TALK_S_MIN: f64 = 8.0;
/// The longest.
pub(super) const TALK_S_MAX: f64 = 1_800.0;

/// When and how a callee is called again.
#[derive(Clone, Copy)]
pub(super) struct Follow {
    /// What begins it.
    pub(super) after: Trigger,
    /// The share of such callees it is done to.
    pub(super) share: f64,
    /// At most this many further calls.
    pub(super) times: u32,
    /// From the end of a call to the next.
    pub(super) wait_s: Span,
    /// Goes on whatever the callee says, past the end of the day. Otherwise it ends with the trigger, and in the evening.
    pub(super) insists: bool,
    /// Always from the caller number of the first call.
    pub(super) same_number: bool,
}

/// What makes an app call again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    /// Nobody was reached: rang out, busy, switched off.
    Unreached,
    /// The customer called and gave up.
    MissedInbound,
    /// The callee asked to be called no more.
    OptOut,
    /// The callee complained; the next call comes after that.
    Complaint,
    /// The callee declined.
    Declined,
    /// The callee hung up at once.
    HungUp,
    /// The callee declined or hung up at once.
    Refusal,
    /// Nothing.
    Always,
}

/// What callees say to others about the calls, as shares of answered calls.
#[derive(Clone, Copy, Default)]
pub(super) struct Voices {
    /// Ask to be called no more.
    pub(super) opt_out: f64,
    /// Complain.
    pub(super) complaint: f64,
    /// Share of complaints found true.
    pub(super) verified: f64,
    /// Share of first calls that had been agreed to beforehand.
    pub(super) consent: f64,
}

/// Something out of the ordinary.
pub(super) struct Event {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// From one time to the next, in milliseconds; `None` if it happens once.
    pub(super) every_ms: Option<i64>,
    /// Multiplies the arrivals.
    pub(super) rate: f64,
    /// Share of calls lost in the network meanwhile, if more than usual.
    pub(super) network_error: f64,
    /// Share of the numbers that are said not to exist meanwhile, if more than usual.
    pub(super) invalid: f64,
}

/// A time in which no record of an app gets through; then all of them come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// How long they take to come, in milliseconds.
    pub(super) drain_ms: u32,
}

impl Event {
    /// Whether things are different at this moment.
    pub(super) fn holds_at(&self, at: Timestamp) -> bool {
        let since_ms = at.millis() - self.from.millis();
        let since_ms = self.every_ms.filter(|_| since_ms >= 0).map_or(since_ms, |every_ms| since_ms % every_ms);
        (0..self.to.millis() - self.from.millis()).contains(&since_ms)
    }
}

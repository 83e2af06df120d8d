//! Placing one call: whether it comes about, how it goes, what it breaks, and what follows from it.

use super::{AGENT_WAIT_MS, LINE_REST_MS, Line, MOOD_CV, Stream, Turn, WAIT_MAX_MS, WRAP_UP_MS};
use crate::engine::detector::RuleName;
use crate::engine::record::{Direction, FeedbackKind, Kind, Outcome};
use crate::engine::time::{HOUR_S, SECOND_MS, Timestamp};
use crate::simulate::draw::scatter;
use crate::simulate::flaws::Flaws;
use crate::simulate::numbers::{Phone, caller};
use crate::simulate::plan::{Answers, Contact, Crew, Follow, Trigger, Voices};
use crate::simulate::shape::{self, Course};
use crate::simulate::truth::{Breaks, Past, is_rest};
use crate::simulate::{SimulatedCall, Voice};

impl Stream {
    /// Whether one more call at `start_ms` is more than the number on this line is filed for.
    fn exceeds_channels(&self, line: u32, start_ms: i64) -> bool {
        let (per_number, filed) = (self.work.callers.lines_per_number, self.work.callers.channels);
        if per_number <= filed {
            return false;
        }
        let first = (line / per_number * per_number) as usize;
        let siblings = &self.lines[first..self.lines.len().min(first + per_number as usize)];
        // Clear of the edge by a second, which a record in whole seconds cannot show.
        siblings.iter().filter(|other| other.start_ms < start_ms && other.free_ms > start_ms + LINE_REST_MS).count()
            >= filed as usize
    }

    /// When the call of a turn can start: never while its line is busy, and never if that takes too long or the app is
    /// closed by then. A customer who finds the line busy hears the tone, and no record is made.
    fn start(&mut self, turn: &Turn, inbound: bool) -> Option<i64> {
        let at_ms = turn.due_ms;
        let mut start_ms = at_ms.max(self.lines[turn.line as usize].free_ms + LINE_REST_MS);
        if let Some(history) = &turn.history {
            start_ms = history.clear_of_edges(start_ms);
        }
        let wait_max_ms = if inbound { 0 } else { WAIT_MAX_MS };
        let in_time = start_ms - at_ms <= wait_max_ms && start_ms < self.work.to.millis();
        (in_time && self.clock.level(&self.work.week, start_ms) > 0.0).then_some(start_ms)
    }

    /// What a call breaks.
    fn broken(&mut self, turn: &Turn, start_ms: i64, own_number: Phone, course: &Course) -> Breaks {
        // Who calls at night and is missed wants to be called back at night.
        let calls_back = self.work.contacts[turn.contact].inbound_missed.is_some();
        let disturbs = course.disturbs();
        let by_history = turn.history.as_ref().map_or(Breaks::NONE, |history| history.broken_by(start_ms, own_number, disturbs));
        self.work.contacts[turn.contact]
            .breaks
            .and(by_history)
            .and_if(self.exceeds_channels(turn.line, start_ms), RuleName::AbnormalRate)
            .and_if(!calls_back && is_rest(self.clock.local(start_ms).second_of_day), RuleName::RestTime)
    }

    /// Places the call of a turn, if it can start. Returns its start and end.
    pub(super) fn place(&mut self, turn: Turn) -> Option<(i64, i64)> {
        let incoming = self.work.contacts[turn.contact].inbound_missed.filter(|_| turn.attempt == 0);
        let start_ms = self.start(&turn, incoming.is_some())?;
        let course = self.course(&turn, start_ms, incoming);
        let (course, agent) = self.staffed(turn.line, course, start_ms, incoming.is_some());
        let own_number = self.caller_on(turn.line);
        let breaks = if incoming.is_some() { Breaks::NONE } else { self.broken(&turn, start_ms, own_number, &course) };
        let at = |after_ms| Timestamp::from_millis(start_ms + after_ms);
        let (direction, caller, callee) = match incoming {
            None => (Direction::Outbound, own_number, turn.callee),
            Some(_) => (Direction::Inbound, turn.callee, caller(self.app, 0)),
        };
        let mut call = SimulatedCall {
            app: self.app,
            id: self.call_id(),
            direction,
            kind: if incoming.is_some() { Kind::Agent } else { self.work.kind },
            caller,
            callee,
            start: at(0),
            ring: course.ring_ms.map(at),
            answer: course.answer_ms.map(at),
            end: at(course.end_ms),
            outcome: course.outcome,
            hangup_by: course.hangup_by,
            agent,
            arrival: at(course.end_ms),
            copy: false,
            breaks,
            agreed: None,
            voice: None,
        };
        let line = &mut self.lines[turn.line as usize];
        *line = Line { free_ms: call.end.millis(), start_ms, placed: line.placed + 1, talked: call.answer.is_some() };
        self.react(turn, &course, own_number, &mut call);
        let end_ms = call.end.millis();
        self.deliver(call);
        Some((start_ms, end_ms))
    }

    fn course(&mut self, turn: &Turn, start_ms: i64, incoming: Option<f64>) -> Course {
        let contact = &self.work.contacts[turn.contact];
        if let Some(missed) = incoming {
            return shape::inbound(&mut self.draw, missed, &contact.talk);
        }
        let hour = start_ms.div_euclid(i64::from(HOUR_S) * SECOND_MS);
        if self.mood.0 != hour {
            self.mood = (hour, self.draw.gamma_factor(MOOD_CV).clamp(0.6, 1.4));
        }
        let start = Timestamp::from_millis(start_ms);
        let events = || self.work.events.iter().filter(|event| event.holds_at(start));
        let lost = events().map(|event| event.network_error).fold(0.0, f64::max);
        let mut answers = match contact.follow {
            Some(follow) if follow.insists && turn.attempt > 0 => {
                Answers { invalid: contact.answers.invalid, masked: contact.answers.masked, ..Answers::CURT }
            }
            _ => contact.answers,
        };
        answers.invalid = events().map(|event| event.invalid).fold(answers.invalid, f64::max);
        shape::outbound(&mut self.draw, turn.callee, &answers, &contact.talk, self.mood.1, lost)
    }

    /// Finds the agent of a call; a dialer's call that is answered while all are busy is given up.
    fn staffed(&mut self, line: u32, course: Course, start_ms: i64, inbound: bool) -> (Course, Option<u32>) {
        let first = self.work.callers.first;
        match self.work.crew {
            Crew::Nobody => (course, None),
            Crew::PerLine if inbound || course.answer_ms.is_some() => (course, course.attended.then_some(first + line)),
            Crew::PerLine => (course, Some(first + line)),
            Crew::Shared(_) if !course.attended => (course, None),
            Crew::Shared(_) => {
                let answer_ms = start_ms + course.answer_ms.unwrap_or(course.end_ms);
                match self.agents.iter_mut().enumerate().find(|(_, free_ms)| **free_ms <= answer_ms + AGENT_WAIT_MS) {
                    Some((agent, free_ms)) => {
                        *free_ms = start_ms + course.end_ms + WRAP_UP_MS;
                        (course, Some(first + agent as u32))
                    }
                    None => (course.given_up(), None),
                }
            }
        }
    }

    /// What follows from a call: the callee is called again, or says something about it.
    fn react(&mut self, mut turn: Turn, course: &Course, own_number: Phone, call: &mut SimulatedCall) {
        let Contact { follow, voices, .. } = self.work.contacts[turn.contact];
        let outbound = call.direction == Direction::Outbound;
        let first = outbound && turn.attempt == 0;
        let talked = first && call.outcome == Outcome::Answered;
        if first && voices.consent > 0.0 && self.draw.chance(voices.consent) {
            call.agreed = Some(call.start.plus_millis(-(self.draw.between(600.0, 20_000.0) as i64) * SECOND_MS));
        }
        if talked && self.draw.chance(voices.opt_out) {
            let at = call.end.plus_millis(self.draw.between(2.0, 60.0) as i64 * SECOND_MS);
            call.voice = Some(Voice { kind: FeedbackKind::OptOut, at, verified: false });
            self.spared.insert(turn.callee);
        }
        let follows_complaints = follow.is_some_and(|follow| follow.after == Trigger::Complaint);
        if follows_complaints && talked && call.voice.is_none() {
            self.complain(&voices, call);
        }
        if let Some(follow) = follow
            && self.is_followed(&follow, &turn, course, call)
        {
            let history = turn.history.get_or_insert_default();
            history.opted_out_ms = history.opted_out_ms.or(call.voice.map(|voice| voice.at.millis()));
            if outbound {
                let (start_ms, end_ms) = (call.start.millis(), call.end.millis());
                history.note(Past {
                    start_ms,
                    end_ms,
                    caller: own_number,
                    refused: course.is_refusal(),
                    declined: course.outcome == Outcome::Rejected,
                    disturbed: course.disturbs(),
                });
            }
            turn.attempt += 1;
            let complained = call.voice.filter(|voice| voice.kind == FeedbackKind::Complaint).map(|voice| voice.at);
            self.schedule(&follow, turn, complained.unwrap_or(call.end).millis());
        } else if talked && call.voice.is_none() && !follows_complaints {
            self.complain(&voices, call);
        }
    }

    /// Lets the callee complain, if so it comes. Nobody who complains is called for the first time again.
    fn complain(&mut self, voices: &Voices, call: &mut SimulatedCall) {
        if self.draw.chance(voices.complaint) {
            let at = call.end.plus_millis(self.draw.between(600.0, 40_000.0) as i64 * SECOND_MS);
            call.voice = Some(Voice { kind: FeedbackKind::Complaint, at, verified: self.draw.chance(voices.verified) });
            self.spared.insert(call.callee);
        }
    }

    fn is_followed(&mut self, follow: &Follow, turn: &Turn, course: &Course, call: &SimulatedCall) -> bool {
        if turn.attempt >= follow.times || (follow.insists && call.start < self.conditions.abuse_from) {
            return false;
        }
        if turn.attempt > 0 && follow.insists {
            return true;
        }
        let triggered = match follow.after {
            Trigger::Unreached => course.is_unreached(),
            Trigger::MissedInbound => {
                (call.direction == Direction::Inbound && call.outcome == Outcome::Cancelled)
                    || (turn.attempt > 0 && course.is_unreached())
            }
            Trigger::OptOut => call.voice.is_some_and(|voice| voice.kind == FeedbackKind::OptOut),
            Trigger::Complaint => call.voice.is_some_and(|voice| voice.kind == FeedbackKind::Complaint),
            Trigger::Declined => course.outcome == Outcome::Rejected,
            Trigger::HungUp => course.outcome == Outcome::Answered && course.is_refusal(),
            Trigger::Refusal => course.is_refusal(),
            Trigger::Always => true,
        };
        triggered && self.draw.chance(follow.share)
    }

    fn schedule(&mut self, follow: &Follow, turn: Turn, end_ms: i64) {
        let mut due_ms = end_ms + (self.draw.within(follow.wait_s) * SECOND_MS as f64) as i64;
        if follow.insists {
            self.spared.insert(turn.callee);
            let Some(open_ms) = self.clock.next_open(&self.work.week, due_ms) else { return };
            // Not everybody at the stroke of the hour.
            due_ms = if open_ms > due_ms { open_ms + i64::from(self.draw.below(1_800_000)) } else { due_ms };
        }
        self.again.add(due_ms, self.placed, Turn { due_ms, ..turn });
    }

    fn call_id(&mut self) -> u128 {
        self.placed += 1;
        let half = |side: u64| u128::from(scatter(self.id_key ^ (self.placed << 1 | side)));
        let bits = half(0) << 64 | half(1);
        // The version and variant bits of a random UUID (RFC 9562).
        bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    }

    /// Sends the record on its way: late by the transport, now and then by more, now and then twice.
    fn deliver(&mut self, mut call: SimulatedCall) {
        let delivery = self.conditions.delivery;
        let mut delay_ms = 200;
        if delivery.disorder_ms > 0 {
            delay_ms += self.draw.between(0.0, 1_500.0) as i64;
            if self.draw.chance(0.05) {
                delay_ms += (self.draw.unit() * delivery.disorder_ms as f64) as i64;
            }
        }
        if delivery.late > 0.0 && self.draw.chance(delivery.late) {
            delay_ms += (self.draw.between(6.0, 40.0) * 60_000.0) as i64;
        }
        call.arrival = self.let_through(call.end.plus_millis(delay_ms));
        self.blemish(&mut call);
        if delivery.duplicates > 0.0 && self.draw.chance(delivery.duplicates) {
            let arrival = call.arrival.plus_millis(1 + i64::from(self.draw.below(20_000)));
            self.send(SimulatedCall { copy: true, arrival, ..call });
        }
        self.send(call);
    }

    /// When a record arrives that would arrive `at` if nothing held it up.
    fn let_through(&mut self, at: Timestamp) -> Timestamp {
        match self.conditions.outage.filter(|outage| (outage.from..outage.to).contains(&at)) {
            Some(outage) => outage.to.plus_millis(i64::from(self.draw.below(outage.drain_ms))),
            None => at,
        }
    }

    /// Gives a record its flaws. A platform's clock is not so wrong that a call changes its side of a calling hour.
    fn blemish(&mut self, call: &mut SimulatedCall) {
        let flaws = self.conditions.flaws;
        flaws.take_away(call);
        let shift_ms = flaws.clock_shift_ms(call);
        let mut rests = |start: Timestamp| is_rest(self.clock.local(start.millis()).second_of_day);
        if shift_ms != 0 && rests(call.start) == rests(call.start.plus_millis(shift_ms)) {
            Flaws::shift(call, shift_ms);
        }
    }

    fn send(&mut self, call: SimulatedCall) {
        self.outbox.add(call.arrival.millis(), self.placed, call);
    }
}

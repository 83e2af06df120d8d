//! Things to do, in the order of their moments.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Items taken out by their moment; equal moments by number. The heap moves 24 bytes, whatever the size of an item.
pub(in crate::simulate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<(i64, u64, usize)>>,
    items: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Agenda<T> {
    /// Nothing to do.
    pub(in crate::simulate) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), items: Vec::new(), free: Vec::new() }
    }

    /// Adds an item for a moment; `number` orders items of the same moment.
    pub(in crate::simulate) fn add(&mut self, at_ms: i64, number: u64, item: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.items[slot] = Some(item);
                slot
            }
            None => {
                self.items.push(Some(item));
                self.items.len() - 1
            }
        };
        self.heap.push(Reverse((at_ms, number, slot)));
    }

    /// The moment of the first item.
    pub(in crate::simulate) fn next_ms(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse((at_ms, ..))| *at_ms)
    }

    #[cfg(test)]
    pub(in crate::simulate) const fn held_at_most(&self) -> usize {
        self.items.len()
    }

    /// Takes the first item.
    pub(in crate::simulate) fn take(&mut self) -> Option<T> {
        let Reverse((_, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.items[slot].take()
    }
}

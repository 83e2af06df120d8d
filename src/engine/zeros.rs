//! Bytes without their runs of zeros: what is kept of an app that did little is zeros for the most part.
//!
//! For memory alone: nothing of it is ever stored or sent. Bytes other than 0 stay as they are, a run of zeros becomes a 0 and its
//! length.

/// The longest run that is told at once.
const RUN_MAX: usize = u8::MAX as usize;

/// Bytes, with their runs of zeros told by length.
pub fn packed(bytes: &[u8]) -> Box<[u8]> {
    let mut packed = Vec::with_capacity(bytes.len());
    for run in bytes.chunk_by(|one, other| (*one == 0) == (*other == 0)) {
        if run.starts_with(&[0]) {
            run.chunks(RUN_MAX).for_each(|zeros| packed.extend([0, zeros.len() as u8]));
        } else {
            packed.extend_from_slice(run);
        }
    }
    packed.into()
}

/// What was [`packed`].
pub fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * packed.len());
    let mut rest = packed.iter().copied();
    while let Some(byte) = rest.next() {
        let zeros = if byte == 0 { rest.next() } else { None };
        match zeros {
            Some(zeros) => bytes.resize(bytes.len() + usize::from(zeros), 0),
            None => bytes.push(byte),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(runs in prop::collection::vec((0_u8..4, 1_usize..600), 0..20)) {
            let bytes: Vec<u8> = runs.into_iter().flat_map(|(byte, length)| std::iter::repeat_n(byte, length)).collect();
            prop_assert_eq!(unpacked(&packed(&bytes)), bytes);
        }

        #[test]
        fn bytes_of_any_sort_come_back(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(unpacked(&packed(&bytes)), bytes);
        }
    }

    #[test]
    fn zeros_take_two_bytes_a_run() {
        assert_eq!(packed(&[7, 0, 0, 0, 9, 0]).as_ref(), [7, 0, 3, 9, 0, 1]);
        assert_eq!(packed(&[0; 600]).as_ref(), [0, 255, 0, 255, 0, 90]);
    }
}

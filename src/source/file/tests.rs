//! Files: the same lines however they are wrapped and cut, and files that are broken.

use std::io::Write;

use super::*;

/// Every line of a file, cut into chunks of `chunk_bytes`.
fn lines(path: &Path, chunk_bytes: usize) -> (Vec<(u32, Vec<u8>)>, Option<io::Error>) {
    let source = Source::open(path).expect("it is there");
    let (mut lines, mut first, mut ended) = (Vec::new(), 0, None);
    let spare = || b"spare ".repeat(chunk_bytes.min(100_000) / 4);
    read(vec![source], chunk_bytes, &Meter::default(), spare, |piece| {
        match piece {
            Piece::Chunk(chunk) => {
                assert!(
                    chunk.bytes.len() <= chunk_bytes.max(RECORD_BYTES_MAX) + BLOCK_BYTES
                        || chunk.bytes.starts_with(b"{\"half\":")
                );
                lines.extend(chunk.lines().map(|(number, line)| (first + number, line.to_vec())));
                first += chunk.lines().count() as u32;
            }
            Piece::End { error, .. } => ended = Some(error),
        }
        true
    });
    (lines, ended.expect("a file ends"))
}

fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

#[test]
fn lines_are_the_same_in_any_chunks_and_any_wrapping() {
    let mut text = Vec::new();
    for number in 0..20_000_u32 {
        writeln!(text, "{{\"n\":{number},\"pad\":\"{}\"}}", "x".repeat(number as usize * 7 % 300)).expect("written");
        if number % 1_000 == 0 {
            text.extend(b"\n\r\n");
        }
    }
    text.extend(b"{\"half\":");
    let expected: Vec<(u32, Vec<u8>)> = (0..).zip(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec)).collect();
    let half = text.len() / 2;
    let two_members = [gzip(&text[..half]), gzip(&text[half..])].concat();
    let two_frames =
        [zstd::encode_all(&text[..half], 1), zstd::encode_all(&text[half..], 1)].map(|part| part.expect("compressed"));
    for wrapped in [text.clone(), gzip(&text), two_members, two_frames.concat()] {
        let file = file_of(&wrapped);
        for chunk_bytes in [1, 1_000, 65_536, 65_537, 1 << 20, 1 << 24] {
            let (found, error) = lines(file.path(), chunk_bytes);
            assert!(error.is_none());
            assert!(found == expected, "{chunk_bytes} bytes a chunk");
        }
    }
}

#[test]
fn of_a_line_longer_than_a_record_only_the_beginning_is_kept() {
    for (long, kept) in
        [(RECORD_BYTES_MAX, RECORD_BYTES_MAX), (RECORD_BYTES_MAX + 1, RECORD_BYTES_MAX + 1), (10 << 20, RECORD_BYTES_MAX + 1)]
    {
        for end in [&b"\nlast"[..], b""] {
            let text = [b"first\n", vec![b'x'; long].as_slice(), end].concat();
            let (found, error) = lines(file_of(&text).path(), 1_000);
            assert!(error.is_none());
            assert_eq!(found[0].1, b"first");
            assert!(found[1].1.len() >= kept && found[1].1.len() <= kept + BLOCK_BYTES, "{long}: {}", found[1].1.len());
            assert_eq!(found.get(2).map(|line| line.1.as_slice()), end.get(1..), "{long}");
        }
    }
}

#[test]
fn documents_over_several_lines_are_one_record() {
    for (text, records) in [
        ("{\n \"a\": 1\n}\n", 1),
        ("\u{feff}\n[{\"a\":1},\n{\"b\":2}]", 1),
        ("{\"Response\":\n{}}", 1),
        ("\u{feff}{\"a\":1}\n{\"a\":2}\n", 2),
        ("{\"half\": \"a li\n{\"a\":2}\n", 2),
        ("{\"half\":\n{\"a\":2}\n{\"a\":3}\n", 3),
        ("[\n{\"a\":2}\n{\"a\":3}\n", 3),
        ("[\n{\"a\":2},\n{\"a\":", 1),
        ("{\n\"a\":2\n}\n{\n\"a\":3\n}\n", 1),
        ("not json {\n{\"a\":2}\n", 2),
        ("{\"a\":\"{\"}\n{\"a\":2}\n", 2),
        ("", 0),
    ] {
        let (found, error) = lines(file_of(text.as_bytes()).path(), 1);
        assert!(error.is_none());
        assert_eq!(found.len(), records, "{text}");
        assert!(found.iter().all(|(_, line)| !line.starts_with(BYTE_ORDER_MARK)), "{text}");
    }
}

#[test]
fn half_a_line_in_front_of_a_large_file_costs_that_line_only() {
    let text = format!("{{\"half\":\n{}", "{\"a\":1}\n".repeat(DOCUMENT_BYTES_MAX / 8 + 1_000));
    let (found, error) = lines(file_of(text.as_bytes()).path(), 1 << 20);
    assert!(error.is_none());
    assert_eq!(found.len(), DOCUMENT_BYTES_MAX / 8 + 1_001);
    assert!(found[1..].iter().all(|(_, line)| line == b"{\"a\":1}"));
}

#[test]
fn what_came_before_a_broken_end_is_read() {
    let text = "{\"a\":1}\n".repeat(100_000);
    let whole = gzip(text.as_bytes());
    let (found, error) = lines(file_of(&whole[..whole.len() - 20]).path(), 4_096);
    assert!(error.is_some());
    assert!(found.len() > 1_000 && found[..found.len() - 1].iter().all(|(_, line)| line == b"{\"a\":1}"));
}

#[test]
fn what_cannot_be_opened_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    let refused = |path: &Path| Source::open(path).err().expect("refused").to_string();
    assert!(refused(folder.path()).ends_with("cannot be opened: it is a folder"));
    assert!(refused(&folder.path().join("nowhere.jsonl")).contains("nowhere.jsonl: cannot be opened: No such file"));
}

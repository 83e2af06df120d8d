//! Where input comes from. A source moves bytes; it never decodes and never judges.

pub mod file;
pub mod kafka;

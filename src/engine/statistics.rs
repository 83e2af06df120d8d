//! placeholder until merged
/// lower
pub fn wilson_lower(count: u64, of: u64, z: f64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    let n = of as f64;
    let p = count as f64 / n;
    let z2 = z * z;
    ((p + z2 / (2.0 * n) - z * ((p * (1.0 - p) + z2 / (4.0 * n)) / n).sqrt()) / (1.0 + z2 / n)).max(0.0)
}
/// upper
pub fn wilson_upper(count: u64, of: u64, z: f64) -> f64 {
    if of == 0 {
        return 1.0;
    }
    1.0 - wilson_lower(of - count, of, z)
}

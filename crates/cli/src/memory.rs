//! How much memory a command may use.

use anyhow::Context;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use tenure_ingest::Options;

/// The least that a size may be: below it nothing gets done.
const LEAST: u64 = 64 << 20;

/// A quarter of the machine's memory.
pub(crate) fn default_memory() -> u64 {
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    match system.total_memory().min(limit) {
        0 => Options::MEMORY,
        total => (total / 4).max(LEAST),
    }
}

/// Reads a size such as 768M, 4G or 1.5GiB.
pub(crate) fn parse_size(text: &str) -> anyhow::Result<u64> {
    let wrong = || format!("cannot read the size \"{text}\" (expected one such as 768M or 4G)");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().with_context(wrong)?;
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => anyhow::bail!(wrong()),
    };
    let bytes = (number * unit as f64) as u64;
    if bytes < LEAST {
        anyhow::bail!("{text} is too little to work with; give at least 64M");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("768M", 768 << 20), ("4G", 4 << 30), ("1.5GiB", 3 << 29), ("100000000", 100_000_000)] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "M", "4X", "-1G", "1M", "1..5G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}

//! Names close to one that was not found.

/// How many near names a message lists.
const MOST: usize = 3;

/// How alike two names must be, from 0 to 1.
const LEAST_LIKENESS: f64 = 0.8;

/// The names most like `wanted`, the likest first. Case, spaces and marks between words do not count.
pub fn near<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = plain(wanted);
    let mut found: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| {
            let name_plain = plain(name);
            let contained =
                wanted.len() > 2 && (name_plain.contains(&wanted) || name_plain.len() > 2 && wanted.contains(&name_plain));
            (strsim::jaro_winkler(&wanted, &name_plain).max(if contained { 0.9 } else { 0.0 }), name)
        })
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// A name as words are compared: letters and digits, in lower case.
pub fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// ` (did you mean "a" or "b"?)`, or the names there are.
pub fn suggestion<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let quoted = |names: &[&str], last: &str| {
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        match names.split_last() {
            Some((end, rest)) if !rest.is_empty() => format!("{}{last}{end}", rest.join(", ")),
            _ => names.concat(),
        }
    };
    let close = near(wanted, names.clone());
    if close.is_empty() {
        let all: Vec<&str> = names.into_iter().collect();
        format!("the columns are {}", quoted(&all, " and "))
    } else {
        format!("did you mean {}?", quoted(&close, " or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first() {
        assert_eq!(near("costumer_id", ["date", "customer_id", "amount"]), ["customer_id"]);
        assert_eq!(near("user", ["user_id", "event", "time"]), ["user_id"]);
        assert_eq!(suggestion("zzz", ["a", "b"]), "the columns are \"a\" and \"b\"");
        assert_eq!(suggestion("amout", ["amount", "b"]), "did you mean \"amount\"?");
    }
}

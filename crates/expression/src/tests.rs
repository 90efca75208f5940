use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use tenure_model::Decimal;

use super::*;
use crate::error::Error;

fn numbers(expression: &str, columns: &[(&str, &[&str])]) -> Result<Vec<Outcome<Decimal>>, Error> {
    run(expression, columns, Wanted::Number, |e, rows, column| e.numbers(rows, column))
}

fn conditions(expression: &str, columns: &[(&str, &[&str])]) -> Result<Vec<Outcome<bool>>, Error> {
    run(expression, columns, Wanted::Condition, |e, rows, column| e.conditions(rows, column))
}

fn run<T>(
    expression: &str,
    columns: &[(&str, &[&str])],
    wanted: Wanted,
    evaluate: impl Fn(&Evaluator, usize, &dyn Fn(&str) -> ArrayRef) -> Result<Vec<T>, Error>,
) -> Result<Vec<T>, Error> {
    let header: Vec<Arc<str>> = columns.iter().map(|(name, _)| (*name).into()).collect();
    let texts = |name: &str| columns.iter().find(|(n, _)| *n == name).unwrap().1;
    let evaluator = Parsed::new("--value", expression, &header)?.resolve(wanted, |name| {
        let mut profile = TextProfile::default();
        texts(name).iter().for_each(|text| profile.add(text));
        ColumnKind::Text(profile).into()
    })?;
    evaluate(&evaluator, columns[0].1.len(), &|name| Arc::new(StringArray::from(texts(name).to_vec())) as ArrayRef)
}

fn value<T>(value: T) -> Outcome<T> {
    Outcome::Value(Some(value))
}

#[test]
fn products_are_exact() {
    let columns: &[(&str, &[&str])] =
        &[("Quantity", &["6", "-3", "1000000", ""]), ("Unit Price", &["2.55", "3.39", "1.005", "1"])];
    let found = numbers("Quantity * \"Unit Price\"", columns).unwrap();
    let expected = ["15.3", "-10.17", "1005000"].map(|n| value(n.parse().unwrap()));
    assert_eq!(found[..3], expected);
    assert_eq!(found[3], Outcome::Value(None));
    let found = numbers("\"Unit Price\" * 0.1", columns).unwrap();
    assert_eq!(found[2], value("0.1005".parse().unwrap()));
}

#[test]
fn conditions_compare_with_the_types_of_columns() {
    let columns: &[(&str, &[&str])] = &[("n", &["1", "20", ""]), ("country", &["DE", "AT", "DE"]), ("zip", &["007", "12", "x"])];
    assert_eq!(conditions("n > 3", columns).unwrap(), [value(false), value(true), Outcome::Value(None)]);
    assert_eq!(conditions("n > '3'", columns).unwrap(), [value(false), value(true), Outcome::Value(None)]);
    assert_eq!(conditions("country in ('DE', 'CH')", columns).unwrap(), [value(true), value(false), value(true)]);
    assert_eq!(conditions("zip = '007'", columns).unwrap(), [value(true), value(false), value(false)]);
    assert_eq!(conditions("true", columns).unwrap(), [value(true), value(true), value(true)]);
}

#[test]
fn a_bad_number_among_numbers_is_told() {
    let columns: &[(&str, &[&str])] = &[("n", &["1", "2", "3", "many"])];
    let found = conditions("n > 1", columns).unwrap();
    assert_eq!(found[3], Outcome::Unreadable { column: "n".into(), value: "many".into() });
}

#[test]
fn numbers_are_read_in_the_style_of_their_column() {
    let columns: &[(&str, &[&str])] = &[
        ("point", &["1,234.56", "$7", "(2.50)"]),
        ("comma", &["1.234,56", "7", "-2,5"]),
        ("zip", &["01234", "12345", "1"]),
        ("either", &["1,234", "1", "2"]),
    ];
    let found = numbers("point * 2", columns).unwrap();
    assert_eq!(found, ["2469.12", "14", "-5"].map(|n| value(n.parse().unwrap())));
    let found = numbers("comma + 0", columns).unwrap();
    assert_eq!(found, ["1234.56", "7", "-2.5"].map(|n| value(n.parse().unwrap())));
    assert_eq!(conditions("zip = '01234'", columns).unwrap(), [value(true), value(false), value(false)]);
    let found = numbers("either * 1", columns).unwrap();
    assert_eq!(found[0], Outcome::Unreadable { column: "either".into(), value: "1,234".into() });
    assert_eq!(found[1], value("1".parse().unwrap()));
}

#[test]
fn results_are_exact_or_refused() {
    let columns: &[(&str, &[&str])] =
        &[("a", &["4294967296", "6074001000", "0"]), ("p", &["0.0001", "0.1234567", "3"]), ("z", &["0", "2", "0"])];
    let one = |expression: &str, row: usize| numbers(expression, columns).unwrap()[row].clone();
    assert_eq!(one("a * a", 0), value("18446744073709551616".parse().unwrap()));
    assert_eq!(one("p * p", 0), value("0.00000001".parse().unwrap()));
    assert_eq!(one("a * 0.0000001", 1), value("607.4001".parse().unwrap()));
    assert_eq!(one("p + 0.1234567", 1), value("0.2469134".parse().unwrap()));
    assert_eq!(one("p / 3", 1), value("0.041152".parse().unwrap()));
    // More than 38 digits: told, not wrapped.
    assert!(matches!(one("a * a * a * a * a", 0), Outcome::Unreadable { .. }));
    // A row that can't be computed does not stop the others.
    assert!(matches!(one("p / z", 0), Outcome::Unreadable { .. } | Outcome::Value(None)));
    assert_eq!(one("p / z", 1), value("0.061728".parse().unwrap()));
    assert!(numbers("p * p * p", columns).unwrap_err().to_string().contains("round a part of it"));
}

#[test]
fn quoted_literals_are_read_as_the_column() {
    let columns: &[(&str, &[&str])] = &[("n", &["1", "20", "3"]), ("d", &["1.5", "2", "3"])];
    assert_eq!(conditions("n in ('3', '20')", columns).unwrap(), [value(false), value(true), value(true)]);
    assert_eq!(conditions("d in ('1.50')", columns).unwrap(), [value(true), value(false), value(false)]);
    assert_eq!(conditions("n between '2' and '9'", columns).unwrap(), [value(false), value(false), value(true)]);
    assert!(conditions("n in ('many')", columns).is_err());
    let columns: &[(&str, &[&str])] = &[("paid", &["true", "FALSE", ""])];
    assert_eq!(conditions("paid = 'true'", columns).unwrap(), [value(true), value(false), Outcome::Value(None)]);
    assert_eq!(conditions("paid <> 'True'", columns).unwrap()[1], value(true));
    assert!(conditions("paid = 'yes'", columns).is_err());
    assert!(conditions("paid in ('true', 'x')", columns).is_err());
    assert_eq!(conditions("paid in ('true')", columns).unwrap()[..2], [value(true), value(false)]);
}

#[test]
fn typed_columns_keep_their_values() {
    use arrow::array::{Date32Array, TimestampMillisecondArray, UInt64Array};
    let arrays: Vec<(&str, ArrayRef)> = vec![
        ("q", Arc::new(UInt64Array::from(vec![u64::MAX, 1]))),
        ("t", Arc::new(TimestampMillisecondArray::from(vec![0, 86_400_000]).with_timezone("UTC"))),
        ("d", Arc::new(Date32Array::from(vec![0, 31]))),
    ];
    let header: Vec<Arc<str>> = arrays.iter().map(|(name, _)| (*name).into()).collect();
    let array = |name: &str| arrays.iter().find(|(n, _)| *n == name).unwrap().1.clone();
    let evaluator = |text: &str, wanted| {
        let kind = |name: &str| ColumnKind::Typed(array(name).data_type().clone());
        Parsed::new("--where", text, &header).unwrap().resolve(wanted, |name| kind(name).into())
    };
    let holds = |text: &str| evaluator(text, Wanted::Condition).unwrap().conditions(2, array).unwrap();
    assert_eq!(holds("q > 5"), [value(true), value(false)]);
    assert_eq!(holds("t > '1970-01-01'"), [value(false), value(true)]);
    assert_eq!(holds("t >= '1970-01-02T00:00:00Z'"), [value(false), value(true)]);
    assert_eq!(holds("d = '1970-02-01'"), [value(false), value(true)]);
    assert!(evaluator("d = 'soon'", Wanted::Condition).is_err());
    assert_eq!(holds("d in ('1970-02-01', '1970-03-01')"), [value(false), value(true)]);
    assert_eq!(holds("t in ('1970-01-02')"), [value(false), value(true)]);
    assert!(evaluator("d in ('soon')", Wanted::Condition).is_err());
    for beside_a_number in ["t >= 20240201", "9 = d", "d <> 1.5"] {
        let said = evaluator(beside_a_number, Wanted::Condition).unwrap_err().to_string();
        assert!(said.contains("holds dates or times and is compared with a number"), "{said}");
    }
    let sums = evaluator("q + 0", Wanted::Number).unwrap().numbers(2, array).unwrap();
    assert_eq!(sums[0], value("18446744073709551615".parse().unwrap()));
}

#[test]
fn wrong_expressions_are_explained() {
    let columns: &[(&str, &[&str])] = &[("amount", &["1.5"]), ("country", &["DE"])];
    let message = |e: &str| numbers(e, columns).unwrap_err().to_string();
    assert_eq!(message("amout * 2").lines().next(), Some("--value \"amout * 2\": no column \"amout\"; did you mean \"amount\"?"));
    assert!(message("amount *").contains("cannot read this as a SQL expression"));
    assert_eq!(
        message("country * 2"),
        "--value \"country * 2\": only numbers can be computed with (column \"country\" holds text)\n  country * 2\n  ^"
    );
    assert!(message("country").contains("expected a number"));
    assert!(message("sum(amount)").contains("several rows"));
    assert!(conditions("amount", columns).unwrap_err().to_string().contains("expected a condition"));
    assert!(conditions("amount > 'much'", columns).is_err());
}

#[test]
fn mistakes_are_pointed_at() {
    let header: Vec<Arc<str>> = ["event", "plan", "amount"].map(Arc::from).to_vec();
    let message = |text: &str| Parsed::new("--filter", text, &header).unwrap_err().to_string();
    same(
        &message("amount >"),
        "--filter \"amount >\": cannot read this as a SQL expression (expected an expression, found the end)\n  amount >\n          ^",
    );
    same(
        &message("plan = 'x' an plan = 'y'"),
        "--filter \"plan = 'x' an plan = 'y'\": cannot read this as a SQL expression (expected the end, found an)\n  plan = 'x' an plan = 'y'\n             ^",
    );
    same(
        &message("plan = 'x' and plam = 'y'"),
        "--filter \"plan = 'x' and plam = 'y'\": no column \"plam\"; did you mean \"plan\"?\n  plan = 'x' and plam = 'y'\n                 ^",
    );
    same(
        &message("plan = 'x"),
        "--filter \"plan = 'x\": cannot read this as a SQL expression (unterminated string literal)\n  plan = 'x\n         ^",
    );
    same(
        &message("plan in ('a', 'b'"),
        "--filter \"plan in ('a', 'b'\": cannot read this as a SQL expression (expected ), found the end)\n  plan in ('a', 'b'\n                   ^",
    );
    same(
        &message("plan == = 1"),
        "--filter \"plan == = 1\": cannot read this as a SQL expression (expected an expression, found =)\n  plan == = 1\n          ^",
    );
    same(&message(""), "--filter \"\": cannot read this as a SQL expression (expected an expression, found the end)\n  \n  ^");
}

fn same(found: &str, expected: &str) {
    assert_eq!(found, expected, "\n{found}");
}

#[test]
fn a_condition_has_so_many_parts_at_the_most() {
    let header: Vec<Arc<str>> = vec!["plan".into()];
    let text = |parts: usize| (0..parts).map(|i| format!("plan = 'x{i}'")).collect::<Vec<_>>().join(" or ");
    assert_eq!(Tree::of(&Parsed::new("--filter", &text(300), &header).unwrap()).parts().len(), 300);
    let said = Parsed::new("--filter", &text(20_000), &header).unwrap_err().to_string();
    assert!(said.ends_with("it joins 20000 parts by and, or; at most 300 are read: use column in ('a', 'b', …)"));
    assert!(column_names(&text(20_000)).is_err());
}

#[test]
fn conditions_come_apart_at_their_joints() {
    let header: Vec<Arc<str>> = ["event", "a", "b", "c"].map(Arc::from).to_vec();
    let parse = |text: &str| Parsed::new("--born", text, &header).unwrap();
    let tree = Tree::of(&parse("event in ('x', 'y') and (a = '1' or b > 2) and not c = '3' and 'z' = event"));
    let columns: Vec<Vec<&str>> = tree.parts().iter().map(|part| part.columns().collect()).collect();
    assert_eq!(columns, [vec!["event"], vec!["a"], vec!["b"], vec!["c"], vec!["event"]]);
    let pinned: Vec<_> = tree.pinned("event").iter().map(|part| part.equals_texts("event").unwrap()).collect();
    assert_eq!(pinned, [vec!["x", "y"], vec!["z"]]);
    // An alternative pins nothing.
    assert!(Tree::of(&parse("event = 'x' or a = '1'")).pinned("event").is_empty());
    assert!(parse("event <> 'x'").equals_texts("event").is_none());
    assert!(parse("a  =  '1'").is_same_as(&parse("a = '1'")));
    assert!(!parse("a = '1'").is_same_as(&parse("a = '2'")));
}

#[test]
fn a_column_without_values_is_what_the_expression_needs() {
    let columns: &[(&str, &[&str])] = &[("n", &["", ""]), ("country", &["DE", "AT"])];
    assert_eq!(numbers("n * 2", columns).unwrap(), [Outcome::Value(None), Outcome::Value(None)]);
    assert_eq!(conditions("n > 2 and country = 'DE'", columns).unwrap()[0], Outcome::Value(None));
}

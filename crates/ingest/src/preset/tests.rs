use super::recognise::recognise;
use super::resolve::Resolved;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use serde_json::Value as Json;
use tenure_model::{Table, column};

use super::*;
use crate::options::{Attributes, Mapping, Source};
use tenure_expression::{ColumnKind, Outcome, Parsed, TextProfile, Wanted};

/// An export's header and rows, as texts.
struct Sheet {
    header: Vec<Arc<str>>,
    rows: Vec<Vec<String>>,
}

/// The fixture of a preset.
fn fixture(name: &str) -> Sheet {
    let path = |extension: &str| {
        std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
            .join(format!("../../data/fixtures/exports/{name}.{extension}"))
    };
    if let Ok(mut reader) = csv::Reader::from_path(path("csv")) {
        let header = reader.headers().unwrap().iter().map(Into::into).collect();
        let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        return Sheet { header, rows };
    }
    let text = std::fs::read_to_string(path("jsonl")).unwrap();
    let objects: Vec<BTreeMap<String, String>> = text
        .lines()
        .map(|line| {
            let mut fields = BTreeMap::new();
            flatten("", &serde_json::from_str(line).unwrap(), &mut fields);
            fields
        })
        .collect();
    let names: std::collections::BTreeSet<&String> = objects.iter().flat_map(BTreeMap::keys).collect();
    let rows = objects.iter().map(|o| names.iter().map(|name| o.get(*name).cloned().unwrap_or_default()).collect()).collect();
    Sheet { header: names.iter().map(|name| name.as_str().into()).collect(), rows }
}

fn flatten(path: &str, value: &Json, fields: &mut BTreeMap<String, String>) {
    match value {
        Json::Object(object) => {
            for (key, value) in object {
                flatten(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, fields);
            }
        }
        Json::Null => drop(fields.insert(path.to_owned(), String::new())),
        Json::String(text) => drop(fields.insert(path.to_owned(), text.clone())),
        other => drop(fields.insert(path.to_owned(), other.to_string())),
    }
}

impl Sheet {
    fn texts(&self, name: &str) -> Vec<&str> {
        let place = self.header.iter().position(|column| **column == *name).unwrap();
        self.rows.iter().map(|row| row[place].as_str()).collect()
    }

    fn array(&self, name: &str) -> ArrayRef {
        Arc::new(StringArray::from(self.texts(name)))
    }

    fn kind(&self, name: &str) -> ColumnKind {
        let mut profile = TextProfile::default();
        self.texts(name).into_iter().for_each(|text| profile.add(text));
        ColumnKind::Text(profile)
    }

    /// Which rows a mapping keeps.
    fn kept(&self, mapping: &Mapping) -> Vec<bool> {
        let Some(filter) = &mapping.filter else { return vec![true; self.rows.len()] };
        let parsed = Parsed::new("where", filter, &self.header).unwrap();
        let evaluator = parsed.resolve(Wanted::Condition, |name| self.kind(name).into()).unwrap();
        let outcomes = evaluator.conditions(self.rows.len(), |name| self.array(name)).unwrap();
        outcomes.into_iter().map(|outcome| outcome == Outcome::Value(Some(true))).collect()
    }

    /// The values of the rows that a mapping keeps.
    fn values(&self, mapping: &Mapping) -> Vec<String> {
        let Some(Source::Expression(text)) = mapping.columns.get(column::VALUE) else { panic!("no expression") };
        let parsed = Parsed::new("value", text, &self.header).unwrap();
        let evaluator = parsed.resolve(Wanted::Number, |name| self.kind(name).into()).unwrap();
        let outcomes = evaluator.numbers(self.rows.len(), |name| self.array(name)).unwrap();
        let kept = outcomes.into_iter().zip(self.kept(mapping)).filter(|(_, kept)| *kept);
        kept.map(|(outcome, _)| match outcome {
            Outcome::Value(Some(value)) => value.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
    }
}

fn header(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

fn auto(name: &str) -> Resolved {
    resolve(&PresetChoice::Auto, &fixture(name).header, &Mapping::default()).unwrap()
}

fn columns(names: &[&str]) -> Source {
    Source::Columns(Field { columns: names.iter().map(|name| (*name).to_owned()).collect(), ..Field::default() })
}

fn constant(text: &str) -> Source {
    Source::Constant(text.to_owned())
}

fn own(text: &str) -> Result<Preset, String> {
    Preset::read("our.toml", text, false).map_err(|error| error.to_string())
}

#[test]
fn every_built_in_preset_is_read_and_bears_its_name() {
    let all = built_in::all().unwrap();
    assert_eq!(all.iter().map(|preset| preset.name()).collect::<Vec<_>>(), built_in::names().collect::<Vec<_>>());
    assert_eq!(all.len(), 21);
}

#[test]
fn every_fixture_is_recognised_as_its_own_preset() {
    for name in built_in::names() {
        let found = recognise(&PresetChoice::Auto, &fixture(name).header, &Mapping::default()).unwrap();
        assert_eq!(found.as_deref().map(Preset::name), Some(name));
    }
}

#[test]
fn no_fixture_fits_two_presets_equally() {
    for name in built_in::names() {
        let header = fixture(name).header;
        let mut fitting: Vec<(usize, &str)> =
            built_in::all().unwrap().iter().filter_map(|preset| Some((preset.marks_in(&header)?, preset.name()))).collect();
        fitting.sort_unstable();
        assert_eq!(fitting.pop().map(|(_, name)| name), Some(name));
        assert!(fitting.is_empty(), "{name} is also {fitting:?}");
    }
}

#[test]
fn every_fixture_has_what_its_table_needs() {
    for name in built_in::names() {
        let resolved = auto(name);
        let preset = resolved.preset.as_ref().unwrap();
        assert_eq!(resolved.mapping.table, preset.table());
        assert_eq!(resolved.notes[0], format!("recognised as {name} (set --preset generic to read it without)"));
        assert!(!built_in::all().unwrap().iter().any(|preset| preset.roles.is_empty() && !preset.detected));
    }
}

#[test]
fn filters_keep_the_rows_that_count() {
    for (name, expected) in [
        ("shopify-orders", vec![true, false, true, true, false, false, false]),
        ("shopify-customers", vec![true, true, false]),
        ("woocommerce-orders", vec![true, true, false, false]),
        ("stripe-subscriptions", vec![true, true, false]),
        ("stripe-charges", vec![true, true, false]),
        ("stripe-payments", vec![true, true, false, false, true]),
        ("stripe-invoices", vec![true, false, false]),
        ("stripe-balance", vec![true, true, false]),
        ("stripe-api", vec![true, true, false, false]),
        ("segment", vec![true, false, true]),
        ("chargebee-cancellations", vec![true, false]),
    ] {
        assert_eq!(fixture(name).kept(&auto(name).mapping), expected, "{name}");
    }
}

#[test]
fn values_are_net_of_refunds() {
    for (name, expected) in
        [("shopify-orders", vec!["30", "30", "5"]), ("stripe-charges", vec!["10", "21.5"]), ("stripe-api", vec!["1000", "1500"])]
    {
        assert_eq!(fixture(name).values(&auto(name).mapping), expected, "{name}");
    }
}

#[test]
fn orders_of_a_shop() {
    let Resolved { mapping, hints, notes, .. } = auto("shopify-orders");
    let customer = Field {
        columns: vec!["Email".to_owned(), "Phone".to_owned()],
        lower: true,
        strip: Some("'".to_owned()),
        ..Field::default()
    };
    assert_eq!(mapping.customer, Some(Source::Columns(customer)));
    assert_eq!(mapping.columns[column::TIME], Source::column("Created at"));
    assert_eq!(mapping.columns[column::EVENT], constant("purchase"));
    assert_eq!(mapping.columns[column::CURRENCY], Source::column("Currency"));
    assert_eq!(mapping.key, ["Id"]);
    let Attributes::Named(attributes) = &mapping.attributes else { panic!() };
    assert_eq!(attributes, &["Billing Country", "Source", "Discount Code", "Payment Method", "Tags"]);
    assert_eq!(hints, Hints::default());
    assert!(notes[1].starts_with("orders that are paid"), "{notes:?}");
}

#[test]
fn an_older_header_has_what_it_has() {
    let header = header(&["Name", "Email", "Created at", "Paid at", "Financial Status", "Total"]);
    let Resolved { mapping, .. } = resolve(&PresetChoice::Auto, &header, &Mapping::default()).unwrap();
    assert_eq!(mapping.columns[column::VALUE], Source::column("Total"));
    assert_eq!(mapping.key, ["Name"]);
    assert_eq!(
        mapping.customer.as_ref().map(|source| matches!(source, Source::Columns(field) if field.columns == ["Email"])),
        Some(true)
    );
    assert!(!mapping.columns.contains_key(column::CURRENCY));
    assert!(mapping.filter.unwrap().ends_with("'partially_paid')"));
}

#[test]
fn subscriptions_end_when_they_have_ended() {
    let Resolved { mapping, .. } = auto("stripe-subscriptions");
    assert_eq!(mapping.columns[column::START], columns(&["Start Date (UTC)", "Start (UTC)", "Created (UTC)"]));
    assert_eq!(mapping.columns[column::END], Source::column("Ended At (UTC)"));
    assert_eq!(mapping.columns[column::TRIAL_END], Source::column("Trial End (UTC)"));
    assert_eq!(mapping.columns[column::QUANTITY], Source::column("Quantity"));
    assert_eq!(mapping.source_zone.map(|zone| zone.to_string()), Some("UTC".to_owned()));
    let expected = ["Status", "Cancellation Reason", "source (metadata)"].map(str::to_owned).to_vec();
    assert_eq!(mapping.attributes, Attributes::Named(expected));
}

#[test]
fn a_balance_without_customers_says_so() {
    let Resolved { mapping, notes, .. } = auto("stripe-balance");
    assert_eq!(mapping.customer, Some(Source::column("Source")));
    assert!(notes.iter().any(|note| note.starts_with("customer: this export names no customer")), "{notes:?}");
    let names = ["balance_transaction_id", "created_utc", "reporting_category", "gross", "currency", "customer_id", "charge_id"];
    let Resolved { mapping, notes, .. } = resolve(&PresetChoice::Auto, &header(&names), &Mapping::default()).unwrap();
    assert_eq!(mapping.customer, Some(Source::column("customer_id")));
    assert_eq!(mapping.key, ["balance_transaction_id"]);
    assert!(!notes.iter().any(|note| note.starts_with("customer")), "{notes:?}");
}

#[test]
fn surveys_find_their_score() {
    let question = "How likely are you to recommend us?";
    let Resolved { mapping, .. } = auto("typeform");
    let score = Field { columns: vec![question.to_owned()], leading_number: true, ..Field::default() };
    assert_eq!(mapping.columns[column::SCORE], Source::Columns(score));
    assert_eq!(mapping.columns[column::KIND], constant("nps"));
    assert_eq!(mapping.columns[column::QUESTION], constant(question));
    assert_eq!(mapping.columns[column::SCALE], constant("0-10"));
    assert_eq!(mapping.customer, Some(columns(&["Network ID", "#"])));

    assert!(!auto("delighted").mapping.columns.contains_key(column::QUESTION), "a name that says nothing");

    // Another question, by flags: the scale of the first is not its own.
    let other = "How satisfied were you?";
    let flags = Mapping {
        columns: [(column::SCORE, Source::Given(other.into())), (column::KIND, Source::Given("csat".into()))].into(),
        ..Mapping::default()
    };
    let Resolved { mapping, .. } = resolve(&PresetChoice::Auto, &fixture("typeform").header, &flags).unwrap();
    let score = Field { columns: vec![other.to_owned()], leading_number: true, ..Field::default() };
    assert_eq!(mapping.columns[column::SCORE], Source::Columns(score));
    assert_eq!(mapping.columns[column::QUESTION], constant(other));
    assert!(!mapping.columns.contains_key(column::SCALE));
}

#[test]
fn a_header_of_two_rows_is_asked_for() {
    let Resolved { hints, preset, .. } = auto("surveymonkey");
    assert_eq!(hints.header_rows, 2);
    let names = ["Respondent ID", "Collector ID", "End Date", "Email Address", "Would you recommend us? / Response"];
    let choice = PresetChoice::Named(preset.unwrap());
    let Resolved { mapping, .. } = resolve(&choice, &header(&names), &Mapping::default()).unwrap();
    assert_eq!(mapping.columns[column::QUESTION], constant("Would you recommend us? / Response"));
    assert_eq!(auto("posthog").hints.json_strings, ["properties", "person_properties"]);
}

#[test]
fn flags_win_role_by_role() {
    let flags = Mapping {
        columns: [(column::CURRENCY, Source::Given("USD".into()))].into(),
        attributes: Attributes::Named(vec!["Notes".into()]),
        filter: Some("\"Total\" > 10".into()),
        ..Mapping::default()
    };
    let sheet = fixture("shopify-orders");
    let Resolved { mapping, .. } = resolve(&PresetChoice::Auto, &sheet.header, &flags).unwrap();
    assert_eq!(mapping.columns[column::CURRENCY], Source::Given("USD".into()));
    assert_eq!(mapping.attributes, Attributes::Named(vec!["Notes".into()]));
    assert_eq!(sheet.kept(&mapping), [true, false, true, false, false, false, false]);

    let flags = Mapping { customer: Some(Source::Given("Phone".into())), ..Mapping::default() };
    let guessed = resolve(&PresetChoice::Auto, &sheet.header, &flags).unwrap();
    assert!(guessed.preset.is_none());
    let named = resolve(&PresetChoice::parse("shopify-orders").unwrap(), &sheet.header, &flags).unwrap();
    assert_eq!(named.mapping.customer, Some(Source::Given("Phone".into())));
    assert_eq!(named.mapping.columns[column::TIME], Source::column("Created at"));
    assert!(!named.notes.iter().any(|note| note.starts_with("recognised")));
}

#[test]
fn a_preset_is_recognised_for_its_table_only() {
    let header = fixture("stripe-customers").header;
    assert!(recognise(&PresetChoice::AutoFor(Table::Customers), &header, &Mapping::default()).unwrap().is_some());
    assert!(recognise(&PresetChoice::AutoFor(Table::Surveys), &header, &Mapping::default()).unwrap().is_none());
    assert!(recognise(&PresetChoice::Generic, &header, &Mapping::default()).unwrap().is_none());
    let flags = Mapping { table: Table::Surveys, ..Mapping::default() };
    let error = resolve(&PresetChoice::parse("stripe-customers").unwrap(), &header, &flags).unwrap_err();
    assert_eq!(error.to_string(), "the preset stripe-customers is for the table customers, not surveys");
}

#[test]
fn a_flag_of_another_table_is_an_error() {
    let flags = Mapping { columns: [(column::TRIAL_END, Source::Given("t".into()))].into(), ..Mapping::default() };
    let error = resolve(&PresetChoice::Auto, &header(&["user_id", "time"]), &flags).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--trial-end belongs to the table subscriptions, and the rows are for activity (choose with --table subscriptions)"
    );
}

#[test]
fn without_a_preset_names_tell() {
    let names = header(&["Kunden-Nr.", "Bestelldatum", "Betrag", "Währung"]);
    let Resolved { mapping, notes, .. } = resolve(&PresetChoice::Auto, &names, &Mapping::default()).unwrap();
    assert_eq!(mapping.customer, Some(Source::column("Kunden-Nr.")));
    assert_eq!(mapping.columns.keys().copied().collect::<Vec<_>>(), [column::TIME]);
    let expected = [
        "customer = \"Kunden-Nr.\" (detected; set it with --customer)",
        "time = \"Bestelldatum\" (detected; set it with --time)",
    ];
    assert_eq!(notes, expected);

    let choice = PresetChoice::AutoFor(Table::Subscriptions);
    let names = header(&["account_id", "start_date", "end_date", "plan_tier", "seats", "mrr_amount", "billing_frequency"]);
    let Resolved { mapping, notes, .. } = resolve(&choice, &names, &Mapping::default()).unwrap();
    assert_eq!(mapping.columns[column::END], Source::column("end_date"));
    assert_eq!(mapping.columns[column::INTERVAL], constant("1 month"));
    assert!(!mapping.columns.contains_key(column::QUANTITY), "MRR has the quantity in it");
    assert!(notes.contains(&"end = \"end_date\" (detected; set it with --end)".to_owned()), "{notes:?}");
    let named = Mapping { columns: [(column::AMOUNT, Source::Given("mrr_amount".to_owned()))].into(), ..Mapping::default() };
    let Resolved { mapping, .. } = resolve(&choice, &names, &named).unwrap();
    assert!(!mapping.columns.contains_key(column::QUANTITY) && mapping.columns[column::INTERVAL] == constant("1 month"));

    let error = resolve(&PresetChoice::Auto, &header(&["a", "b"]), &Mapping::default()).unwrap_err();
    let expected = "no column looks like the customer; name it with --customer COLUMN (the columns are \"a\", \"b\")";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn kinds_and_scales_are_checked() {
    let names = header(&["user_id", "date", "score"]);
    let choice = PresetChoice::AutoFor(Table::Surveys);
    let with = |role, text: &str| Mapping { columns: [(role, Source::Given(text.into()))].into(), ..Mapping::default() };
    let error = resolve(&choice, &names, &with(column::KIND, "npss")).unwrap_err().to_string();
    assert!(error.starts_with("--kind \"npss\": expected one of nps, csat, ces, returned, or a column"), "{error}");
    let error = resolve(&choice, &names, &with(column::SCALE, "5")).unwrap_err().to_string();
    assert!(error.starts_with("--scale \"5\": expected the least and the most, such as 1-5"), "{error}");
    let error = resolve(&choice, &names, &Mapping::default()).unwrap_err().to_string();
    assert!(error.starts_with("no column looks like the kind; name it with --kind nps|csat|ces|returned"), "{error}");
    assert!(resolve(&choice, &names, &with(column::KIND, "csat")).is_ok());
}

const OWN: &str = r#"
name = "our-shop"
table = "activity"
format = "csv"
delimiter = ";"
detect = ["Bestellnummer", "Kunde"]
[columns]
customer = "Kunde"
time = "Datum"
id = "Bestellnummer"
value = "Betrag"
currency = "EUR"
event = { name = "purchase" }
time_format = "%d.%m.%Y %H:%M"
source_zone = "Europe/Berlin"
decimal_comma = true
where = "Status <> 'storniert'"
attributes = ["Land"]
"#;

#[test]
fn a_preset_of_ones_own() {
    let choice = PresetChoice::Named(Arc::new(own(OWN).unwrap()));
    let names = header(&["Bestellnummer", "Kunde", "Datum", "Betrag", "Status", "Land"]);
    let Resolved { mapping, hints, .. } = resolve(&choice, &names, &Mapping::default()).unwrap();
    assert_eq!(mapping.customer, Some(Source::column("Kunde")));
    assert_eq!(mapping.columns[column::CURRENCY], constant("EUR"));
    assert_eq!(mapping.columns[column::VALUE], Source::column("Betrag"));
    assert_eq!(mapping.columns[column::EVENT], constant("purchase"));
    assert_eq!((mapping.key.as_slice(), mapping.decimal_comma), (["Bestellnummer".to_owned()].as_slice(), true));
    assert_eq!(mapping.time_format.as_deref(), Some("%d.%m.%Y %H:%M"));
    assert_eq!(mapping.source_zone.map(|zone| zone.to_string()), Some("Europe/Berlin".to_owned()));
    assert_eq!(mapping.filter.as_deref(), Some("Status <> 'storniert'"));
    assert_eq!(mapping.attributes, Attributes::Named(vec!["Land".into()]));
    assert_eq!(hints.delimiter, Some(b';'));
    // The settings may stand at the top too.
    let (top, columns) = OWN.split_once("[columns]").unwrap();
    let (columns, settings) = columns.split_at(columns.find("time_format").unwrap());
    assert!(own(&format!("{top}{settings}[columns]{columns}")).unwrap().decimal_comma);

    // What is not there is said, or an error where the rows would be read wrongly.
    let without = |left_out: &str| {
        let names: Vec<Arc<str>> = names.iter().filter(|name| &***name != left_out).cloned().collect();
        resolve(&choice, &names, &Mapping::default())
    };
    assert_eq!(without("Betrag").unwrap().notes, ["value is left out: the header has no \"Betrag\""]);
    assert_eq!(without("Land").unwrap().notes, ["attribute \"Land\" is left out: the header has no such column"]);
    let error = without("Status").unwrap_err().to_string();
    assert!(error.starts_with("our.toml: where \"Status <> 'storniert'\": no column \"Status\""), "{error}");
    let error = without("Kunde").unwrap_err().to_string();
    assert!(
        error.starts_with(
            "our.toml: the header has no \"Kunde\" for the customer; name it with --customer COLUMN (the columns are "
        ),
        "{error}"
    );
    let error = without("Bestellnummer").unwrap_err().to_string();
    assert!(error.starts_with("our.toml: columns.id: no column \"Bestellnummer\""), "{error}");
}

#[test]
fn sources_have_many_forms() {
    let text = r#"
name = "own"
table = "activity"
[columns]
customer = { columns = ["A", "B"], lower = true, strip = "'", map = { x = "y" } }
time = ["T", "U"]
value = { expression = ["p * q", "p"] }
event = { constant = "seen" }
alias = "B"
id = ["A", "T"]
"#;
    let choice = PresetChoice::Named(Arc::new(own(text).unwrap()));
    let Resolved { mapping, .. } = resolve(&choice, &header(&["B", "A", "U", "T", "p"]), &Mapping::default()).unwrap();
    let map = [("x".to_owned(), "y".to_owned())].into();
    let field = Field { columns: vec!["A".into(), "B".into()], lower: true, strip: Some("'".into()), map, leading_number: false };
    assert_eq!(mapping.customer, Some(Source::Columns(field)));
    assert_eq!(mapping.columns[column::VALUE], Source::Expression("p".into()));
    assert_eq!(mapping.columns[column::EVENT], constant("seen"));
    assert_eq!(mapping.alias, Some(Source::column("B")));
    assert_eq!(mapping.key, ["A", "T"]);
}

#[test]
fn mistakes_in_presets_are_named() {
    let with = |line: &str| own(&format!("name = \"x\"\ntable = \"activity\"\n{line}")).unwrap_err();
    for (line, expected) in [
        ("formt = \"csv\"", "our.toml: formt: no such key; did you mean format?"),
        ("format = \"cvs\"", "our.toml: format: no format \"cvs\"; expected one of csv, jsonl, parquet, arrow and excel"),
        ("delimiter = \";;\"", "our.toml: delimiter: found \";;\"; expected one character, such as \";\" or \"\\t\""),
        ("decimal_comma = \"yes\"", "our.toml: decimal_comma: found a string; expected true or false"),
        ("header_rows = 0", "our.toml: header_rows: found 0; expected a number of rows from 1 to 10"),
        ("customer = \"A\"", "our.toml: customer: this stands among the columns: put it below [columns]"),
        ("columns = 1", "our.toml: columns: expected a table: [columns]"),
        ("[columns]\ncustmer = \"A\"", "our.toml: columns.custmer: no such key; did you mean customer?"),
        ("[columns]\nplan = \"A\"", "our.toml: columns.plan: the table activity has no such column (it is one of subscriptions)"),
        (
            "[columns]\nevent = { expression = \"a\" }",
            "our.toml: columns.event: an expression gives an amount; expected columns or a name",
        ),
    ] {
        assert_eq!(with(line), expected);
    }
    assert!(with("[columns]\ntime = 5").starts_with("our.toml: columns.time: expected a column, a list of columns"));
    assert!(with("[columns]\ntime = { columns = \"A\", upper = true }").contains("columns.time: unknown field `upper`"));
    assert!(with("source_zone = \"Mars\"").starts_with("our.toml: source_zone: "));
    assert!(with("detect = [1]").starts_with("our.toml: detect: expected names of columns"));
    assert!(own("name = \"x\"").unwrap_err().starts_with("our.toml: table: missing; expected the table"));
    assert!(own("name = \"x\"\ntable = \"orders\"").unwrap_err().starts_with("our.toml: table: no table \"orders\""));
    assert!(own("name = x; table").unwrap_err().starts_with("our.toml: this is not TOML: "));
}

#[test]
fn a_choice_is_a_name_or_a_file() {
    assert!(matches!(PresetChoice::parse("auto"), Ok(PresetChoice::Auto)));
    assert!(matches!(PresetChoice::parse("generic"), Ok(PresetChoice::Generic)));
    assert!(matches!(PresetChoice::parse("ga4"), Ok(PresetChoice::Named(preset)) if preset.name() == "ga4"));
    let error = |text: &str| PresetChoice::parse(text).unwrap_err().to_string();
    assert!(
        error("shopify-order").starts_with("no preset \"shopify-order\"; did you mean shopify-orders"),
        "{}",
        error("shopify-order")
    );
    assert!(error("zzz").starts_with("no preset \"zzz\"; expected one of auto, generic, shopify-orders"));
    assert_eq!(error("missing.toml"), "missing.toml: no such file");
}

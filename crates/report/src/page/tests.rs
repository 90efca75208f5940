//! Pages of structs made by hand: their size at the limit, hostile names, goals, what is not there.

use std::collections::BTreeMap;

use tenure_analysis::FigurePeriod;
use tenure_analysis::{
    CancellationDefinition, CancellationRow, Cancellations, CellValue, CohortCell, CohortRow, CohortStart, CustomerCounts,
    Definition, Interval, Lifecycle, LifecycleCounts, LifecycleRow, METRICS, Measure, MetricKind, MetricRow, MetricValue,
    Metrics, MetricsDefinition, MrrMovement, RetentionMatrix, Revenue, RevenueDefinition, RevenueRow, ScopeDefinition, Segment,
    SummaryPoint, Told, Totals, ValueAverage,
};
use tenure_model::{Age, AgeRange, Cell, Day, Decimal, Instant, ObservationWindow};

use tenure_analysis::GoalState;

use super::{CohortTables, GoalShape, GoalShown, ReportPage, report_page};

const HOSTILE: [&str; 4] =
    ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "=HYPERLINK(\"x\")", "'\"&\u{2028}\u{7}{{7*7}}"];

/// The size that a page stays below, whatever is asked.
const LIMIT: usize = 1_000_000;

fn definition(by: &[&str], measure: Measure, source: &'static str) -> Definition {
    Definition {
        source,
        birth: "first".to_owned(),
        born: None,
        returned: None,
        filter: None,
        min_returns: 1,
        cohort: "month".to_owned(),
        age: "month".to_owned(),
        alignment: "calendar".to_owned(),
        criterion: "on".to_owned(),
        brackets: None,
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        segment_as_of: "birth".to_owned(),
        top: None,
        min_size: None,
        measure: measure.to_string(),
        currency: None,
        rates: None,
        zone: "UTC".to_owned(),
        week_start: "monday".to_owned(),
        fiscal_start: "january".to_owned(),
        cohort_origin: None,
        born_from: None,
        born_until: None,
        summary: "pooled".to_owned(),
        level: 0.95,
        dialect: "tenure",
        content: "xxh3:0123456789abcdef".to_owned(),
    }
}

/// A number that looks like chance, the same each time.
fn chance(seed: u64) -> u64 {
    (seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)) >> 33
}

/// A matrix in which every cell is complete, the worst for the size of a page.
fn matrix(
    cohorts: usize,
    ages: usize,
    segments: &[Segment],
    currencies: &[Option<String>],
    source: &'static str,
) -> RetentionMatrix {
    let measure = if currencies.is_empty() { Measure::Customers } else { Measure::Value };
    let by: &[&str] = if segments.is_empty() { &[] } else { &["plan"] };
    let none = [Segment::new()];
    let parts = if segments.is_empty() { &none[..] } else { segments };
    let no_currency = [None];
    let blocks = if currencies.is_empty() { &no_currency[..] } else { currencies };
    let ages: Vec<AgeRange> = (0..ages as u32).map(|age| AgeRange::one(Age(age))).collect();
    let mut rows = Vec::new();
    for cohort in 0..cohorts {
        for (place, segment) in parts.iter().enumerate() {
            for currency in blocks {
                let seed = (cohort * 1000 + place) as u64;
                let size = 1_000_000 + chance(seed) % 8_000_000;
                let cell = |age: &AgeRange| {
                    let retained = if age.from.0 == 0 { size } else { chance(seed * 100 + u64::from(age.from.0)) % size };
                    let total = Decimal::new(i128::from(chance(retained) % 100_000_000_000), 2);
                    CohortCell {
                        age: *age,
                        cell: Cell::Complete { size, retained },
                        interval: Some(Interval { low: retained as f64 / size as f64 * 0.97, high: 1.0 }),
                        events: (measure == Measure::Value).then_some(retained * 3),
                        value: (measure == Measure::Value).then(|| {
                            Box::new(CellValue {
                                active: retained,
                                total,
                                missing: 0,
                                per_member: total.divided_by(size),
                                per_active: total.divided_by(retained.max(1)),
                                cumulative_per_member: total.divided_by(7),
                            })
                        }),
                    }
                };
                rows.push(CohortRow {
                    start: CohortStart::Day(Day(18_262).add_months(cohort as i32)),
                    segment: segment.clone(),
                    currency: currency.clone(),
                    size,
                    cells: ages.iter().map(cell).collect(),
                });
            }
        }
    }
    let of = parts.iter().map(|segment| (!segments.is_empty()).then(|| segment.clone()));
    let of = of.chain((!segments.is_empty()).then_some(None));
    let summary = of.flat_map(|segment| {
        ages.iter().map(move |age| SummaryPoint {
            revenue: Vec::new(),
            segment: segment.clone(),
            age: *age,
            cohorts: cohorts as u64,
            exposed: 9_000_000,
            retained: 9_000_000 - u64::from(age.from.0) * 100_003,
            rate: 1.0 - f64::from(age.from.0) * 100_003.0 / 9_000_000.0,
            interval: Some(Interval { low: 0.2, high: 1.0 }),
        })
    });
    RetentionMatrix {
        definition: definition(by, measure, source),
        measure,
        value_average: ValueAverage::PerMember,
        window: ObservationWindow { from: Some(Instant(1_577_836_800_000_000)), until: Some(Instant(1_735_689_600_000_000)) },
        totals: Totals { customers: 9_000_000, members: 9_000_000, memberships: 9_000_000, ..Totals::default() },
        summary: summary.collect(),
        ages,
        cohorts: rows,
        notes: Vec::new(),
    }
}

fn tables(
    cohorts: usize,
    ages: usize,
    segments: &[Segment],
    currencies: &[Option<String>],
    source: &'static str,
) -> CohortTables {
    CohortTables {
        whole: matrix(cohorts, ages, &[], &[], source),
        by_segment: (!segments.is_empty()).then(|| matrix(cohorts, ages, segments, &[], source)),
        value: (!currencies.is_empty()).then(|| matrix(cohorts, ages, &[], currencies, source)),
        value_by_segment: (!currencies.is_empty() && !segments.is_empty())
            .then(|| matrix(cohorts, ages, segments, currencies, source)),
    }
}

fn scope() -> ScopeDefinition {
    ScopeDefinition {
        period: "month".to_owned(),
        period_origin: None,
        from: None,
        until: None,
        filter: None,
        by: Some("plan".to_owned()),
        zone: "UTC".to_owned(),
        week_start: "monday".to_owned(),
        fiscal_start: "january".to_owned(),
        level: 0.95,
        content: "xxh3:0123456789abcdef".to_owned(),
    }
}

fn period(month: usize) -> FigurePeriod {
    FigurePeriod { start: Day(18_262).add_months(month as i32), in_progress: month == 59 }
}

/// The whole and the segments, as figures by period have them.
fn parts(segments: &[Segment]) -> Vec<Option<Option<String>>> {
    std::iter::once(None).chain(segments.iter().map(|segment| segment.first().cloned())).collect()
}

/// Everything at once, each as large as a page is asked to bear.
fn everything(segments: &[Segment], currencies: &[Option<String>]) -> ReportPage {
    let money = |seed: usize| Decimal::new(i128::from(chance(seed as u64) % 10_000_000_000), 2);
    let lifecycle = parts(segments).into_iter().flat_map(|segment| {
        (0..60).map(move |month| {
            let [new, returning, resurrected, dormant] = [1, 2, 3, 4].map(|k| chance(month as u64 * 7 + k) % 9_000_000);
            LifecycleRow {
                period: period(month),
                segment: segment.clone(),
                counts: LifecycleCounts { new, returning, resurrected, dormant },
            }
        })
    });
    let revenue = currencies.iter().flat_map(|currency| {
        parts(segments).into_iter().flat_map(move |segment| {
            (0..60).map(move |month| RevenueRow {
                period: period(month),
                segment: segment.clone(),
                currency: currency.clone(),
                mrr: MrrMovement {
                    opening: money(month),
                    new: money(month + 1),
                    reactivation: money(month + 2),
                    expansion: money(month + 3),
                    contraction: money(month + 4),
                    churn: money(month + 5),
                    fx: money(month + 6),
                    transfer_in: money(month + 7),
                    transfer_out: money(month + 8),
                    closing: money(month + 9),
                },
                customers: CustomerCounts::default(),
            })
        })
    });
    let metrics = (0..60).flat_map(|month| {
        METRICS.iter().flat_map(move |metric| {
            let blocks = if metric.kind == MetricKind::Money { currencies } else { &[None] };
            blocks.iter().map(move |currency| MetricRow {
                benchmark: None,
                period: period(month),
                segment: None,
                metric,
                value: Some(match metric.kind {
                    MetricKind::Count => MetricValue::Count(9_000_000),
                    MetricKind::Rate => MetricValue::Rate(0.123),
                    MetricKind::Money => MetricValue::Money(money(month)),
                    MetricKind::Number => MetricValue::Number(12.34),
                }),
                numerator: None,
                denominator: None,
                interval: Some(Interval { low: 0.1, high: 0.2 }),
                currency: currency.clone(),
            })
        })
    });
    let reasons = segments.iter().filter_map(|segment| segment.first().cloned()).map(|text| CancellationRow {
        told: Told::Reason,
        text,
        segment: None,
        count: 4,
        of: 4 * segments.len() as u64,
        mrr_lost: BTreeMap::from([(Some("EUR".to_owned()), money(3))]),
        mean_tenure_days: Some(90.4),
    });
    ReportPage {
        title: HOSTILE[0].to_owned(),
        activity: Some(tables(60, 60, segments, currencies, "activity")),
        subscribers: Some(tables(60, 60, segments, currencies, "subscriptions")),
        metrics: Some(Metrics {
            definition: MetricsDefinition {
                scope: scope(),
                customer: Some("with a subscription".to_owned()),
                margin: None,
                cac: None,
            },
            rows: metrics.collect(),
            notes: vec![HOSTILE[1].to_owned()],
        }),
        revenue: Some(Revenue {
            definition: RevenueDefinition {
                source: "subscriptions",
                scope: scope(),
                currency: None,
                rates: None,
                charges: None,
                interval: None,
                grace: None,
            },
            rows: revenue.collect(),
            notes: Vec::new(),
        }),
        lifecycle: Some(Lifecycle { definition: scope(), rows: lifecycle.collect() }),
        surveys: None,
        cancellations: Some(Cancellations {
            definition: CancellationDefinition {
                source: "cancellations",
                by: None,
                from: None,
                until: None,
                mrr_lost: "MRR that ended with them",
                tenure: "days from the first",
                zone: "UTC".to_owned(),
                content: String::new(),
            },
            rows: reasons.collect(),
            notes: Vec::new(),
        }),
        goals: Vec::new(),
        notes: vec![HOSTILE[0].to_owned()],
    }
}

fn text(page: &ReportPage) -> String {
    String::from_utf8(report_page(page).unwrap()).unwrap()
}

/// The data of a switch.
fn data(html: &str, id: &str) -> serde_json::Value {
    let start = format!("<script type=\"application/json\" data-for=\"{id}\">");
    let rest = html.split_once(&start).unwrap().1;
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_stays_below_its_limit_and_says_what_is_folded() {
    let segments: Vec<Segment> = (0..20).map(|k| vec![Some(format!("segment with a longer name {k}"))]).collect();
    let currencies = [None, Some("EUR".to_owned()), Some("USD".to_owned()), Some("JPY".to_owned())];
    let full = text(&everything(&segments, &currencies));
    let parts: Vec<(usize, &str)> = full.split("<section").map(|part| (part.len(), part.get(..24).unwrap_or(part))).collect();
    assert!(full.len() < LIMIT, "{} bytes: {parts:?}", full.len());
    let shown = data(&full, "retention")["segments"].as_array().unwrap().len() - 1;
    assert!(full.contains(&format!("The {shown} largest of 20 segments can be chosen")), "{shown}");
    assert!(full.contains(" of 4 currencies can be chosen"));

    // The question of the size alone: 60 cohorts, 60 ages, 20 segments, no amounts.
    let plain = ReportPage { activity: Some(tables(60, 60, &segments, &[], "activity")), ..ReportPage::default() };
    let plain = text(&plain);
    assert!(plain.len() < LIMIT, "{} bytes", plain.len());

    // What does not fit is told, not cut in silence.
    let long = ReportPage { activity: Some(tables(90, 70, &segments[..2], &[], "activity")), ..ReportPage::default() };
    let long = text(&long);
    assert!(long.contains("The latest 60 of 90 cohorts are shown.") && long.contains("Ages up to 59 are shown."));
    assert_eq!(data(&long, "retention")["cohorts"].as_array().unwrap().len(), 60);
}

#[test]
fn hostile_names_are_text() {
    let segments: Vec<Segment> = HOSTILE.iter().map(|name| vec![Some((*name).to_owned())]).collect();
    let currencies = [Some(HOSTILE[1].to_owned())];
    let mut page = everything(&segments, &currencies);
    page.activity = Some(tables(3, 3, &segments, &currencies, "activity"));
    page.goals = vec![GoalShown {
        name: HOSTILE[0].to_owned(),
        owner: Some(HOSTILE[1].to_owned()),
        value_text: HOSTILE[2].to_owned(),
        target_text: HOSTILE[3].to_owned(),
        share_of_target: Some(f64::NAN),
        state: GoalState::Open,
        deadline: Some(HOSTILE[0].to_owned()),
        shape: GoalShape::Ring,
    }];
    let html = text(&page);
    assert!(!html.contains("<script>alert") && !html.contains("<img"), "markup of names");
    assert!(!html.contains("onerror=alert(2)>"), "an unescaped end");
    // One script of ours, and the data of the switches; nothing else begins or ends one.
    let scripts = html.matches("<script").count();
    assert_eq!(scripts, html.matches("<script type=\"application/json\"").count() + 1);
    assert_eq!(html.matches("</script").count(), scripts);
    assert!(html.contains("=HYPERLINK(&#34;x&#34;)") || html.contains("=HYPERLINK(&quot;x&quot;)"), "a formula is text");
    assert!(html.contains("{{7*7}}"), "a template is text");
    assert!(!html.contains('\u{7}'), "a control character");
    // And the names are whole where the script reads them.
    let names: Vec<String> = data(&html, "retention")["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["n"].as_str().unwrap().to_owned())
        .collect();
    assert!(HOSTILE.iter().all(|name| names.iter().any(|shown| shown == name)), "{names:?}");
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let mut page = everything(&[vec![Some("a".to_owned())], vec![None]], &[None]);
    (page.title, page.notes) = (String::new(), Vec::new());
    page.metrics.as_mut().unwrap().notes = Vec::new();
    let html = text(&page);
    for loader in ["src=", "@import", "url(", "<link", "<iframe", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!html.contains(loader), "{loader}");
    }
    let addresses = html.matches("http").count();
    assert_eq!(addresses, html.matches("http://www.w3.org/2000/svg").count() + html.matches("http-equiv").count());
}

#[test]
fn goals_are_drawn_as_they_stand() {
    let goal = |shape, share, state| GoalShown {
        name: "Keep nine in ten".to_owned(),
        owner: None,
        value_text: "45 %".to_owned(),
        target_text: "90 %".to_owned(),
        share_of_target: share,
        state,
        deadline: Some("2027-03-31".to_owned()),
        shape,
    };
    let goals = vec![
        goal(GoalShape::Bar, Some(0.5), GoalState::Open),
        goal(GoalShape::Ring, Some(0.5), GoalState::Missed),
        goal(GoalShape::Thermometer, Some(1.7), GoalState::Reached),
        goal(GoalShape::Bar, None, GoalState::Open),
        goal(GoalShape::Mark, Some(1.0), GoalState::Reached),
        goal(GoalShape::Mark, Some(0.0), GoalState::Open),
    ];
    let html = text(&ReportPage { goals, ..ReportPage::default() });
    // Half of 240, half of 2 π 34, the whole of 72 below the mark, nothing.
    assert!(html.contains("<rect class=\"fill\" x=\"0\" y=\"1\" width=\"120\" height=\"12\"/>"));
    assert!(html.contains("stroke-dasharray=\"106.8 213.6\""));
    assert!(html.contains("<rect class=\"fill\" x=\"18\" y=\"8\" width=\"8\" height=\"74\"/>"));
    assert!(html.contains("width=\"0\" height=\"12\""));
    assert!(html.contains("d=\"M26 43l11 11l21 -23\"") && html.contains("d=\"M29 29l26 26M55 29l-26 26\""), "a tick and a cross");
    assert_eq!(html.matches(" of the target</p>").count(), 3, "what holds or not is no share");
    assert!(html.contains("; 170\u{a0}% of the target") && html.contains("missed</span> by 2027-03-31"));
    assert!(!text(&ReportPage::default()).contains("id=\"goals\""));
}

#[test]
fn sections_are_there_where_there_is_something() {
    let html = text(&ReportPage { activity: Some(tables(4, 4, &[], &[], "activity")), ..ReportPage::default() });
    assert!(html.contains("id=\"retention\"") && html.contains("id=\"definitions\""));
    for absent in ["id=\"revenue\"", "id=\"lifecycle\"", "id=\"surveys\"", "id=\"cancellations\"", "id=\"figures\"", "<select"] {
        assert!(!html.contains(absent), "{absent}");
    }
}

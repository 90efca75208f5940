//! The hand formulas: figures from typed numbers.

use tenure_model::Decimal;

use crate::error::Error;
use crate::interval::{Interval, Wilson};
use crate::revenue::{MrrMovement, Quotient};

/// A figure worked out by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Worked {
    /// The metric's name.
    pub metric: &'static str,
    /// Its value, rounded to 6 decimals, half-even.
    pub value: Decimal,
    /// What the value is.
    pub unit: WorkedUnit,
    /// The formula in words.
    pub formula: &'static str,
    /// The formula with the numbers.
    pub worked: String,
    /// Its bounds, where the numbers are counts of a sample.
    pub interval: Option<Interval>,
}

/// What a worked value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkedUnit {
    /// A share of a whole: 1 is 100 %.
    Share,
    /// An amount of money.
    Amount,
    /// A number of points, from -100 to 100.
    Points,
    /// A plain ratio.
    Ratio,
}

/// How the customers of a period's start fared, as somebody counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Customers at the end, and those of them who were not there at the start.
    EndAndNew {
        /// Customers at the end.
        end: u64,
        /// Those of them who were not customers at the start.
        new: u64,
    },
    /// Those of the start who are no customers at the end.
    Lost(u64),
}

fn ratio(above: Decimal, below: Decimal, what: &str) -> Result<Decimal, Error> {
    above.over(below).ok_or_else(|| Error::query(format!("{what} is 0 or too large: there is nothing to divide by")))
}

fn quotient(Quotient { above, below }: Quotient, what: &str) -> Result<Decimal, Error> {
    ratio(above, below, what)
}

fn whole(number: u64) -> Decimal {
    Decimal::new(number.into(), 0)
}

fn one() -> Decimal {
    Decimal::new(1, 0)
}

/// Customer retention rate and churn rate of a period: (end − new) / start = (start − lost) / start, and lost / start; they
/// add to 1. 1000 at the start and 50 lost: 95 % and 5 %.
///
/// # Errors
///
/// Where nobody was there at the start, or more are kept or lost than were there.
pub fn period_retention(start: u64, kept: Kept, level: f64) -> Result<[Worked; 2], Error> {
    let (retained, worked_retention, worked_churn) = match kept {
        Kept::EndAndNew { end, new } => {
            let retained = end.checked_sub(new).ok_or_else(|| {
                Error::query(format!("--new {new} is more than --end {end}: the new customers are among those at the end"))
            })?;
            if retained > start {
                return Err(Error::query(format!(
                    "--end {end} less --new {new} is {retained}, more than --start {start}: who was not there at the start is new"
                )));
            }
            (retained, format!("({end} − {new}) / {start}"), format!("({start} − ({end} − {new})) / {start}"))
        }
        Kept::Lost(lost) => {
            let retained = start.checked_sub(lost).ok_or_else(|| {
                Error::query(format!("--lost {lost} is more than --start {start}: only who was there can be lost"))
            })?;
            (retained, format!("({start} − {lost}) / {start}"), format!("{lost} / {start}"))
        }
    };
    let wilson = Wilson::new(level);
    let lost = start - retained;
    Ok([
        Worked {
            metric: "customer_retention_rate",
            value: ratio(whole(retained), whole(start), "--start")?,
            unit: WorkedUnit::Share,
            formula: "(customers at the end − new ones) / customers at the start = (start − lost) / start",
            worked: worked_retention,
            interval: wilson.interval(retained, start),
        },
        Worked {
            metric: "churn_rate",
            value: ratio(whole(lost), whole(start), "--start")?,
            unit: WorkedUnit::Share,
            formula: "customers lost / customers at the start = 1 − customer retention rate",
            worked: worked_churn,
            interval: wilson.interval(lost, start),
        },
    ])
}

/// The complement of a customer retention rate or churn rate, a share of 1: retention 0.97 is churn 0.03.
///
/// # Errors
///
/// Where it is no share.
pub fn complement(rate: Decimal, of_retention: bool) -> Result<[Worked; 2], Error> {
    if rate < Decimal::ZERO || rate > one() {
        return Err(Error::query(format!("a rate of {rate}: expected a share between 0 % and 100 %")));
    }
    let other = one() - rate;
    let (retention, churn) = if of_retention { (rate, other) } else { (other, rate) };
    let given = |is_given: bool, text: String| if is_given { "given".to_owned() } else { text };
    Ok([
        Worked {
            metric: "customer_retention_rate",
            value: retention,
            unit: WorkedUnit::Share,
            formula: "1 − churn rate",
            worked: given(of_retention, format!("1 − {churn}")),
            interval: None,
        },
        Worked {
            metric: "churn_rate",
            value: churn,
            unit: WorkedUnit::Share,
            formula: "1 − customer retention rate",
            worked: given(!of_retention, format!("1 − {retention}")),
            interval: None,
        },
    ])
}

/// Customer lifetime value: average purchase value × purchases per unit of time × lifespan in that unit, and times the gross
/// margin where one is given. 50 × 4 a year × 5 years = 1000.
///
/// # Errors
///
/// Where a factor is negative or the product is too large.
pub fn lifetime_value(
    value: Decimal,
    frequency: Decimal,
    lifespan: Decimal,
    margin: Option<Decimal>,
) -> Result<Vec<Worked>, Error> {
    for (flag, number) in [("--frequency", frequency), ("--lifespan", lifespan), ("--margin", margin.unwrap_or_default())] {
        if number < Decimal::ZERO {
            return Err(Error::query(format!("{flag} {number}: expected a number that is not negative")));
        }
    }
    let too_large = || Error::query("the product is too large");
    let simple = value.times(frequency).and_then(|product| product.times(lifespan)).ok_or_else(too_large)?;
    let mut found = vec![Worked {
        metric: "clv_simple",
        value: simple,
        unit: WorkedUnit::Amount,
        formula: "average purchase value × purchases per unit of time × lifespan in that unit",
        worked: format!("{value} × {frequency} × {lifespan}"),
        interval: None,
    }];
    if let Some(margin) = margin {
        found.push(Worked {
            metric: "clv_margin",
            value: simple.times(margin).ok_or_else(too_large)?,
            unit: WorkedUnit::Amount,
            formula: "simple CLV × gross margin",
            worked: format!("{simple} × {margin}"),
            interval: None,
        });
    }
    Ok(found)
}

/// Repeat purchase rate: customers with at least 2 purchases / customers with at least 1. 200 of 1000 are 20 %.
///
/// # Errors
///
/// Where nobody bought, or more bought again than bought.
pub fn repeat_purchase_rate(returning: u64, customers: u64, level: f64) -> Result<Worked, Error> {
    if returning > customers {
        return Err(Error::query(format!("--returning {returning} is more than --customers {customers}: they are among them")));
    }
    Ok(Worked {
        metric: "repeat_purchase_rate",
        value: ratio(whole(returning), whole(customers), "--customers")?,
        unit: WorkedUnit::Share,
        formula: "customers with 2 or more purchases / customers with 1 or more",
        worked: format!("{returning} / {customers}"),
        interval: Wilson::new(level).interval(returning, customers),
    })
}

/// Net promoter score from shares in percent: % promoters − % detractors. 70 % and 10 % make 60.
///
/// # Errors
///
/// Where they are no percentages, or more than 100 together.
pub fn nps_of_percent(promoters: Decimal, detractors: Decimal) -> Result<Worked, Error> {
    let hundred = Decimal::new(100, 0);
    if promoters < Decimal::ZERO || detractors < Decimal::ZERO || promoters + detractors > hundred {
        return Err(Error::query(format!(
            "promoters {promoters} % and detractors {detractors} %: expected shares of all answers, 100 % together at most; for counts add --counts and --passives"
        )));
    }
    Ok(Worked {
        metric: "nps",
        value: promoters - detractors,
        unit: WorkedUnit::Points,
        formula: "% promoters (9–10) − % detractors (0–6)",
        worked: format!("{promoters} − {detractors}"),
        interval: None,
    })
}

/// Net promoter score from counts of answers: 100 × (promoters − detractors) / answers, with the normal interval of a
/// difference of two shares of one sample: variance (p + d − (p − d)²) / n.
///
/// # Errors
///
/// Where there is no answer.
pub fn nps_of_counts(promoters: u64, passives: u64, detractors: u64, level: f64) -> Result<Worked, Error> {
    let answers = promoters + passives + detractors;
    let difference = whole(promoters) - whole(detractors);
    let hundred = Decimal::new(100, 0);
    let points = difference.times(hundred).unwrap_or(Decimal::ZERO);
    Ok(Worked {
        metric: "nps",
        value: ratio(points, whole(answers), "the number of answers")?,
        unit: WorkedUnit::Points,
        formula: "100 × (promoters (9–10) − detractors (0–6)) / answers",
        worked: format!("100 × ({promoters} − {detractors}) / {answers}"),
        interval: nps_interval(promoters, detractors, answers, level),
    })
}

/// The interval of a net promoter score, in points.
pub(crate) fn nps_interval(promoters: u64, detractors: u64, answers: u64, level: f64) -> Option<Interval> {
    if answers == 0 {
        return None;
    }
    let (n, p, d) = (answers as f64, promoters as f64 / answers as f64, detractors as f64 / answers as f64);
    let reach = Wilson::new(level).z() * ((p + d - (p - d).powi(2)).max(0.0) / n).sqrt();
    Some(Interval { low: 100.0 * (p - d - reach).max(-1.0), high: 100.0 * (p - d + reach).min(1.0) })
}

/// Customer satisfaction: satisfied / answers. 400 of 500 are 80 %.
///
/// # Errors
///
/// Where there is no answer, or more are satisfied than answered.
pub fn csat(satisfied: u64, answers: u64, level: f64) -> Result<Worked, Error> {
    if satisfied > answers {
        return Err(Error::query(format!("--satisfied {satisfied} is more than --answers {answers}: they are among them")));
    }
    Ok(Worked {
        metric: "csat",
        value: ratio(whole(satisfied), whole(answers), "--answers")?,
        unit: WorkedUnit::Share,
        formula: "satisfied answers / answers",
        worked: format!("{satisfied} / {answers}"),
        interval: Wilson::new(level).interval(satisfied, answers),
    })
}

/// Monthly recurring revenue from an average: customers × average revenue per customer and month. 100 × 50 = 5000.
///
/// # Errors
///
/// Where the product is too large.
pub fn mrr_of_average(customers: u64, average: Decimal) -> Result<Worked, Error> {
    Ok(Worked {
        metric: "mrr",
        value: whole(customers).times(average).ok_or_else(|| Error::query("the product is too large"))?,
        unit: WorkedUnit::Amount,
        formula: "paying customers × average revenue per customer and month",
        worked: format!("{customers} × {average}"),
        interval: None,
    })
}

/// Movements of recurring revenue as somebody typed them; losses are positive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypedMovements {
    /// At the start.
    pub opening: Decimal,
    /// Of new customers.
    pub new: Decimal,
    /// Of customers who came back.
    pub reactivation: Decimal,
    /// More from customers of the start.
    pub expansion: Decimal,
    /// Less from customers who stay.
    pub contraction: Decimal,
    /// Of customers who left.
    pub churn: Decimal,
}

impl TypedMovements {
    fn movement(&self) -> MrrMovement {
        let Self { opening, new, reactivation, expansion, contraction, churn } = *self;
        MrrMovement { opening, new, reactivation, expansion, contraction, churn, ..MrrMovement::default() }
    }

    fn check(&self) -> Result<(), Error> {
        let all = [
            ("--opening", self.opening),
            ("--new", self.new),
            ("--reactivation", self.reactivation),
            ("--expansion", self.expansion),
            ("--contraction", self.contraction),
            ("--churn", self.churn),
        ];
        if let Some((flag, number)) = all.into_iter().find(|(_, number)| *number < Decimal::ZERO) {
            return Err(Error::query(format!(
                "{flag} {number}: expected an amount that is not negative; what was lost is typed as it is, without a sign"
            )));
        }
        Ok(())
    }

    fn check_lost(&self) -> Result<(), Error> {
        self.check()?;
        let lost = self.contraction + self.churn;
        if lost > self.opening {
            return Err(Error::query(format!(
                "--contraction {} and --churn {} are more than --opening {}: only what was there can be lost",
                self.contraction, self.churn, self.opening
            )));
        }
        Ok(())
    }

    /// Gross revenue retention: (opening − contraction − churn) / opening.
    ///
    /// # Errors
    ///
    /// Where nothing was there, more was lost than was there, or an amount is negative.
    pub fn gross_retention(&self) -> Result<Worked, Error> {
        self.check_lost()?;
        let Self { opening, contraction, churn, .. } = *self;
        Ok(Worked {
            metric: "gross_revenue_retention",
            value: quotient(self.movement().gross_retention(), "--opening")?,
            unit: WorkedUnit::Share,
            formula: "(opening − contraction − churn) / opening",
            worked: format!("({opening} − {contraction} − {churn}) / {opening}"),
            interval: None,
        })
    }

    /// Net revenue retention: (opening − contraction − churn + expansion) / opening.
    ///
    /// # Errors
    ///
    /// As for [`TypedMovements::gross_retention`].
    pub fn net_retention(&self) -> Result<Worked, Error> {
        self.check_lost()?;
        let Self { opening, expansion, contraction, churn, .. } = *self;
        Ok(Worked {
            metric: "net_revenue_retention",
            value: quotient(self.movement().net_retention(), "--opening")?,
            unit: WorkedUnit::Share,
            formula: "(opening − contraction − churn + expansion) / opening",
            worked: format!("({opening} − {contraction} − {churn} + {expansion}) / {opening}"),
            interval: None,
        })
    }

    /// Quick ratio: (new + reactivation + expansion) / (contraction + churn).
    ///
    /// # Errors
    ///
    /// Where nothing was lost, or an amount is negative.
    pub fn quick_ratio(&self) -> Result<Worked, Error> {
        self.check()?;
        let Self { new, reactivation, expansion, contraction, churn, .. } = *self;
        Ok(Worked {
            metric: "quick_ratio",
            value: quotient(self.movement().quick_ratio(), "--contraction and --churn together")?,
            unit: WorkedUnit::Ratio,
            formula: "(new + reactivation + expansion) / (contraction + churn)",
            worked: format!("({new} + {reactivation} + {expansion}) / ({contraction} + {churn})"),
            interval: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn worked_examples() {
        let [retention, churn] = period_retention(1000, Kept::Lost(50), 0.95).unwrap();
        assert_eq!((retention.value, churn.value), (d("0.95"), d("0.05")));
        let [retention, churn] = period_retention(1000, Kept::EndAndNew { end: 970, new: 20 }, 0.95).unwrap();
        assert_eq!((retention.value, churn.value), (d("0.95"), d("0.05")));
        let [_, churn] = complement(d("0.97"), true).unwrap();
        assert_eq!(churn.value, d("0.03"));
        assert_eq!(lifetime_value(d("50"), d("4"), d("5"), None).unwrap()[0].value, d("1000"));
        assert_eq!(lifetime_value(d("50"), d("4"), d("5"), Some(d("0.6"))).unwrap()[1].value, d("600"));
        assert_eq!(repeat_purchase_rate(200, 1000, 0.95).unwrap().value, d("0.2"));
        assert_eq!(nps_of_percent(d("70"), d("10")).unwrap().value, d("60"));
        assert_eq!(nps_of_counts(70, 20, 10, 0.95).unwrap().value, d("60"));
        assert_eq!(csat(400, 500, 0.95).unwrap().value, d("0.8"));
        assert_eq!(mrr_of_average(100, d("50")).unwrap().value, d("5000"));
        let typed = TypedMovements {
            opening: d("1000"),
            new: d("200"),
            reactivation: d("50"),
            expansion: d("100"),
            contraction: d("40"),
            churn: d("60"),
        };
        assert_eq!(typed.gross_retention().unwrap().value, d("0.9"));
        assert_eq!(typed.net_retention().unwrap().value, d("1"));
        assert_eq!(typed.quick_ratio().unwrap().value, d("3.5"));
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        assert!(period_retention(0, Kept::Lost(0), 0.95).is_err());
        assert!(period_retention(10, Kept::Lost(11), 0.95).is_err());
        assert!(period_retention(10, Kept::EndAndNew { end: 5, new: 6 }, 0.95).is_err());
        assert!(period_retention(10, Kept::EndAndNew { end: 12, new: 1 }, 0.95).is_err());
        assert!(complement(d("1.2"), true).is_err());
        assert!(lifetime_value(d("50"), d("-1"), d("5"), None).is_err());
        assert!(repeat_purchase_rate(2, 1, 0.95).is_err());
        assert!(nps_of_percent(d("80"), d("30")).is_err());
        assert!(nps_of_counts(0, 0, 0, 0.95).is_err());
        assert!(csat(1, 0, 0.95).is_err());
        let typed = TypedMovements { opening: d("10"), churn: d("11"), ..TypedMovements::default() };
        assert!(typed.gross_retention().is_err() && typed.net_retention().is_err());
        assert!(TypedMovements { new: d("5"), ..TypedMovements::default() }.quick_ratio().is_err());
        assert!(TypedMovements { opening: d("10"), churn: d("-1"), ..TypedMovements::default() }.gross_retention().is_err());
    }

    #[test]
    fn the_interval_of_a_score_narrows_with_answers() {
        let width = |n: u64| {
            let interval = nps_interval(7 * n, n, 10 * n, 0.95).unwrap();
            assert!(interval.low < 60.0 && interval.high > 60.0);
            interval.high - interval.low
        };
        assert!(width(10) < width(1) && nps_interval(0, 0, 0, 0.95).is_none());
        // 95 %: 1.96 × √((0.8 − 0.36) / 100) × 100 on either side.
        assert!((width(10) / 2.0 - 13.00).abs() < 0.01, "{}", width(10));
    }
}

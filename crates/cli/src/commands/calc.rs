use anyhow::{anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use tenure_analysis::{
    Kept, TypedMovements, Worked, complement, csat, lifetime_value, mrr_of_average, nps_of_counts, nps_of_percent,
    period_retention, repeat_purchase_rate,
};
use tenure_model::Decimal;
use tenure_report::worked_sheet;

use crate::Status;
use crate::output::OutputArgs;
use crate::scope::LevelArgs;
use crate::term::Term;

const EXAMPLES: &str = "Examples:
  tenure calc retention --start 1000 --end 970 --new 20
  tenure calc churn --start 1000 --lost 50
  tenure calc churn --retention 97%
  tenure calc clv --purchase-value 50 --frequency 4 --lifespan 5
  tenure calc repeat --returning 200 --customers 1000
  tenure calc nps --promoters 70 --detractors 10
  tenure calc csat --satisfied 400 --answers 500
  tenure calc mrr --customers 100 --arpc 50
  tenure calc nrr --opening 1000 --expansion 100 --contraction 40 --churn 60";

/// The hand formulas, from typed numbers; the formula is shown.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CalcArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Customer retention rate of a period, and its churn rate
    Retention(RetentionArgs),
    /// Churn rate of a period, and its customer retention rate
    Churn(RetentionArgs),
    /// Customer lifetime value: purchase value × frequency × lifespan
    Clv(ClvArgs),
    /// Repeat purchase rate
    Repeat(RepeatArgs),
    /// Net promoter score
    Nps(NpsArgs),
    /// Customer satisfaction
    Csat(CsatArgs),
    /// Monthly recurring revenue from an average
    Mrr(MrrArgs),
    /// Net revenue retention
    Nrr(MovementArgs),
    /// Gross revenue retention
    Grr(MovementArgs),
    /// Quick ratio: what was won / what was lost
    QuickRatio(MovementArgs),
}

#[derive(Debug, Args)]
struct RetentionArgs {
    /// Customers at the start of the period
    #[arg(long, value_name = "S", required_unless_present_any = ["retention", "churn"])]
    start: Option<u64>,
    /// Customers at its end
    #[arg(long, value_name = "E", requires = "new", requires = "start")]
    end: Option<u64>,
    /// Those at its end who were not there at its start
    #[arg(long, value_name = "N", requires = "end")]
    new: Option<u64>,
    /// Those of the start who are not there at its end
    #[arg(long, value_name = "L", conflicts_with = "end", requires = "start")]
    lost: Option<u64>,
    /// The retention rate itself, such as 97%
    #[arg(long, value_name = "RATE", value_parser = share, conflicts_with_all = ["start", "churn"])]
    retention: Option<Decimal>,
    /// The churn rate itself, such as 3%
    #[arg(long, value_name = "RATE", value_parser = share, conflicts_with = "start")]
    churn: Option<Decimal>,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct ClvArgs {
    /// The average purchase
    #[arg(long, value_name = "V")]
    purchase_value: Decimal,
    /// Purchases of a customer in a year, or in a month with --unit month
    #[arg(long, value_name = "F")]
    frequency: Decimal,
    /// How many years a customer stays, or months
    #[arg(long, value_name = "T")]
    lifespan: Decimal,
    /// The unit of time of both: frequency and lifespan have the same
    #[arg(long, value_enum, default_value_t = UnitArg::Year, value_name = "UNIT")]
    unit: UnitArg,
    /// The gross margin, such as 0.6 or 60%
    #[arg(long, value_name = "M", value_parser = share)]
    margin: Option<Decimal>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UnitArg {
    Year,
    Month,
}

#[derive(Debug, Args)]
struct RepeatArgs {
    /// Customers with two purchases or more
    #[arg(long, value_name = "R")]
    returning: u64,
    /// Customers with one purchase or more
    #[arg(long, value_name = "C")]
    customers: u64,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct NpsArgs {
    /// Promoters, 9–10: percent of all answers, or answers with --counts
    #[arg(long, value_name = "P")]
    promoters: Decimal,
    /// Detractors, 0–6: percent of all answers, or answers with --counts
    #[arg(long, value_name = "D")]
    detractors: Decimal,
    /// The numbers are answers
    #[arg(long, requires = "passives")]
    counts: bool,
    /// Passives, 7–8: answers
    #[arg(long, value_name = "N", requires = "counts")]
    passives: Option<u64>,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct CsatArgs {
    /// Satisfied answers
    #[arg(long, value_name = "S")]
    satisfied: u64,
    /// All answers
    #[arg(long, value_name = "A")]
    answers: u64,
    #[command(flatten)]
    level: LevelArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct MrrArgs {
    /// Paying customers
    #[arg(long, value_name = "C")]
    customers: u64,
    /// Average revenue per customer and month
    #[arg(long, value_name = "A")]
    arpc: Decimal,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct MovementArgs {
    /// MRR at the start of the period
    #[arg(long, value_name = "MRR", default_value = "0")]
    opening: Decimal,
    /// MRR of new customers
    #[arg(long, value_name = "MRR", default_value = "0")]
    new: Decimal,
    /// MRR of customers who came back
    #[arg(long, value_name = "MRR", default_value = "0")]
    reactivation: Decimal,
    /// What customers of the start pay more
    #[arg(long, value_name = "MRR", default_value = "0")]
    expansion: Decimal,
    /// What those who stay pay less
    #[arg(long, value_name = "MRR", default_value = "0")]
    contraction: Decimal,
    /// MRR of customers who left
    #[arg(long, value_name = "MRR", default_value = "0")]
    churn: Decimal,
    #[command(flatten)]
    output: OutputArgs,
}

/// Reads a share: `0.97` or `97%`.
pub(crate) fn share(text: &str) -> Result<Decimal, String> {
    let (number, percent) = text.trim().strip_suffix('%').map_or((text, false), |number| (number, true));
    let number: Decimal = number.trim().parse().map_err(|error: tenure_model::Error| error.to_string())?;
    let number = if percent { number.times(Decimal::new(1, 2)).unwrap_or(number) } else { number };
    if number < Decimal::ZERO || number > Decimal::new(1, 0) {
        return Err(format!("{text} is no share (expected a number from 0 to 1, or a percentage such as 97%)"));
    }
    Ok(number)
}

fn count(number: Decimal, flag: &str) -> anyhow::Result<u64> {
    let units = number.at_scale(0).map(Decimal::units).and_then(|units| u64::try_from(units).ok());
    units.ok_or_else(|| anyhow!("{flag} {number}: with --counts expected a whole number of answers"))
}

impl RetentionArgs {
    fn worked(&self) -> anyhow::Result<[Worked; 2]> {
        if let Some(rate) = self.retention {
            return Ok(complement(rate, true)?);
        }
        if let Some(rate) = self.churn {
            return Ok(complement(rate, false)?);
        }
        let kept = match (self.end, self.new, self.lost) {
            (Some(end), Some(new), _) => Kept::EndAndNew { end, new },
            (_, _, Some(lost)) => Kept::Lost(lost),
            _ => bail!("how many were lost? give --end and --new, or --lost"),
        };
        Ok(period_retention(self.start.unwrap_or_default(), kept, self.level.level)?)
    }
}

impl MovementArgs {
    fn typed(&self) -> TypedMovements {
        TypedMovements {
            opening: self.opening,
            new: self.new,
            reactivation: self.reactivation,
            expansion: self.expansion,
            contraction: self.contraction,
            churn: self.churn,
        }
    }
}

pub(crate) fn run(args: &CalcArgs, term: &Term) -> anyhow::Result<Status> {
    let (worked, output) = match &args.what {
        What::Retention(args) => (args.worked()?.to_vec(), &args.output),
        What::Churn(args) => {
            let [retention, churn] = args.worked()?;
            (vec![churn, retention], &args.output)
        }
        What::Clv(args) => {
            let unit = match args.unit {
                UnitArg::Year => "year",
                UnitArg::Month => "month",
            };
            let mut worked = lifetime_value(args.purchase_value, args.frequency, args.lifespan, args.margin)?;
            worked[0].worked = format!("{} × {} per {unit} × {} {unit}s", args.purchase_value, args.frequency, args.lifespan);
            (worked, &args.output)
        }
        What::Repeat(args) => (vec![repeat_purchase_rate(args.returning, args.customers, args.level.level)?], &args.output),
        What::Nps(args) => {
            let worked = match (args.counts, args.passives) {
                (true, Some(passives)) => nps_of_counts(
                    count(args.promoters, "--promoters")?,
                    passives,
                    count(args.detractors, "--detractors")?,
                    args.level.level,
                )?,
                _ => nps_of_percent(args.promoters, args.detractors)?,
            };
            (vec![worked], &args.output)
        }
        What::Csat(args) => (vec![csat(args.satisfied, args.answers, args.level.level)?], &args.output),
        What::Mrr(args) => (vec![mrr_of_average(args.customers, args.arpc)?], &args.output),
        What::Nrr(args) => (vec![args.typed().net_retention()?], &args.output),
        What::Grr(args) => (vec![args.typed().gross_retention()?], &args.output),
        What::QuickRatio(args) => (vec![args.typed().quick_ratio()?], &args.output),
    };
    let format = output.format()?;
    output.write_sheet(&worked_sheet(&worked), format, term)?;
    Ok(Status::Done)
}

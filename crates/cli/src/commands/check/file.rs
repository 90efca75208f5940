//! The file of goals and rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use serde::Deserialize;
use tenure_analysis::{Direction, Goal, MetricKind, MetricSettings, Rule, Target, metric_named, segment_value};
use tenure_model::{Day, Decimal, Period, TimePoint};
use tenure_report::GoalKind;

use crate::commands::calc::share;
use crate::scope::days;

/// Goals and rules.
pub(super) struct Goals {
    pub(super) goals: Vec<GoalEntry>,
    pub(super) rules: Vec<RuleEntry>,
}

/// A goal, and the periods that it is about.
pub(super) struct GoalEntry {
    pub(super) goal: Goal,
    pub(super) kind: GoalKind,
    pub(super) period: Period,
}

/// A rule, and what is to be done.
pub(super) struct RuleEntry {
    pub(super) name: String,
    pub(super) rule: Rule,
    pub(super) period: Period,
    pub(super) then: Then,
}

/// What is to be done for those for whom a rule holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// A CSV file has them all.
    Audience(PathBuf),
    /// A line of JSON is added for each, once.
    Outbox(PathBuf),
    /// Each is posted to an address, at least once.
    Webhook(Webhook),
}

/// Where occurrences are posted to. Secrets are names of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Webhook {
    pub(super) url_env: String,
    pub(super) token_env: Option<String>,
    /// What has been delivered, so that it is not sent again. Default: beside the file of goals.
    pub(super) ledger: Option<PathBuf>,
}

impl Then {
    /// The same with its files in a folder, unless they are named from the root.
    fn move_to(&mut self, folder: &Path) {
        match self {
            Then::Audience(path) | Then::Outbox(path) => *path = folder.join(&*path),
            Then::Webhook(webhook) => webhook.ledger = webhook.ledger.take().map(|path| folder.join(path)),
        }
    }

    /// The file that it writes, however it was named.
    fn path(&self) -> Option<PathBuf> {
        match self {
            Then::Audience(path) | Then::Outbox(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            Then::Webhook(_) => None,
        }
    }

    pub(super) fn in_words(&self) -> String {
        match self {
            Then::Audience(path) => format!("audience {}", path.display()),
            Then::Outbox(path) => format!("outbox {}", path.display()),
            Then::Webhook(webhook) => format!("webhook ${}", webhook.url_env),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    goal: Vec<RawGoal>,
    #[serde(default)]
    rule: Vec<RawRule>,
}

/// A date or a number, written either way.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Date(toml::value::Datetime),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Scalar::Date(date) => date.to_string(),
            Scalar::Integer(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
            Scalar::Text(text) => text.clone(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGoal {
    name: String,
    owner: Option<String>,
    kind: Option<String>,
    metric: Option<String>,
    period: Option<String>,
    target: Option<Scalar>,
    direction: Option<String>,
    by: Option<Scalar>,
    start: Option<Scalar>,
    #[serde(default)]
    segment: BTreeMap<String, String>,
    currency: Option<String>,
    #[serde(alias = "when")]
    holds: Option<String>,
    done: Option<u64>,
    of: Option<u64>,
    active_within: Option<String>,
    margin: Option<Scalar>,
    cac: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: String,
    when: String,
    then: RawThen,
    period: Option<String>,
    since: Option<Scalar>,
    email: Option<String>,
    active_within: Option<String>,
    margin: Option<Scalar>,
    cac: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThen {
    audience: Option<PathBuf>,
    outbox: Option<PathBuf>,
    webhook: Option<RawWebhook>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWebhook {
    url_env: String,
    token_env: Option<String>,
    ledger: Option<PathBuf>,
}

impl Goals {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => anyhow!("{name}: no such file"),
            _ => anyhow!("{name}: cannot read it: {error}"),
        })?;
        let file: File = toml::from_str(&text).map_err(|error| anyhow!("{name}: {}", error.to_string().trim_end()))?;
        if file.goal.is_empty() && file.rule.is_empty() {
            bail!("{name}: there is no [[goal]] and no [[rule]] in it");
        }
        let mut goals = Vec::new();
        for raw in file.goal {
            let of = raw.name.clone();
            goals.push(raw.read().map_err(|error| anyhow!("{name}: goal \"{of}\": {error}"))?);
        }
        let mut rules: Vec<RuleEntry> = Vec::new();
        for raw in file.rule {
            let of = raw.name.clone();
            let mut rule = raw.read().map_err(|error| anyhow!("{name}: rule \"{of}\": {error}"))?;
            // A schedule may run anywhere: files lie by the file of goals.
            if let Some(folder) = path.parent() {
                rule.then.move_to(folder);
            }
            if rules.iter().any(|other| other.name == rule.name) {
                bail!("{name}: two rules are called \"{of}\", and a rule fires once by its name; rename one of them");
            }
            let same = |other: &&RuleEntry| match (&other.then, &rule.then) {
                (Then::Outbox(_), Then::Outbox(_)) => false,
                (other, mine) => other.path().is_some() && other.path() == mine.path(),
            };
            if let Some(other) = rules.iter().find(same) {
                bail!("{name}: the rules \"{}\" and \"{of}\" both write the {}", other.name, rule.then.in_words());
            }
            rules.push(rule);
        }
        Ok(Self { goals, rules })
    }
}

fn decimal(value: &Option<Scalar>, key: &str) -> anyhow::Result<Option<Decimal>> {
    let read = |value: &Scalar| {
        let text = value.text();
        text.parse().map_err(|_| anyhow!("{key} = {text}: expected a number"))
    };
    value.as_ref().map(read).transpose()
}

fn settings(active_within: &Option<String>, margin: &Option<Scalar>, cac: &Option<Scalar>) -> anyhow::Result<MetricSettings> {
    Ok(MetricSettings {
        active_within: active_within.as_deref().map(days).transpose().map_err(|error| anyhow!("active_within: {error}"))?,
        margin: margin.as_ref().map(|margin| share(&margin.text())).transpose().map_err(|error| anyhow!("margin: {error}"))?,
        cac: decimal(cac, "cac")?,
    })
}

fn period(text: &Option<String>) -> anyhow::Result<Period> {
    let period = text.as_deref().unwrap_or("month").parse().map_err(|error| anyhow!("period: {error}"))?;
    match period {
        Period::One(_) => Ok(period),
        Period::Block(..) => bail!("period = \"{period}\": expected day, week, month, quarter, half-year or year"),
    }
}

impl RawGoal {
    fn read(self) -> anyhow::Result<GoalEntry> {
        let by = match &self.by {
            Some(by) => Some(by.text().parse::<Day>().map_err(|error| anyhow!("by: {error}"))?),
            None => None,
        };
        let kinds = [
            (self.metric.is_some(), "metric"),
            (self.holds.is_some(), "holds"),
            (self.done.is_some() || self.of.is_some(), "done and of"),
        ];
        let given: Vec<&str> = kinds.iter().filter(|(given, _)| *given).map(|(_, key)| *key).collect();
        if given.len() != 1 {
            let found = if given.is_empty() { "none of them".to_owned() } else { given.join(" and ") };
            bail!("expected one of metric with target, holds, or done and of; found {found}");
        }
        let of_metric = [
            (self.target.is_some(), "target"),
            (self.direction.is_some(), "direction"),
            (self.start.is_some(), "start"),
            (!self.segment.is_empty(), "segment"),
        ];
        if let (None, Some((_, key))) = (&self.metric, of_metric.iter().find(|(given, _)| *given)) {
            bail!("{key} goes with metric, and this goal has none");
        }
        let (target, kind) = if let Some(metric) = &self.metric {
            let metric = metric_named(metric).map_err(|error| anyhow!("{}", error.to_string().replace("--metric", "metric")))?;
            let target = decimal(&self.target, "target")?.ok_or_else(|| anyhow!("it has no target; add target = NUMBER"))?;
            let direction = match self.direction.as_deref() {
                Some("at-least") => Direction::AtLeast,
                Some("at-most") => Direction::AtMost,
                Some(other) => bail!("direction = \"{other}\": expected at-least or at-most"),
                None => bail!("it has no direction; add direction = \"at-least\" or \"at-most\""),
            };
            if metric.kind == MetricKind::Rate && target > Decimal::new(2, 0) {
                bail!("target = {target}: {} is a share, of which 1 is 100 %; write 0.9 for 90 %", metric.name);
            }
            if self.segment.len() > 1 {
                bail!("segment: expected one column, as in segment = {{ plan = \"pro\" }}");
            }
            let segment = self.segment.iter().next().map(|(column, value)| (column.clone(), segment_value(value)));
            let kind = if metric.kind == MetricKind::Money { GoalKind::Money } else { GoalKind::Numeric };
            let start = decimal(&self.start, "start")?;
            (Target::Metric { metric, target, direction, start, segment, currency: self.currency.clone() }, kind)
        } else if let Some(holds) = &self.holds {
            (Target::Truth { holds: holds.clone(), currency: self.currency.clone() }, GoalKind::Truth)
        } else {
            let (Some(done), Some(of)) = (self.done, self.of) else { bail!("a task has done = N and of = M") };
            if done > of || of == 0 {
                bail!("done = {done} and of = {of}: expected at most of = {of}, which is 1 or more");
            }
            (Target::Task { done, of }, GoalKind::Task)
        };
        if let Some(named) = &self.kind
            && named != kind.name()
        {
            bail!("kind = \"{named}\", and by its other keys it is {}", kind.name());
        }
        let settings = settings(&self.active_within, &self.margin, &self.cac)?;
        let period = period(&self.period)?;
        Ok(GoalEntry { goal: Goal { name: self.name, owner: self.owner, target, by, settings }, kind, period })
    }
}

impl RawRule {
    fn read(self) -> anyhow::Result<RuleEntry> {
        let then = match self.then {
            RawThen { audience: Some(path), outbox: None, webhook: None } => {
                if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("csv")) {
                    bail!("audience = \"{}\": expected a file that ends with .csv", path.display());
                }
                Then::Audience(path)
            }
            RawThen { audience: None, outbox: Some(path), webhook: None } => Then::Outbox(path),
            RawThen { audience: None, outbox: None, webhook: Some(RawWebhook { url_env, token_env, ledger }) } => {
                Then::Webhook(Webhook { url_env, token_env, ledger })
            }
            _ => bail!(
                "then: expected one of audience = \"FILE.csv\", outbox = \"FILE.jsonl\" and webhook = {{ url_env = \"NAME\" }}"
            ),
        };
        let since = self.since.as_ref().map(|since| since.text().parse::<TimePoint>()).transpose();
        let since = since.map_err(|error| anyhow!("since: {error}"))?;
        let settings = settings(&self.active_within, &self.margin, &self.cac)?;
        let rule = Rule { when: self.when, since, settings, email: self.email };
        Ok(RuleEntry { name: self.name, rule, period: period(&self.period)?, then })
    }
}

//! The presets that come with the program.

use std::sync::{Arc, OnceLock};

use super::Preset;
use crate::error::Error;

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each.
        pub(super) const TEXTS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../presets/", $name, ".toml")))),*];
    };
}

presets!(
    "shopify-orders",
    "shopify-customers",
    "woocommerce-orders",
    "stripe-customers",
    "stripe-subscriptions",
    "stripe-charges",
    "stripe-payments",
    "stripe-invoices",
    "stripe-balance",
    "stripe-api",
    "segment",
    "mixpanel",
    "amplitude",
    "posthog",
    "ga4",
    "typeform",
    "google-forms",
    "surveymonkey",
    "delighted",
    "chargebee-cancellations",
    "cancellations",
);

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().map(|(name, _)| *name)
}

/// All of them, read once.
pub(super) fn all() -> Result<&'static [Arc<Preset>], Error> {
    static ALL: OnceLock<Vec<Arc<Preset>>> = OnceLock::new();
    if let Some(all) = ALL.get() {
        return Ok(all);
    }
    let read = |(name, text): &(&str, &str)| Preset::read(&format!("preset {name}"), text, true).map(Arc::new);
    let all = TEXTS.iter().map(read).collect::<Result<Vec<_>, Error>>()?;
    Ok(ALL.get_or_init(|| all))
}

pub(super) fn named(name: &str) -> Result<Option<Arc<Preset>>, Error> {
    if names().all(|known| known != name) {
        return Ok(None);
    }
    Ok(all()?.iter().find(|preset| preset.name == name).cloned())
}

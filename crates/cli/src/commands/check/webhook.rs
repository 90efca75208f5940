//! Posting occurrences to an address. Neither it nor the token is ever printed.

use std::time::Duration;

use anyhow::{anyhow, bail};
use ureq::Agent;

use super::file::Webhook;
use super::ledger::Entry;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The pauses before further attempts.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// What came of posting.
pub(super) enum Post {
    /// The other side has it.
    Arrived,
    /// The other side does not want it; why, in words.
    Refused(String),
    /// It has not, or nobody knows; why, in words.
    Failed(String),
}

/// An address and how it is spoken to.
pub(super) struct Sender {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Sender {
    pub(super) fn new(webhook: &Webhook) -> anyhow::Result<Self> {
        let url = secret(&webhook.url_env)?;
        if !(url.starts_with("https://") || url.starts_with("http://")) || url.contains(char::is_whitespace) {
            bail!("the environment's {} is no address (expected https://…)", webhook.url_env);
        }
        let token = webhook.token_env.as_deref().map(secret).transpose()?;
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("tenure/", env!("CARGO_PKG_VERSION")));
        Ok(Self { agent: config.build().into(), url, token })
    }

    /// Posts an entry as JSON, with its id as the idempotency key; again where the other side is busy or not there.
    pub(super) fn post(&self, entry: &Entry<'_>) -> anyhow::Result<Post> {
        let body = serde_json::to_vec(entry)?;
        let mut pauses = PAUSES.iter();
        loop {
            let why = match self.attempt(&entry.id, &body) {
                Ok(status) if (200..300).contains(&status) => return Ok(Post::Arrived),
                // Trying again would not help.
                Ok(status) if !(status == 408 || status == 429 || status >= 500) => {
                    return Ok(Post::Refused(format!("answered {status}")));
                }
                Ok(status) => format!("answered {status}"),
                Err(error) => in_words(&error),
            };
            match pauses.next() {
                Some(pause) => std::thread::sleep(*pause),
                None => return Ok(Post::Failed(format!("{why}, also at the last of {} attempts", PAUSES.len() + 1))),
            }
        }
    }

    fn attempt(&self, id: &str, body: &[u8]) -> Result<u16, ureq::Error> {
        let mut request = self.agent.post(&self.url).header("Content-Type", "application/json").header("Idempotency-Key", id);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        Ok(request.send(body)?.status().as_u16())
    }
}

fn secret(name: &str) -> anyhow::Result<String> {
    match std::env::var(name) {
        Ok(value) if !value.trim().is_empty() => Ok(value.trim().to_owned()),
        _ => Err(anyhow!("the environment has no {name}; set it to what the webhook needs")),
    }
}

/// What went wrong, without the address.
fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("did not answer within {} seconds", TIMEOUT.as_secs()),
        ureq::Error::HostNotFound => "has a host that is not found".to_owned(),
        ureq::Error::ConnectionFailed => "can't be reached".to_owned(),
        ureq::Error::Io(error) => format!("can't be reached ({})", error.kind()),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "has no certificate that is trusted".to_owned(),
        _ => "could not be spoken to".to_owned(),
    }
}

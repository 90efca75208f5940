//! What customers do.

/// The values of the column `event`.
pub const EVENT_NAMES: [&str; 10] =
    ["signup", "login", "view", "search", "add_to_cart", "purchase", "refund", "share", "invite", "support"];

/// A value of the column `event`, in the order of [`EVENT_NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Signup,
    Login,
    View,
    Search,
    AddToCart,
    Purchase,
    Refund,
    Share,
    Invite,
    Support,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        EVENT_NAMES[self as usize]
    }
}

/// Values that choose a kind: the 16 bits of a draw that its instant leaves free.
const CHOICES: u64 = 1 << 16;

/// What the stretches of a [`Mix`] stand for. The first is a refund if the event before was a purchase that can be
/// taken back, and a call to support otherwise.
const STRETCHES: [Kind; 9] = [
    Kind::Refund,
    Kind::Purchase,
    Kind::Login,
    Kind::View,
    Kind::Search,
    Kind::AddToCart,
    Kind::Share,
    Kind::Invite,
    Kind::Support,
];

/// How often each kind is chosen.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    ends: [u64; STRETCHES.len()],
}

impl Mix {
    /// From weights in the order of the stretches: refund, purchase, login, view, search, add_to_cart, share,
    /// invite, support.
    pub(crate) fn new(weights: [u32; STRETCHES.len()]) -> Self {
        Self { ends: crate::chance::cumulative(weights, CHOICES) }
    }

    /// Whether this choice is a refund, if there is something to refund.
    pub(crate) fn may_refund(&self, choice: u16) -> bool {
        u64::from(choice) < self.ends[0]
    }

    pub(crate) fn is_purchase(&self, choice: u16) -> bool {
        !self.may_refund(choice) && u64::from(choice) < self.ends[1]
    }

    /// The kind chosen when there is nothing to refund.
    pub(crate) fn kind(&self, choice: u16) -> Kind {
        match STRETCHES[crate::chance::pick(&self.ends, u64::from(choice))] {
            Kind::Refund => Kind::Support,
            kind => kind,
        }
    }

    /// The probability that an event is a purchase.
    pub(crate) fn purchase_share(&self) -> f64 {
        (self.ends[1] - self.ends[0]) as f64 / CHOICES as f64
    }
}

//! Where customers live.

/// A country of the business.
pub(crate) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(crate) code: &'static str,
    /// Prices here, in per cent of the list price.
    pub(crate) price_level: u32,
}

const fn at(code: &'static str, price_level: u32) -> Country {
    Country { code, price_level }
}

/// By number of customers, most first.
pub(crate) const COUNTRIES: [Country; 30] = [
    at("US", 100),
    at("GB", 95),
    at("DE", 95),
    at("FR", 90),
    at("IN", 35),
    at("CA", 90),
    at("BR", 45),
    at("JP", 90),
    at("AU", 95),
    at("ES", 75),
    at("IT", 80),
    at("NL", 95),
    at("MX", 45),
    at("PL", 60),
    at("SE", 95),
    at("KR", 80),
    at("CH", 120),
    at("TR", 40),
    at("AR", 40),
    at("BE", 90),
    at("DK", 105),
    at("NO", 110),
    at("FI", 95),
    at("IE", 95),
    at("PT", 70),
    at("AT", 95),
    at("SG", 95),
    at("ZA", 45),
    at("CO", 40),
    at("NZ", 85),
];

/// Zipf's law: the weight of a country is the inverse of its rank.
pub(crate) fn weights() -> [u32; COUNTRIES.len()] {
    std::array::from_fn(|rank| 1_000_000 / (rank as u32 + 1))
}

//! Finds the columns of an export that were not named.

use std::sync::Arc;

use crate::near::plain;

/// What customers' columns are called, the surest first; letters and digits only.
const CUSTOMER: &[&str] = &[
    "customerid",
    "userid",
    "clientid",
    "memberid",
    "subscriberid",
    "accountid",
    "personid",
    "distinctid",
    "customer",
    "user",
    "client",
    "member",
    "subscriber",
    "account",
    "uid",
    "visitorid",
    "buyerid",
    "buyer",
    "customeremail",
    "useremail",
    "email",
    "emailaddress",
];

/// What times' columns are called, the surest first.
const TIME: &[&str] = &[
    "eventtime",
    "timestamp",
    "eventtimestamp",
    "time",
    "datetime",
    "createdat",
    "occurredat",
    "orderedat",
    "purchasedat",
    "orderdate",
    "invoicedate",
    "purchasedate",
    "transactiondate",
    "eventdate",
    "activitydate",
    "createdon",
    "created",
    "createdutc",
    "date",
    "day",
    "ts",
];

/// What events' columns are called, the surest first.
const EVENT: &[&str] = &["event", "eventname", "eventtype", "action", "activity"];

/// The customer-like column.
pub(crate) fn customer(header: &[Arc<str>]) -> Option<usize> {
    find(header, CUSTOMER)
}

/// The time-like column.
pub(crate) fn time(header: &[Arc<str>]) -> Option<usize> {
    find(header, TIME)
}

/// The event-like column.
pub(crate) fn event(header: &[Arc<str>]) -> Option<usize> {
    find(header, EVENT)
}

fn find(header: &[Arc<str>], names: &[&str]) -> Option<usize> {
    let header: Vec<String> = header.iter().map(|name| plain(name)).collect();
    names.iter().find_map(|name| header.iter().position(|column| column == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_name_wins() {
        let header: Vec<Arc<str>> = ["email", "Created At", "user", "Customer ID", "date", "Event Name"].map(Into::into).into();
        assert_eq!((customer(&header), time(&header), event(&header)), (Some(3), Some(1), Some(5)));
        let header: Vec<Arc<str>> = ["a", "b"].map(Into::into).into();
        assert_eq!((customer(&header), time(&header), event(&header)), (None, None, None));
    }
}

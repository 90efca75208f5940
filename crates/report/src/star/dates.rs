//! The calendar as a dimension.

use arrow::array::RecordBatch;
use tenure_model::Day;

use crate::error::Error;
use crate::star::columns::TableColumns;

/// The days of the months from that of `first` to that of `last`, a row each; none without days.
///
/// # Errors
///
/// Where the encoder fails.
pub fn date_rows(span: Option<(Day, Day)>) -> Result<RecordBatch, Error> {
    let days: Vec<Day> = span.map_or(Vec::new(), |(first, last)| {
        let (first, end) = (Day::first_of_month(first.month_number()), Day::first_of_month(last.month_number() + 1));
        (first.0..end.0).map(Day).collect()
    });
    let of = |part: fn(Day) -> u64| days.iter().map(move |&day| Some(part(day)));
    TableColumns::default()
        .dates("date", days.iter().map(|&day| Some(day)))
        .integers("year", of(|day| day.ymd().0 as u64))
        .integers("quarter", of(|day| day.ymd().1.div_ceil(3).into()))
        .integers("month", of(|day| day.ymd().1.into()))
        .integers("day_of_month", of(|day| day.ymd().2.into()))
        .integers("day_of_week", of(weekday))
        .texts("year_month", days.iter().map(|&day| Some(year_month(day))))
        .dates("month_start", days.iter().map(|&day| Some(Day::first_of_month(day.month_number()))))
        .dates("week_start", days.iter().map(|&day| Some(Day(day.0 - (weekday(day) as i32 - 1)))))
        .finish()
}

/// 1 for Monday to 7 for Sunday; 1970-01-01 was a Thursday.
fn weekday(day: Day) -> u64 {
    (day.0 + 3).rem_euclid(7) as u64 + 1
}

/// `2024-03`.
pub(crate) fn year_month(day: Day) -> String {
    let (year, month, _) = day.ymd();
    format!("{year:04}-{month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    #[test]
    fn whole_months() {
        let rows = date_rows(Some((Day::from_ymd(2024, 2, 28), Day::from_ymd(2024, 3, 1)))).unwrap();
        assert_eq!(rows.num_rows(), 29 + 31);
        let of = |name: &str, row: usize| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(row);
        // 2024-02-29 was a Thursday, in the first quarter.
        assert_eq!((of("day_of_month", 28), of("day_of_week", 28), of("quarter", 28)), (29, 4, 1));
        assert_eq!(rows.column_by_name("year_month").unwrap().as_string::<i32>().value(29), "2024-03");
        assert_eq!(date_rows(None).unwrap().num_rows(), 0);
    }
}

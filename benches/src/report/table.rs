//! Columns of text, as Markdown has them.

use std::fmt;

/// Rows of `N` cells: the first column is words, the others are flush right.
pub(super) struct Table<const N: usize>(Vec<[String; N]>);

impl<const N: usize> Table<N> {
    pub(super) fn new(head: [&str; N]) -> Self {
        Self(vec![head.map(str::to_owned)])
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.0.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(4)
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: [usize; N] = std::array::from_fn(|column| self.width(column));
        for (place, row) in self.0.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if place == 0 {
                for (column, width) in widths.into_iter().enumerate() {
                    match column {
                        0 => write!(f, "| {} |", "-".repeat(width))?,
                        _ => write!(f, " {}: |", "-".repeat(width - 1))?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// A number rounded to the whole, its thousands set apart: `12,345`.
#[must_use]
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("-{grouped}") } else { grouped }
}

/// A number with as many decimals as tell something: `0.53`, `12.3`, `1,234`.
pub(super) fn rounded(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 1_000.0 => format!("{value:.1}"),
        _ => grouped(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(0.4), "0");
        assert_eq!(grouped(999.6), "1,000");
        assert_eq!(grouped(-1_234_567.0), "-1,234,567");
    }

    #[test]
    fn decimals_are_for_small_numbers() {
        let rounded = [0.527, 12.34, 1_234.4].map(super::rounded);
        assert_eq!(rounded, ["0.53", "12.3", "1,234"]);
    }

    #[test]
    fn words_are_flush_left_and_numbers_right() {
        let mut table = Table::new(["what", "bytes"]);
        table.row(["a session".into(), "6".into()]);
        let text = "| what      | bytes |\n| --------- | ----: |\n| a session |     6 |\n";
        assert_eq!(table.to_string(), text);
    }
}

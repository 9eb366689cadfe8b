//! What a design costs: prices of machines from a CSV file.
//!
//! Columns: `item` (a VM size), `region`, `unit` (`hour` or `month`), `price`, `currency`, and
//! `term`, `source`, `date`, which say where a price comes from. A month has 730 hours, as cloud
//! calculators count.

use crate::model::fact::FactLog;
use crate::model::ids::PoolId;
use crate::model::world::World;

/// Hours of a month.
const HOURS: f64 = 730.0;

/// The prices of a file, all in one currency.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// The currency.
    pub currency: String,
    prices: Vec<Price>,
}

#[derive(Clone, Debug, PartialEq)]
struct Price {
    item: String,
    region: String,
    monthly: f64,
}

impl Prices {
    /// Reads the text of a CSV file.
    ///
    /// # Errors
    /// Says which line is wrong, what was read and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let head = reader.headers().map_err(|wrong| wrong.to_string())?.clone();
        let column = |name: &str| {
            head.iter().position(|known| known == name).ok_or_else(|| {
                format!(
                    "the column `{name}` is missing; allowed: item,region,unit,price,currency,\
                     term,source,date"
                )
            })
        };
        let columns = [
            column("item")?,
            column("region")?,
            column("unit")?,
            column("price")?,
            column("currency")?,
        ];
        let mut currency: Option<String> = None;
        let mut prices = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|wrong| wrong.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |index: usize| record.get(columns[index]).unwrap_or("");
            let wrong = |what: &str, read: &str| format!("line {line}: read {what} `{read}`");
            let per_month = match cell(2) {
                "hour" => HOURS,
                "month" => 1.0,
                unit => return Err(wrong("unit", unit) + "; allowed: hour, month"),
            };
            let price = cell(3).parse().ok().filter(|it: &f64| it.is_finite() && 0.0 <= *it);
            let price = price.ok_or_else(|| wrong("price", cell(3)) + "; allowed: 0 or more")?;
            let known = currency.get_or_insert_with(|| cell(4).to_owned());
            if known != cell(4) {
                return Err(wrong("currency", cell(4)) + &format!("; allowed: {known}, as above"));
            }
            prices.push(Price {
                item: bare(cell(0)),
                region: cell(1).to_owned(),
                monthly: price * per_month,
            });
        }
        let currency = currency.ok_or("there are no prices")?;
        Ok(Self { currency, prices })
    }

    /// Hash of all prices, 16 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = FactLog::default();
        for Price { item, region, monthly } in &self.prices {
            for text in [item, region, &self.currency] {
                text.bytes().for_each(|byte| hash.absorb(byte.into()));
                hash.absorb(u64::MAX);
            }
            hash.absorb(monthly.to_bits());
        }
        format!("{:016x}", hash.fingerprint())
    }

    /// What a node of a pool costs a month, if there is a price.
    #[must_use]
    pub fn of_a_node(&self, world: &World, pool: PoolId) -> Option<f64> {
        let region = &world[world[world[pool].cluster].region].name;
        let size = bare(world[pool].vm_size?);
        let mut prices = self.prices.iter();
        Some(prices.find(|price| price.item == size && price.region == *region)?.monthly)
    }

    /// What the nodes cost a month that are there whether something fails or not.
    ///
    /// # Errors
    /// Names the size and region without a price.
    pub fn monthly(&self, world: &World) -> Result<f64, String> {
        let mut sum = 0.0;
        for id in (0..world.pools.len()).map(PoolId::new) {
            let pool = &world[id];
            let n_nodes = pool.target.max(pool.min_nodes);
            if n_nodes == 0 {
                continue;
            }
            let price = self.of_a_node(world, id).ok_or_else(|| {
                let region = &world[world[pool.cluster].region].name;
                format!(
                    "there is no price of {} in {region}",
                    pool.vm_size.unwrap_or("(no vmSize)")
                )
            })?;
            sum += f64::from(n_nodes) * price;
        }
        Ok(sum)
    }
}

/// The size without its prefix.
fn bare(size: &str) -> String {
    size.strip_prefix("Standard_").unwrap_or(size).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "item,region,unit,price,currency,term,source,date\n";

    /// Prices a month and an hour are comparable; columns may stand in any order.
    #[test]
    fn prices_are_read() {
        let text = format!(
            "{HEAD}Standard_D8s_v5,eastus2,hour,0.5,USD,,,\nD8s_v5,westus,month,300,USD,,,\n"
        );
        let prices = Prices::parse(&text).unwrap();
        assert_eq!(prices.currency, "USD");
        let monthly: Vec<f64> = prices.prices.iter().map(|price| price.monthly).collect();
        assert_eq!(monthly, [365.0, 300.0]);
        assert!(prices.prices.iter().all(|price| price.item == "D8s_v5"));
        assert!(Prices::parse("price,currency,item,unit,region\n1,EUR,a,hour,b\n").is_ok());
    }

    /// What is wrong is said with its line.
    #[test]
    fn wrong_prices_are_refused() {
        for (rows, says) in [
            ("", "there are no prices"),
            ("a,b,day,1,USD,,,\n", "line 2: read unit `day`; allowed: hour, month"),
            ("a,b,hour,-1,USD,,,\n", "line 2: read price `-1`"),
            ("a,b,hour,1,USD,,,\na,c,hour,1,EUR,,,\n", "line 3: read currency `EUR`"),
        ] {
            let said = Prices::parse(&format!("{HEAD}{rows}")).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
        let said = Prices::parse("item,region\n").unwrap_err();
        assert!(said.contains("the column `unit` is missing"), "{said}");
    }
}

//! How much of what fired triggers is kept.

use std::time::Duration;

use super::{executions, fire, over, webhook};
use crate::house::House;

#[tokio::test]
async fn the_newest_executions_of_each_trigger_are_kept() {
    let house = House::with(|settings| settings.triggers.history = 3).await;
    let (busy, quiet) = (webhook(&house).await, webhook(&house).await);
    fire(&house, &quiet, "{}").await;
    for _ in 0..8 {
        fire(&house, &busy, "{}").await;
    }
    let before = over(&house, &busy, 8).await;
    over(&house, &quiet, 1).await;

    house.clock.advance(Duration::from_mins(1));
    let after = executions(&house, &busy, |items| items.len() == 3).await;

    assert_eq!(after, before[..3]);
    over(&house, &quiet, 1).await;
    house.close().await;
}

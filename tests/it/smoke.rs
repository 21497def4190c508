use crate::house::House;
use crate::receiver::Receiver;

#[tokio::test]
async fn what_is_published_arrives() {
    let house = House::new().await;
    let receiver = Receiver::new().await;
    house.subscribe(&receiver.url("/cb"), "PostDeployment").await;
    house.publish_and_wait("PostDeployment", r#"{"a": 1}"#).await;
    assert_eq!(receiver.wait_for(1).await[0].text(), r#"{"a": 1}"#);
    house.close().await;
}

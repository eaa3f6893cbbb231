//! Entities and groups in a cluster.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport};

async fn log_in(client: &Client, name: &str) -> (String, String) {
    let answer = client.post(&format!("/v1/auth/userpass/login/{name}"), json!({"password": "pw"})).await.ok();
    let text = |key: &str| answer["auth"][key].as_str().unwrap().to_owned();
    (text("client_token"), text("entity_id"))
}

async fn cluster() -> Cluster {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let root = cluster.root(0);
    root.post("/v1/sys/auth/userpass", json!({"type": "userpass"})).await.ok();
    root.post("/v1/auth/userpass/users/ann", json!({"password": "pw"})).await.ok();
    cluster
}

/// Whoever was made by two at once would be two people with rights of their own.
#[tokio::test]
async fn first_logins_at_every_node_at_once_make_one_entity() {
    let cluster = cluster().await;
    let nodes: Vec<Client> = (0..3).map(|index| cluster.nodes[index].client()).collect();
    let spelled = ["ann", "ANN", "Ann"];
    let logins = (0..6).map(|n| log_in(&nodes[n % 3], spelled[n % 3]));
    let entities: Vec<String> = join_all(logins).await.into_iter().map(|(_, entity)| entity).collect();
    assert!(!entities[0].is_empty() && entities.iter().all(|entity| *entity == entities[0]), "{entities:?}");
    for index in 0..3 {
        let listed = cluster.root(index).list("/v1/identity/entity/id").await.ok();
        assert_eq!(listed["data"]["keys"], json!([entities[0]]));
        let aliases = cluster.root(index).list("/v1/identity/entity-alias/id").await.ok();
        assert_eq!(aliases["data"]["keys"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_a_group_gives_and_takes_counts_with_the_next_request_on_every_node() {
    let cluster = cluster().await;
    let roots: Vec<Client> = (0..3).map(|index| cluster.root(index)).collect();
    roots[0].post("/v1/sys/mounts/kv", json!({"type": "kv"})).await.ok();
    roots[0].post("/v1/kv/x", json!({"v": 1})).await.ok();
    let policy = json!({"policy": "path \"kv/*\" { capabilities = [\"read\"] }"});
    roots[0].post("/v1/sys/policies/acl/reader", policy).await.ok();
    let (token, ann) = log_in(&cluster.nodes[1].client(), "ann").await;
    let nodes: Vec<Client> = (0..3).map(|index| cluster.nodes[index].client().with_token(&token)).collect();
    let everywhere = async || -> Vec<u16> {
        join_all(nodes.iter().map(|node| node.get("/v1/kv/x"))).await.iter().map(|answer| answer.status).collect()
    };
    assert_eq!(everywhere().await, [403; 3]);
    let inner = roots[1].post("/v1/identity/group", json!({"name": "inner", "member_entity_ids": [ann]})).await.ok();
    let outer = json!({"name": "outer", "member_group_ids": [inner["data"]["id"]], "policies": ["reader"]});
    roots[2].post("/v1/identity/group", outer).await.ok();
    let at = |group: &str| format!("/v1/identity/group/name/{group}");
    for round in 0..10_usize {
        assert_eq!(everywhere().await, [200; 3], "round {round}");
        let (away, back) = match round % 3 {
            0 => (("outer", json!({"policies": []})), ("outer", json!({"policies": ["reader"]}))),
            1 => (("inner", json!({"member_entity_ids": []})), ("inner", json!({"member_entity_ids": [ann]}))),
            _ => {
                let inner = json!({"member_group_ids": [inner["data"]["id"]]});
                (("outer", json!({"member_group_ids": []})), ("outer", inner))
            }
        };
        roots[round % 3].post(&at(away.0), away.1).await.ok();
        assert_eq!(everywhere().await, [403; 3], "round {round}");
        roots[(round + 1) % 3].post(&at(back.0), back.1).await.ok();
    }
    let entity = format!("/v1/identity/entity/id/{ann}");
    roots[0].post(&entity, json!({"disabled": true})).await.ok();
    let lives = async || -> Vec<u16> {
        let asked = nodes.iter().map(|node| node.get("/v1/auth/token/lookup-self"));
        join_all(asked).await.iter().map(|answer| answer.status).collect()
    };
    assert_eq!(lives().await, [403; 3]);
    roots[1].post(&entity, json!({"disabled": false})).await.ok();
    assert_eq!(lives().await, [200; 3]);
    roots[2].delete(&entity).await;
    assert_eq!(lives().await, [403; 3]);
}

/// The leader that knew of the entity is gone.
#[tokio::test]
async fn an_entity_outlives_the_leader_that_made_it() {
    let mut cluster = cluster().await;
    let leader = cluster.leader().await;
    let (token, ann) = log_in(&cluster.nodes[leader].client(), "ann").await;
    let entity = format!("/v1/identity/entity/id/{ann}");
    cluster.root(leader).post(&entity, json!({"metadata": {"team": "red"}})).await.ok();
    cluster.nodes[leader].kill();
    let other = (leader + 1) % 3;
    cluster.serves(other).await;
    let read: Value = cluster.nodes[other].client().with_token(&token).get(&entity).await.ok();
    assert_eq!(read["data"]["metadata"]["team"], "red", "its own policy lets it read itself");
    assert_eq!(log_in(&cluster.nodes[other].client(), "ann").await.1, ann);
}

/*
 * publish URL EXCHANGE KEY: an event for each line of the standard input,
 * "body name...": see ../../test_publishers.py.
 */

use futures_executor::block_on;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue as V, DecimalValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use std::io::BufRead;

fn every() -> FieldTable {
    let mut t = FieldTable::default();
    let mut put = |k: &str, v| t.insert(k.into(), v);

    put("a-bool", V::Boolean(true));
    put("a-byte", V::ShortShortInt(-1));
    put("a-ubyte", V::ShortShortUInt(255));
    put("a-short", V::ShortInt(-2));
    put("a-ushort", V::ShortUInt(65535));
    put("a-int", V::LongInt(-3));
    put("a-uint", V::LongUInt(u32::MAX));
    put("a-long", V::LongLongInt(i64::MIN));
    put("a-float", V::Float(0.5));
    put("a-double", V::Double(0.25));
    let decimal = DecimalValue { scale: 2, value: 314 };
    put("a-decimal", V::DecimalValue(decimal));
    put("a-string", V::LongString("text".into()));
    put("a-bytes", V::ByteArray(vec![0, 1, 255].into()));
    put("a-time", V::Timestamp(1500000000));
    put("a-void", V::Void);
    t
}

fn properties(names: &[&str]) -> BasicProperties {
    let mut p = BasicProperties::default();
    let mut h = FieldTable::default();

    for word in names {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));

        p = match name {
            "content_type" => p.with_content_type("application/json".into()),
            "content_encoding" => p.with_content_encoding("utf-8".into()),
            "delivery_mode" => p.with_delivery_mode(2),
            "priority" => p.with_priority(3),
            "correlation_id" => p.with_correlation_id("c".into()),
            "reply_to" => p.with_reply_to("r".into()),
            "expiration" => p.with_expiration("60000".into()),
            "message_id" => p.with_message_id("m".into()),
            "timestamp" => p.with_timestamp(value.parse().unwrap()),
            "type" => p.with_type("t".into()),
            "user_id" => p.with_user_id("guest".into()),
            "app_id" => p.with_app_id("a".into()),
            "cluster_id" => p.with_cluster_id("i".into()),
            _ => p,
        };

        if name == "headers" {
            let array = vec![V::LongInt(1), V::FieldTable(every())];
            for (k, v) in every().inner() {
                h.insert(k.clone(), v.clone());
            }
            h.insert("z-array".into(), V::FieldArray(FieldArray::from(array)));
            h.insert("z-table".into(), V::FieldTable(every()));
        } else if name == "timestamp_in_ms" {
            h.insert(name.into(), V::LongLongInt(value.parse().unwrap()));
        } else if name == "ess_uuid" {
            h.insert(name.into(), V::LongString(value.into()));
        }
    }

    if h.inner().is_empty() { p } else { p.with_headers(h) }
}

fn main() -> Result<(), lapin::Error> {
    let args: Vec<String> = std::env::args().collect();

    block_on(async {
        let c = Connection::connect(&args[1], ConnectionProperties::default())
            .await?;
        let channel = c.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;

        for line in std::io::stdin().lock().lines().map(|l| l.unwrap()) {
            let words: Vec<&str> = line.split(' ').collect();
            let done = channel
                .basic_publish(&args[2], &args[3],
                               BasicPublishOptions::default(),
                               words[0].as_bytes(), properties(&words[1..]))
                .await?.await?;
            assert!(done.is_ack());
        }
        c.close(200, "").await
    })
}

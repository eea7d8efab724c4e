/*
 * Publish URL EXCHANGE KEY: an event for each line of the standard input,
 * "body name...": see ../test_publishers.py.
 */

import com.rabbitmq.client.*;
import com.rabbitmq.client.impl.LongStringHelper;
import java.io.*;
import java.math.BigDecimal;
import java.util.*;


public class Publish {

    static Map<String, Object> every() {
        Map<String, Object> h = new HashMap<>();
        h.put("a-bool", true);
        h.put("a-byte", (byte) -1);
        h.put("a-short", (short) -2);
        h.put("a-int", -3);
        h.put("a-long", Long.MIN_VALUE);
        h.put("a-float", 0.5f);
        h.put("a-double", 0.25);
        h.put("a-decimal", new BigDecimal("3.14"));
        h.put("a-string", "text");
        h.put("a-long-string", LongStringHelper.asLongString("text"));
        h.put("a-bytes", new byte[] { 0, 1, (byte) 255 });
        h.put("a-time", new Date(1500000000000L));
        h.put("a-void", null);
        h.put("z-array", Arrays.asList(1, "two", true, new HashMap<>(h)));
        h.put("z-table", new HashMap<>(h));
        return h;
    }

    static void set(AMQP.BasicProperties.Builder b, Map<String, Object> h,
        String name, String value)
    {
        switch (name) {
        case "content_type":     b.contentType("application/json"); break;
        case "content_encoding": b.contentEncoding("utf-8"); break;
        case "headers":          h.putAll(every()); break;
        case "delivery_mode":    b.deliveryMode(2); break;
        case "priority":         b.priority(3); break;
        case "correlation_id":   b.correlationId("c"); break;
        case "reply_to":         b.replyTo("r"); break;
        case "expiration":       b.expiration("60000"); break;
        case "message_id":       b.messageId("m"); break;
        case "timestamp":
            b.timestamp(new Date(1000L * Long.parseLong(value))); break;
        case "type":             b.type("t"); break;
        case "user_id":          b.userId("guest"); break;
        case "app_id":           b.appId("a"); break;
        case "cluster_id":       b.clusterId("i"); break;
        case "timestamp_in_ms":  h.put(name, Long.valueOf(value)); break;
        case "ess_uuid":         h.put(name, value); break;
        default: throw new IllegalArgumentException(name);
        }
    }

    public static void main(String[] args) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(args[0]);

        try (Connection c = factory.newConnection()) {
            Channel channel = c.createChannel();
            channel.confirmSelect();

            BufferedReader in = new BufferedReader(
                new InputStreamReader(System.in));

            for (String line; (line = in.readLine()) != null; ) {
                String[] words = line.split(" ");
                AMQP.BasicProperties.Builder b =
                    new AMQP.BasicProperties.Builder();
                Map<String, Object> headers = new HashMap<>();

                for (int i = 1; i < words.length; i++) {
                    String[] pair = words[i].split("=");
                    set(b, headers, pair[0], pair[pair.length - 1]);
                }

                if (!headers.isEmpty()) {
                    b.headers(headers);
                }

                channel.basicPublish(args[1], args[2], b.build(),
                                     words[0].getBytes("UTF-8"));
            }

            channel.waitForConfirmsOrDie();
        }
    }
}

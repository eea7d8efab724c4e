// publish URL EXCHANGE KEY: an event for each line of the standard input,
// "body name...": see ../test_publishers.py.
package main

import (
	"bufio"
	"context"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func every() amqp.Table {
	return amqp.Table{
		"a-bool":    true,
		"a-ubyte":   byte(255),
		"a-byte":    int8(-1),
		"a-short":   int16(-2),
		"a-int":     int32(-3),
		"a-long":    int64(-1 << 63),
		"a-float":   float32(0.5),
		"a-double":  0.25,
		"a-decimal": amqp.Decimal{Scale: 2, Value: 314},
		"a-string":  "text",
		"a-bytes":   []byte{0, 1, 255},
		"a-time":    time.Unix(1500000000, 0),
		"a-void":    nil,
	}
}

func set(p *amqp.Publishing, name, value string) {
	number, _ := strconv.ParseInt(value, 10, 64)

	switch name {
	case "content_type":
		p.ContentType = "application/json"
	case "content_encoding":
		p.ContentEncoding = "utf-8"
	case "headers":
		for k, v := range every() {
			p.Headers[k] = v
		}
		p.Headers["z-array"] = []interface{}{int32(1), "two", true, every()}
		p.Headers["z-table"] = every()
	case "delivery_mode":
		p.DeliveryMode = amqp.Persistent
	case "priority":
		p.Priority = 3
	case "correlation_id":
		p.CorrelationId = "c"
	case "reply_to":
		p.ReplyTo = "r"
	case "expiration":
		p.Expiration = "60000"
	case "message_id":
		p.MessageId = "m"
	case "timestamp":
		p.Timestamp = time.Unix(number, 0)
	case "type":
		p.Type = "t"
	case "user_id":
		p.UserId = "guest"
	case "app_id":
		p.AppId = "a"
	case "timestamp_in_ms":
		p.Headers[name] = number
	case "ess_uuid":
		p.Headers[name] = value
	default:
		log.Fatal(name)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	c, err := amqp.Dial(os.Args[1])
	must(err)
	ch, err := c.Channel()
	must(err)
	must(ch.Confirm(false))

	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		p := amqp.Publishing{Body: []byte(words[0]), Headers: amqp.Table{}}
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			set(&p, name, value)
		}
		d, err := ch.PublishWithDeferredConfirmWithContext(
			context.Background(), os.Args[2], os.Args[3], false, false, p)
		must(err)
		if !d.Wait() {
			log.Fatal("not confirmed")
		}
	}
	must(c.Close())
}

/*
 * publish.js URL EXCHANGE KEY: an event for each line of the standard input,
 * "body name...": see ../test_publishers.py.
 */

'use strict';

const fs = require('fs');
const amqplib = require(process.env.NODE_PATH + '/amqplib');

const every = {
    'a-bool': true,
    'a-byte': { '!': 'byte', value: -1 },
    'a-short': { '!': 'short', value: -2 },
    'a-int': { '!': 'int', value: -3 },
    'a-long': { '!': 'long', value: -4 },
    'a-number': 2 ** 40,
    'a-float': { '!': 'float', value: 0.5 },
    'a-double': 0.25,
    'a-decimal': { '!': 'decimal', value: { digits: 314, places: 2 } },
    'a-string': 'text',
    'a-bytes': Buffer.from([0, 1, 255]),
    'a-time': { '!': 'timestamp', value: 1500000000 },
    'a-void': null,
};

const nested = { 'z-array': [1, 'two', true, every], 'z-table': every };

const values = {
    content_type: { contentType: 'application/json' },
    content_encoding: { contentEncoding: 'utf-8' },
    delivery_mode: { deliveryMode: 2 },
    priority: { priority: 3 },
    correlation_id: { correlationId: 'c' },
    reply_to: { replyTo: 'r' },
    expiration: { expiration: '60000' },
    message_id: { messageId: 'm' },
    type: { type: 't' },
    user_id: { userId: 'guest' },
    app_id: { appId: 'a' },
};

function options(names) {
    const given = { headers: {} };

    for (const [name, value] of names.map((n) => n.split('='))) {
        if (name === 'headers') {
            Object.assign(given.headers, every, nested);
        } else if (name === 'timestamp_in_ms') {
            given.headers[name] = Number(value);
        } else if (name === 'ess_uuid') {
            given.headers[name] = value;
        } else if (name === 'timestamp') {
            given.timestamp = Number(value);
        } else {
            Object.assign(given, values[name]);
        }
    }

    return given;
}

async function main(url, exchange, key) {
    const connection = await amqplib.connect(url);
    const channel = await connection.createConfirmChannel();

    for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) {
        const [body, ...names] = line.split(' ');
        channel.publish(exchange, key, Buffer.from(body), options(names));
    }

    await channel.waitForConfirms();
    await connection.close();
}

main(...process.argv.slice(2)).catch((e) => {
    console.error(e);
    process.exit(1);
});

CREATE TABLE IF NOT EXISTS simple (
    _id     uuid PRIMARY KEY DEFAULT gen_random_uuid()
);

CREATE TABLE IF NOT EXISTS example_item (
    _id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    string  varchar(255) NOT NULL,
    integer integer NOT NULL,
    json    json NOT NULL
);

CREATE INDEX IF NOT EXISTS example_item_string ON example_item (string);

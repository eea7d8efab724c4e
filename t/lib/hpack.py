"""Header compression of HTTP/2 (RFC 7541) without a dynamic table: what is
encoded is literal, and what is decoded comes from a peer that was told to
keep no table."""

STATIC = [item.replace("_", " ").partition("=")[::2] for item in """
:authority
:method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https
:status=200 :status=204 :status=206 :status=304 :status=400 :status=404
:status=500 accept-charset accept-encoding=gzip,_deflate accept-language
accept-ranges accept access-control-allow-origin age allow authorization
cache-control
content-disposition content-encoding content-language content-length
content-location content-range content-type cookie date etag expect expires
from host if-match if-modified-since if-none-match if-range
if-unmodified-since last-modified link location max-forwards
proxy-authenticate proxy-authorization range referer refresh retry-after
server set-cookie strict-transport-security transfer-encoding user-agent vary
via www-authenticate""".split()]
assert len(STATIC) == 61

# the length of each byte's code, and of the end's, in bits, counted from 0 to
# z; codes of one length follow one another (RFC 7541, appendix B)
LENGTHS = [int(c, 36) for c in (
    "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad"
    "67777777777777777777777878djde6f56565666577666567655677777fbedskm"
    "kkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqk"
    "jmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrqu")]
END = 256


def _codes():
    codes, code, bits = {}, 0, 0
    for symbol in sorted(range(len(LENGTHS)), key=lambda s: (LENGTHS[s], s)):
        code <<= LENGTHS[symbol] - bits
        bits = LENGTHS[symbol]
        codes[bits, code] = symbol
        code += 1
    return codes


CODES = _codes()


def _integer(value, prefix, first=0):
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def encode(headers):
    """A block of pairs of str."""

    block = b""
    for pair in headers:
        block += b"\0"
        for text in pair:
            text = text.encode()
            block += _integer(len(text), 7) + text
    return block


class _Block:

    def __init__(self, data):
        self.data = data
        self.pos = 0

    def integer(self, prefix):
        most = (1 << prefix) - 1
        value = self.byte() & most
        shift = 0
        if value == most:
            while True:
                b = self.byte()
                value += (b & 127) << shift
                shift += 7
                if b < 128:
                    break
        return value

    def byte(self):
        self.pos += 1
        return self.data[self.pos - 1]

    def string(self):
        coded = self.data[self.pos] & 128
        size = self.integer(7)
        text = self.data[self.pos:self.pos + size]
        self.pos += size
        return (_huffman(text) if coded else text).decode()

    def name(self, prefix):
        index = self.integer(prefix)
        return STATIC[index - 1][0] if index else self.string()


def _huffman(data):
    out, code, bits = bytearray(), 0, 0
    for byte in data:
        for i in range(7, -1, -1):
            code, bits = code << 1 | byte >> i & 1, bits + 1
            symbol = CODES.get((bits, code))
            if symbol is not None:
                out.append(symbol)
                code, bits = 0, 0
    # the beginning of the end's code
    assert bits < 8 and code == (1 << bits) - 1
    return bytes(out)


def decode(data):
    """The pairs of a block."""

    block, headers = _Block(data), []
    while block.pos < len(data):
        first = data[block.pos]
        if first & 128:
            headers.append(STATIC[block.integer(7) - 1])
        elif first & 224 == 32:
            # the table's size
            assert block.integer(5) == 0
        else:
            name = block.name(6 if first & 64 else 4)
            headers.append((name, block.string()))
    return headers

"""Certificates that nobody but they themselves vouches for."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519


def self_signed(key):
    """In PEM, for the public part of a private key."""

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    return x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(),
        datetime.datetime(2020, 1, 1), datetime.datetime(2120, 1, 1)).sign(
        key, None if isinstance(key, ed25519.Ed25519PrivateKey)
        else hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

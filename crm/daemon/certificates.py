"""The cluster's own certificate authority, made from the key that all nodes share.

Whoever has the key makes the same authority, so no node needs to be given a certificate: each makes its own when it
starts, signed by what every other node and every client of the cluster trusts. Nothing is stored; a new key is a new
authority. Who holds the key could take over the cluster anyway, so this gives nothing away.

A node's certificate is good for serving only, a user's for coming in only: neither can stand in for the other.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_PURPOSE = b"crmd api certificate authority v1"
# Of the curve P-256.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_NODE_DAYS = 1825
# Fixed, because every node must make the same certificate at any time.
_SINCE, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2070, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate with its private key, both as PEM; the serial number in hexadecimal, until when it is good."""

    certificate: bytes
    key: bytes
    serial: str
    expires: datetime


class CertificateAuthority:
    """Signs for a cluster. `key`: the cluster's."""

    def __init__(self, key: bytes) -> None:
        seed = HKDF(hashes.SHA256(), 48, None, _PURPOSE).derive(key)
        self._key = ec.derive_private_key(int.from_bytes(seed, "big") % (_ORDER - 1) + 1, ec.SECP256R1())
        self._certificate = self._own()

    @property
    def certificate(self) -> bytes:
        """What clients trust, as PEM; the same on every node."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def for_node(self, name: str, places: Iterable[str], now: datetime) -> Certified:
        """For a node that is reached under these names and addresses."""
        names = x509.SubjectAlternativeName([_place(place) for place in dict.fromkeys((name, *places))])
        return self._signed(name, now + timedelta(days=_NODE_DAYS), now, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def for_user(self, user: str, until: datetime, now: datetime, units: Iterable[str] = ()) -> Certified:
        """For somebody who comes in over TCP as that user; `units` stand in the subject as organizational units."""
        return self._signed(user, until, now, ExtendedKeyUsageOID.CLIENT_AUTH, None, units)

    def _own(self) -> x509.Certificate:
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        name = _name(f"crmd cluster {identifier.digest.hex()[:8]}")
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(_SINCE)
            .not_valid_after(_UNTIL)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certificates=True), critical=True)
            .add_extension(identifier, critical=False)
        )
        return builder.sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)

    def _signed(
        self, name: str, until: datetime, now: datetime, purpose: x509.ObjectIdentifier,
        places: x509.SubjectAlternativeName | None, units: Iterable[str] = ()
    ) -> Certified:
        key = ec.generate_private_key(ec.SECP256R1())
        serial = x509.random_serial_number()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name, units))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(now - timedelta(minutes=5))  # clocks differ a little
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if places is not None:
            builder = builder.add_extension(places, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
        return Certified(certificate.public_bytes(serialization.Encoding.PEM), private, f"{serial:x}", until)


def _name(name: str, units: Iterable[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]
    attributes += (x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit[:64]) for unit in units)
    return x509.Name(attributes)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=not certificates, content_commitment=False, key_encipherment=False,
                         data_encipherment=False, key_agreement=False, key_cert_sign=certificates,
                         crl_sign=certificates, encipher_only=False, decipher_only=False)


def _place(place: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(place))
    except ValueError:
        return x509.DNSName(place)

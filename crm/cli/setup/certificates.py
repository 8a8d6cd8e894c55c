"""Certificates made on the spot: a cluster's own authority for etcd, and the short-lived one of an invitation."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_DAYS, _NODE_DAYS = 3650, 1825


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as objects."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate."""
        return self.certificate.fingerprint(hashes.SHA256())


def authority(name: str) -> Pair:
    """A certificate authority that may sign and do nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key, timedelta(days=_AUTHORITY_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def signed(by: Pair, name: str, address: str, days: int = _NODE_DAYS) -> Pair:
    """A node's certificate, for both ends of a connection."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = by.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    builder = _builder(name, str(issuer), key, timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name), _place(address), _local()]),
                                    critical=False)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = builder.add_extension(usage, critical=False)
    return Pair(builder.sign(by.key, hashes.SHA256()), key)


def passing(seconds: int) -> Pair:
    """A self-signed certificate for a while; whoever uses it knows its fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("crmd invitation", "crmd invitation", key, timedelta(seconds=seconds))
    return Pair(builder.sign(key, hashes.SHA256()), key)


def _builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey, valid: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ a little
        .not_valid_after(now + valid)
    )


def _place(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _local() -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address("127.0.0.1"))

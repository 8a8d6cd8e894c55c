"""The cluster's authority, and the settings of the TCP door."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from crm.daemon.certificates import CertificateAuthority
from crm.daemon.settings import Settings, SettingsError, from_data
from crm.daemon.tls import Tls

KEY, NOW = b"the key that all nodes share", datetime.now(UTC)


def test_every_node_makes_the_same_authority_and_another_key_another_one() -> None:
    assert CertificateAuthority(KEY).certificate == CertificateAuthority(KEY).certificate
    assert CertificateAuthority(KEY).certificate != CertificateAuthority(KEY + b"!").certificate


def test_what_one_node_signed_another_one_trusts() -> None:
    made = CertificateAuthority(KEY).for_user("anna", NOW + timedelta(seconds=60), NOW)
    signed = x509.load_pem_x509_certificate(made.certificate)
    signed.verify_directly_issued_by(x509.load_pem_x509_certificate(CertificateAuthority(KEY).certificate))
    assert made.expires == NOW + timedelta(seconds=60)
    assert made.serial == f"{signed.serial_number:x}"
    with pytest.raises(ValueError):
        signed.verify_directly_issued_by(x509.load_pem_x509_certificate(CertificateAuthority(b"another").certificate))


def test_a_node_cannot_come_in_and_a_user_cannot_serve() -> None:
    authority = CertificateAuthority(KEY)
    user = authority.for_user("n", NOW + timedelta(seconds=60), NOW)
    made = (authority.for_node("n", ["10.0.0.1", "n.example"], NOW), user)
    assert [_purpose(one.certificate) for one in made] == ["serverAuth", "clientAuth"]


def _purpose(certificate: bytes) -> str:
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    (purpose,) = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return str(purpose._name)


def _settings(folder: Path, **api: object) -> Settings:
    (folder / "key").write_bytes(KEY)
    (folder / "key").chmod(0o600)
    return from_data({"name": "n", "key_file": "key", "state_folder": "state", "api": {"port": 8080, **api}},
                     folder / "crmd.toml")


def _write_pair(folder: Path, name: str) -> None:
    made = CertificateAuthority(b"some company").for_node(name, [], NOW)
    (folder / "own.pem").write_bytes(made.key + made.certificate)


def test_an_own_certificate_is_loaded_again_when_it_changes(tmp_path: Path) -> None:
    _write_pair(tmp_path, "first")
    tls = Tls(_settings(tmp_path, certificate_file="own.pem"), KEY)
    before = tls._changed_at
    _write_pair(tmp_path, "second")
    os.utime(tmp_path / "own.pem", (before + 10, before + 10))
    tls.watch = lambda: None  # type: ignore[method-assign]
    tls._look()
    assert tls._changed_at == before + 10
    (tmp_path / "own.pem").write_text("nonsense")
    tls._look()  # is logged; the former one stays
    assert isinstance(tls.context, ssl.SSLContext)


@pytest.mark.parametrize("name", ["certificate_file", "client_ca_file"])
@pytest.mark.parametrize("content", [None, "nonsense"])
def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path, name: str, content: str | None) -> None:
    if content is not None:
        (tmp_path / "own.pem").write_text(content)
    with pytest.raises(SettingsError, match=r"own\.pem cannot be used"):
        Tls(_settings(tmp_path, **{name: "own.pem"}), KEY)


@pytest.mark.parametrize(("host", "fine"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False),
                                            ("10.0.0.1", False), ("node1", False)])
def test_the_door_is_open_on_loopback_only(tmp_path: Path, host: str, fine: bool) -> None:
    settings = _settings(tmp_path, host=host, tcp_access="open")
    if fine:
        settings.check()
    else:
        with pytest.raises(SettingsError, match="lets everybody"):
            settings.check()


def test_a_node_without_a_key_makes_one_once(tmp_path: Path) -> None:
    settings = from_data({"name": "n", "key_file": "none", "state_folder": "state"}, tmp_path / "crmd.toml")
    first = settings.api_key()
    assert len(first) == 64 and settings.api_key() == first
    assert (tmp_path / "state" / "api-key").stat().st_mode & 0o077 == 0

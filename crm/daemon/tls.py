"""The TLS of the API's TCP door: whose certificate it shows, whose it accepts.

The node's own certificate is made anew at every start, by the cluster's authority, unless the settings name one; that
one is loaded again when its file changes. A client may show a certificate; if it does, it must be one of the cluster's
authority, or of the one that the settings name.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crm.daemon.settings import Settings, SettingsError

log = logging.getLogger("crm.daemon")

_LOOK_AGAIN_S = 60.0
_NONE = Path()

SOON_DAYS = 30
"""A certificate that ends within that time is worth a warning."""


class Tls:
    """The TLS context of a node. `key`: the cluster's. Raises SettingsError when the files cannot be used."""

    def __init__(self, settings: Settings, key: bytes) -> None:
        from crm.daemon.certificates import CertificateAuthority

        api = settings.api
        self._files = (api.certificate_file, api.certificate_key_file)
        self._changed_at = 0.0
        authority = CertificateAuthority(key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.context.load_verify_locations(cadata=authority.certificate.decode())
        if api.client_ca_file != _NONE:
            self._trust(api.client_ca_file)
        if api.certificate_file != _NONE:
            self._load()
        else:
            pair = authority.for_node(settings.node_name, _places(settings), datetime.now(UTC))
            self._load_text(pair.key + pair.certificate)

    def watch(self) -> None:
        """From now on load the certificate again when its file has changed."""
        if self._files[0] != _NONE:
            asyncio.get_running_loop().call_later(_LOOK_AGAIN_S, self._look)

    def _look(self) -> None:
        try:
            if self._modified() != self._changed_at:
                self._load()
                log.info("the API's certificate %s was loaded again", self._files[0])
        except SettingsError as error:
            log.error("%s; the former one stays in use. %s", error, error.hint)
        self.watch()

    def _load(self) -> None:
        certificate, key = self._files
        try:
            self._changed_at = self._modified()
            self.context.load_cert_chain(certificate, key if key != _NONE else None)
            if warning := expiry_warning(certificate, datetime.now(UTC)):
                log.warning("%s", warning)
        except OSError as error:
            raise _unusable(certificate, error) from None

    def _modified(self) -> float:
        try:
            return max(path.stat().st_mtime for path in self._files if path != _NONE)
        except OSError as error:
            raise _unusable(self._files[0], error) from None

    def _trust(self, file: Path) -> None:
        try:
            self.context.load_verify_locations(cafile=file)
        except OSError as error:
            raise _unusable(file, error) from None

    def _load_text(self, pem: bytes) -> None:
        descriptor, name = tempfile.mkstemp(prefix="crmd-")  # ssl takes certificates from files only
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
            self.context.load_cert_chain(name)
        finally:
            Path(name).unlink()


def expiry_warning(file: Path, now: datetime) -> str:
    """What to say of a certificate file of one's own that has ended, or ends within a month; empty if it does not.

    Raises SettingsError when it cannot be read.
    """
    from cryptography import x509

    try:
        ends = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise SettingsError(f"the certificate {file} cannot be read: {error}",
                            "api.certificate_file must be PEM") from None
    left = ends - now
    if left > timedelta(days=SOON_DAYS):
        return ""
    told = f"expired on {ends:%Y-%m-%d %H:%M} UTC" if left <= timedelta(0) else f"expires on {ends:%Y-%m-%d %H:%M} UTC"
    return f"the certificate {file} (api.certificate_file) {told}; clients refuse it then. Put a new one in its place"


def _unusable(file: Path, error: OSError) -> SettingsError:
    reason = error.strerror if not isinstance(error, ssl.SSLError) else (error.reason or str(error)).lower()
    return SettingsError(f"the certificate {file} cannot be used: {reason}",
                         "api.certificate_file and api.certificate_key_file must be a PEM pair that belongs together")


def _places(settings: Settings) -> list[str]:
    """Under which names and addresses clients may reach this node."""
    own = [node.host for node in settings.node_list if node.name == settings.node_name]
    told = [settings.api.host] if settings.api.host not in ("0.0.0.0", "::", "") else []
    return [*own, *told, socket.gethostname(), "localhost", "127.0.0.1", "::1"]

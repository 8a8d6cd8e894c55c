"""The node's own certificate: that it ends is said in time, and by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm.cli.crmd import main
from crm.daemon.certificates import CertificateAuthority
from crm.daemon.settings import SettingsError
from crm.daemon.tls import expiry_warning

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _file(folder: Path, days: float, now: datetime = NOW) -> Path:
    made = CertificateAuthority(b"0123456789abcdef").for_user("n1", now + timedelta(days=days),
                                                              now - timedelta(days=90))
    file = folder / "node.pem"
    file.write_bytes(made.certificate + made.key)
    return file


@pytest.mark.parametrize(("days", "word"), [(-1, "expired on 2026-10-31"), (7, "expires on 2026-11-08"), (31, "")])
def test_the_end_of_a_certificate_is_told_in_time(tmp_path: Path, days: float, word: str) -> None:
    told = expiry_warning(_file(tmp_path, days), NOW)
    assert bool(told) is bool(word)
    assert word in told
    assert not told or "node.pem" in told


def test_what_is_no_certificate_is_said(tmp_path: Path) -> None:
    file = tmp_path / "node.pem"
    file.write_text("nonsense")
    with pytest.raises(SettingsError):
        expiry_warning(file, NOW)


def test_the_check_of_settings_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _file(tmp_path, 3, datetime.now(UTC))
    (tmp_path / "crmd.toml").write_text(f'name = "n1"\n[api]\ncertificate_file = "{file}"\n')
    assert main(["--config", str(tmp_path / "crmd.toml"), "--check"]) == 0
    assert f"the certificate {file} (api.certificate_file) expires on" in capsys.readouterr().err

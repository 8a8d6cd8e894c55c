"""`crmd`: the daemon of a node, and the small process that watches over it.

The first process starts the daemon as its child, starts it again when it is killed, and takes in what agents left
running, so that a node is one tree of processes. It imports nothing but the standard library: it is there for the day
on which everything else goes wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crm.cli.release import add_version

if TYPE_CHECKING:
    from crm.cli.daemon.supervisor import Watch


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit statuses: see `crm.daemon.main`; 78 for settings that cannot be used."""
    options = _parser().parse_args(arguments)
    if options.help_settings:
        return _help_settings()
    if options.check:
        return _check(options.config)
    if options.alone:
        return daemon(options.config)
    from crm.cli.daemon.supervisor import supervise

    return supervise(lambda: daemon(options.config), _watch(options.config))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crmd", description="Run this node's part of a cluster.", allow_abbrev=False)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/crmd/crmd.toml)")
    parser.add_argument("--check", action="store_true", help="look whether the settings can be used, and end")
    parser.add_argument("--help-settings", action="store_true", help="print every setting with its default, and end")
    parser.add_argument("--alone", action="store_true", help="the daemon only, without the process that restarts it")
    add_version(parser)
    return parser


def _load_early() -> None:
    """What a plan needs and a command may not: loaded before the processes that plan are forked off, which share it."""
    import networkx  # noqa: F401

    from crm.policy_engine import scheduling  # noqa: F401


def daemon(config: Path | None) -> int:
    """Run the daemon itself in this process."""
    from crm.daemon.settings import SettingsError, load

    try:
        settings = load(config)
    except SettingsError as error:
        return _settings_error(error)
    _load_early()
    from crm.daemon.fork_server import ForkServer

    forks = ForkServer()
    forks.begin()
    from crm.api.app import create
    from crm.api.auth.authentication import AuthenticationSettings
    from crm.api.middleware import audit
    from crm.cib.document import Document
    from crm.cib.errors import CibError
    from crm.cib.schema import errors
    from crm.cli.monitor.display import display
    from crm.daemon.main import main as run

    def validate(document: Document) -> None:
        for report in errors(document):
            raise CibError("invalid-cib", report.message, report.where, report.line, report.hint)

    try:
        doors = AuthenticationSettings(settings.api_key(), settings.api.tcp_access, settings.api.admin_group,
                                       settings.api.requests_per_second)
    except SettingsError as error:
        return _settings_error(error)
    audit.write_to(settings.audit_file, settings.api.audit_bytes, settings.api.audit_files)
    return run(
        settings, lambda service: create(service, display=display(settings.messaging.layer), doors=doors),
        forks, validate, lambda: audit.reports(settings.node_name),
    )


def _check(config: Path | None) -> int:
    from crm.daemon.settings import LayerError, SettingsError, load

    try:
        settings = load(config)
        settings.check()
        warning = _certificate_warning(settings.api.certificate_file)
    except (SettingsError, LayerError) as error:
        return _settings_error(error)
    if warning:
        print(f"crmd: {warning}", file=sys.stderr)
    nodes = ", ".join(node.name for node in settings.node_list)
    print(f"The settings of {settings.node_name} are fine: cluster {settings.cluster} of {nodes}")
    return 0


def _certificate_warning(file: Path) -> str:
    """About a certificate of one's own. Raises SettingsError."""
    if file == Path():
        return ""
    from datetime import UTC, datetime

    from crm.daemon.tls import expiry_warning

    return expiry_warning(file, datetime.now(UTC))


def _help_settings() -> int:
    from crm.daemon.settings import describe

    print("\n".join(describe()))
    return 0


def _settings_error(error: Exception) -> int:
    hint = getattr(error, "hint", "")
    print(f"crmd: {error}" + (f"\n  {hint}" if hint else ""), file=sys.stderr)
    return 78


def _watch(config: Path | None) -> Watch:
    """The settings that the watching process needs; what is wrong with the file is the daemon's to say."""
    import tomllib

    from crm.cli.daemon.lease_keeping import KeeperSettings
    from crm.cli.daemon.supervisor import Watch

    try:
        with (config or Path("/etc/crmd/crmd.toml")).open("rb") as file:
            settings = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError):
        settings = {}
    limit_ms, device = settings.get("watchdog_ms", 0), settings.get("watchdog_device", "")
    words = [word for word, wanted in (("reset", settings.get("self_fencing") == "reboot"),
                                       ("realtime", settings.get("keeper_realtime") is True)) if wanted]
    return Watch(
        restarts=settings.get("restart_daemon", True) is not False,
        limit_ms=limit_ms if isinstance(limit_ms, int) else 0,
        device=device if isinstance(device, str) else "",
        keeper=KeeperSettings(_runtime_folder(config, settings.get("runtime_folder")), tuple(words)),
    )


def _runtime_folder(config: Path | None, given: object) -> Path:
    """As in crm.daemon.settings, which would drag in the whole daemon."""
    if not isinstance(given, str):
        return Path("/run/crmd")
    return (config.resolve().parent if config else Path("/etc/crmd")) / Path(given).expanduser()


if __name__ == "__main__":
    sys.exit(main())

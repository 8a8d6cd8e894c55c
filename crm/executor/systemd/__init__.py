"""Units of systemd as resources: one connection to its bus, jobs awaited by signal, drop-ins for what is started."""

from crm.executor.systemd.units import STANDARD, SystemdUnits

__all__ = ["STANDARD", "SystemdUnits"]

"""Units of systemd as resources: one connection to its bus, jobs awaited by signal, drop-ins for what is started.

    bus       the connection to systemd's manager on the message bus
    drop_ins  drop-ins for the units that the cluster has started
    units     the class `systemd`: what start, stop and monitor mean for a unit
"""

from crm.executor.systemd.units import STANDARD, SystemdUnits

__all__ = ["STANDARD", "SystemdUnits"]

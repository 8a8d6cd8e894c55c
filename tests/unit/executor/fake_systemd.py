"""A systemd of our own on a private message bus: units as plain values, jobs that take time. No root, no systemd.

What happens to a unit follows from its name: `slow…` takes its time, `broken…` fails, `hanging…` never ends, `missing…`
is not there, `masked…` is masked, `early…` tells the end of a job before it answers the call, `deaf…` never tells it.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path

from dbus_fast import BusType, DBusError, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

NAME, ROOT = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
AVAILABLE = shutil.which("dbus-daemon") is not None


class Unit(ServiceInterface):
    """One unit."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{NAME}.Unit")
        self.unit = name
        self.active = "inactive"
        self.job = 0

    @dbus_property(access=PropertyAccess.READ)
    def ActiveState(self) -> "s":  # noqa: F821, N802
        return self.active

    @dbus_property(access=PropertyAccess.READ)
    def LoadState(self) -> "s":  # noqa: F821, N802
        return {"missing": "not-found", "masked": "masked"}.get(self.unit.split("-")[0].partition(".")[0], "loaded")

    @dbus_property(access=PropertyAccess.READ)
    def Description(self) -> "s":  # noqa: F821, N802
        return f"<{self.unit}>"

    @dbus_property(access=PropertyAccess.READ)
    def UnitFileState(self) -> "s":  # noqa: F821, N802
        return "enabled" if self.unit.startswith("enabled") else "disabled"

    @dbus_property(access=PropertyAccess.READ)
    def Job(self) -> "(uo)":  # noqa: F821, N802
        return [self.job, f"{ROOT}/job/{self.job}" if self.job else "/"]


class Manager(ServiceInterface):
    """Systemd's manager. `calls`: what it was asked, in order; `dropped`: the drop-ins at each Reload."""

    def __init__(self, bus: MessageBus, folder: Path) -> None:
        super().__init__(f"{NAME}.Manager")
        self.bus = bus
        self.folder = folder
        self.units: dict[str, Unit] = {}
        self.calls: list[str] = []
        self.dropped: list[list[str]] = []
        self.jobs = 0
        self.reload_s = 0.0
        self._work: set[asyncio.Task[None]] = set()

    def unit(self, name: str) -> Unit:
        """A unit, made when it is asked for."""
        if name not in self.units:
            self.units[name] = Unit(name)
            self.bus.export(self.path(name), self.units[name])
        return self.units[name]

    def path(self, name: str) -> str:
        return f"{ROOT}/unit/" + "".join(each if each.isalnum() else f"_{ord(each):02x}" for each in name)

    @dbus_method()
    def Subscribe(self):  # noqa: N802
        self.calls.append("Subscribe")

    @dbus_method()
    async def Reload(self):  # noqa: N802
        await asyncio.sleep(self.reload_s)
        self.calls.append("Reload")
        self.dropped.append(sorted(path.parent.name for path in self.folder.glob("*.d/50-crmd.conf")))

    @dbus_method()
    def LoadUnit(self, name: "s") -> "o":  # type: ignore[name-defined]  # noqa: F821, N802
        if "/" in name:
            raise DBusError(f"{NAME}.InvalidName", f"Unit name {name} is not valid.")
        self.unit(name)
        return self.path(name)

    @dbus_method()
    def ListUnitFiles(self) -> "a(ss)":  # type: ignore[valid-type]  # noqa: F821, N802
        return [["/lib/systemd/system/web.service", "disabled"], ["/lib/systemd/system/worker@.service", "static"],
                ["/lib/systemd/system/disk.mount", "enabled"], ["/lib/systemd/system/a.target", "static"]]

    @dbus_method()
    def ListUnits(self) -> "a(ssssssouso)":  # type: ignore[valid-type]  # noqa: F821, N802
        return [["loaded.service", "", "loaded", "active", "running", "", "/", 0, "", "/"]]

    @dbus_method()
    def StartUnit(self, name: "s", mode: "s") -> "o":  # type: ignore[name-defined]  # noqa: F821, N802
        if name.startswith("masked"):
            raise DBusError(f"{NAME}.UnitMasked", f"Unit {name} is masked.")
        return self._job(name, "activating", "failed" if name.startswith("broken") else "active")

    @dbus_method()
    def StopUnit(self, name: "s", mode: "s") -> "o":  # type: ignore[name-defined]  # noqa: F821, N802
        if name.startswith("missing"):
            raise DBusError(f"{NAME}.NoSuchUnit", f"Unit {name} not loaded.")
        return self._job(name, "deactivating", "inactive")

    @dbus_signal()
    def JobRemoved(self, number, path, unit, result) -> "uoss":  # type: ignore[no-untyped-def]  # noqa: F821, N802
        return [number, path, unit, result]

    def _job(self, name: str, meanwhile: str, then: str) -> str:
        self.jobs += 1
        unit, number = self.unit(name), self.jobs
        path = f"{ROOT}/job/{number}"
        self.calls.append(f"{meanwhile} {name}")
        unit.active, unit.job = meanwhile, number
        self.bus.export(path, Job(self, unit, path))

        def end(result: str, state: str) -> None:
            if unit.job == number:
                unit.active, unit.job = state, 0
                if not name.startswith("deaf"):
                    self.JobRemoved(number, path, name, result)

        self._ends = getattr(self, "_ends", {})
        self._ends[path] = end
        result = "failed" if then == "failed" else name.partition("-")[2].removesuffix(".service") or "done"
        if name.startswith("early"):
            end("done", then)
        elif not name.startswith("hanging"):
            self._later(1.0 if name.startswith("slow") else 0.02, lambda: end(result, then))
        return path

    def cancel(self, path: str) -> None:
        """A job is given up."""
        self.calls.append("Cancel")
        self._ends[path]("canceled", "inactive")

    def _later(self, seconds: float, act: object) -> None:
        async def work() -> None:
            await asyncio.sleep(seconds)
            act()  # type: ignore[operator]

        task = asyncio.get_running_loop().create_task(work())
        self._work.add(task)
        task.add_done_callback(self._work.discard)


class Job(ServiceInterface):
    """A job that can be cancelled."""

    def __init__(self, manager: Manager, unit: Unit, path: str) -> None:
        super().__init__(f"{NAME}.Job")
        self._manager = manager
        self._path = path

    @dbus_method()
    def Cancel(self):  # noqa: N802
        self._manager.cancel(self._path)


class FakeSystemd:
    """A bus with a systemd on it; both can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix:path={folder}/bus"
        self.drop_ins = folder / "units"
        self._daemon: subprocess.Popen[str] | None = None
        self._bus: MessageBus | None = None
        self.manager: Manager | None = None

    async def start(self) -> Manager:
        """The bus comes up, and systemd on it; units are as they were."""
        (self.folder / "bus").unlink(missing_ok=True)
        command = ["dbus-daemon", "--session", "--nofork", f"--address={self.address}", "--print-address"]
        self._daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._daemon.stdout is not None
        await asyncio.to_thread(self._daemon.stdout.readline)
        self._bus = await MessageBus(self.address, BusType.SESSION).connect()
        former, self.manager = self.manager, Manager(self._bus, self.drop_ins)
        for name, unit in former.units.items() if former else ():
            self.manager.unit(name).active = "active" if unit.active == "activating" else unit.active
        self._bus.export(ROOT, self.manager)
        await self._bus.request_name(NAME)
        return self.manager

    async def stop(self) -> None:
        """The bus goes down."""
        if self._bus is not None:
            self._bus.disconnect()
        if self._daemon is not None:
            self._daemon.terminate()
            await asyncio.to_thread(self._daemon.wait)
            assert self._daemon.stdout is not None
            self._daemon.stdout.close()
        self._bus = self._daemon = None

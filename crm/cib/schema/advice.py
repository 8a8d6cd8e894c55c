"""What a valid CIB probably gets wrong: mistyped options, times that are none, names of nobody, no fencing device.

Advice never refuses. Each concern is one function in `CONCERNS`; to add one is one line.
"""

from __future__ import annotations

from collections.abc import Iterator

from crm.cib.document import Document
from crm.cib.parsing import Element, line_of
from crm.cib.schema.option_kinds import ALERT, CLUSTER, OPERATION, RESOURCE, Expected, OptionKind, described, fits
from crm.cib.schema.references import dangling
from crm.cib.schema.refusals import nearest
from crm.model.report import Report, Severity


def advise(document: Document) -> list[Report]:
    """Warnings and notices about a valid CIB, by line."""
    reports = [report for concern in CONCERNS for report in concern(document)]
    return sorted(reports, key=lambda report: report.line or 0)


def _option_names(document: Document) -> Iterator[Report]:
    """Options that nobody reads; a warning if one that exists is near, else a notice."""
    for known, pair in _options(document.root):
        name = str(pair.get("name"))
        if name in known:
            continue
        near = nearest(name, known)
        severity = Severity.WARNING if near else Severity.NOTICE
        hint = f"Did you mean {near}?" if near else "It is kept for those who read it"
        what = "The cluster has no option" if known is CLUSTER else "There is no meta attribute"
        yield _report(severity, "unknown-option", pair, f"{what} {name}, so it has no effect", hint)


def _option_values(document: Document) -> Iterator[Report]:
    for known, pair in _options(document.root):
        name, value = str(pair.get("name")), pair.get("value")
        expected = known.get(name)
        if expected is not None and value is not None and not fits(value, expected):
            message = f"{name}='{value}' cannot be read, so the default is used"
            yield _report(Severity.WARNING, "wrong-option-value", pair, message, f"It takes {described(expected)}")


def _options(root: Element) -> Iterator[tuple[dict[str, Expected], Element]]:
    """Every option of the configuration with the names that are known in its place."""
    for pair in root.iterfind("configuration//nvpair[@name]"):
        parent = pair.getparent()
        holder = None if parent is None else parent.getparent()
        if parent is None or holder is None:
            continue
        if parent.tag == "cluster_property_set":
            yield CLUSTER, pair
        elif parent.tag == "meta_attributes":
            yield _known_in(str(holder.tag)), pair


def _known_in(holder: str) -> dict[str, Expected]:
    if holder in ("op", "op_defaults"):
        return OPERATION
    if holder in ("alert", "recipient"):
        return ALERT
    # Operation options among a resource's are read as defaults for its operations.
    return RESOURCE | OPERATION


_CONSEQUENCE = {
    "interval": "so the operation is never repeated",
    "timeout": "so the default is used",
    "start-delay": "so it is not delayed",
}


def _operation_times(document: Document) -> Iterator[Report]:
    for operation in document.root.iterfind("configuration//op"):
        for attribute, consequence in _CONSEQUENCE.items():
            value = operation.get(attribute)
            if value is not None and not fits(value, OptionKind.DURATION):
                message = f"{attribute}='{value}' of the {operation.get('name')} is not a time, {consequence}"
                hint = f"Write {described(OptionKind.DURATION)}"
                yield _report(Severity.WARNING, "wrong-time", operation, message, hint)


def _doubled_operations(document: Document) -> Iterator[Report]:
    """Two operations of the same name and interval: only the first is used."""
    for operations in document.root.iterfind("configuration//operations"):
        seen: set[tuple[str | None, str | None, str | None]] = set()
        for operation in operations.iterfind("op"):
            key = (operation.get("name"), operation.get("interval"), operation.get("role"))
            if key in seen:
                message = f"There is a {key[0]} with interval {key[1]} already, so this one is ignored"
                yield _report(Severity.WARNING, "doubled-operation", operation, message, "Give it another interval")
            seen.add(key)


def _fencing_without_device(document: Document) -> Iterator[Report]:
    """Fencing is on by default; without a device nothing is started, which surprises every newcomer."""
    root = document.root
    resources = root.find("configuration/resources")
    if resources is None or len(resources) == 0 or resources.find(".//*[@class='stonith']") is not None:
        return
    settings = {
        str(pair.get("name")): str(pair.get("value"))
        for pair in root.iterfind("configuration/crm_config/cluster_property_set/nvpair")
    }
    enabled = settings.get("fencing-enabled", settings.get("stonith-enabled", "true"))
    if enabled.lower() in ("false", "no", "off", "n", "0") or "watchdog" in " ".join(settings):
        return
    message = "Fencing is on, but there is no fencing device, so nothing will be started"
    hint = "Add a resource of class stonith, or for a trial set fencing-enabled to false"
    yield _report(Severity.WARNING, "no-fencing-device", resources, message, hint)


def _reserved_names(document: Document) -> Iterator[Report]:
    """Parameters that would pass for what the cluster tells its executors; no agent is given them."""
    for pair in document.root.iterfind("configuration//instance_attributes/nvpair[@name]"):
        name = str(pair.get("name"))
        if name.startswith("CRM_meta_"):
            message = f"The name {name} is the cluster's own, so this parameter is given to no agent"
            yield _report(Severity.WARNING, "reserved-name", pair, message, "Give it another name")


_RUN = ("ocf", "stonith", "systemd", "lsb", "service")


def _classes_that_nobody_runs(document: Document) -> Iterator[Report]:
    """What the schema knows since Pacemaker knew it once: such a resource runs nowhere."""
    for kind in ("primitive", "template"):
        for resource in document.root.iterfind(f"configuration/resources//{kind}[@class]"):
            standard = resource.get("class")
            if standard not in _RUN:
                message = f"crmd runs no agents of the class {standard}, so {resource.get('id')} runs nowhere"
                yield _report(Severity.WARNING, "class-not-run", resource, message, f"It runs {', '.join(_RUN)}")


def _connections(document: Document) -> Iterator[Report]:
    """Remote nodes, guests and what runs within containers are planned for and not carried out yet."""
    resources = document.root.find("configuration/resources")
    found = [] if resources is None else [
        *resources.iterfind(".//primitive[@class='ocf'][@provider='pacemaker'][@type='remote']"),
        *resources.iterfind(".//nvpair[@name='remote-node']/../.."),
        *(bundle for bundle in resources.iter("bundle") if bundle.find("primitive") is not None)]
    for resource in found:
        what = "no connections to remote nodes, guests or containers"
        message = f"This release carries out {what} ({resource.get('id')})"
        hint = "What would run there stays stopped; everything else of the cluster goes on"
        yield _report(Severity.WARNING, "connection-not-run", resource, message, hint)


CONCERNS = (
    _option_names,
    _option_values,
    _operation_times,
    _doubled_operations,
    _fencing_without_device,
    _classes_that_nobody_runs,
    _connections,
    _reserved_names,
    dangling,
)


def _report(severity: Severity, code: str, element: Element, message: str, hint: str) -> Report:
    where = element.get("id") or next((a.get("id") for a in element.iterancestors() if a.get("id")), None)
    return Report(severity, code, where or str(element.tag), message, hint, line_of(element))

"""The words of a case for what happened: what runs where, what failed, what is known.

    running a n1              it was started there, and its configured monitors run
    promoted a n1             it was promoted there
    stopped a n1              it was stopped there (in place of a probe)
    failed a monitor n1 k=v   an operation that failed. Pairs: rc (1 if not given), interval (10s), count (failures so
                              far, 1), ago (seconds since then, 60), status (4: the agent said so; 2: it took too long)
    ran a TASK n1 k=v         an operation that ended otherwise. Pairs: rc (0), interval, status (0), ago, key (what was
                              expected), was.NAME (a parameter's value at that time), unreloadable (names of parameters
                              that ask for a restart), and any attribute of lrm_rsc_op
    pending a TASK n1 k=v     an operation whose result is not known
    attribute n1 name value   a transient node attribute (`master-a` and the like)
    restart a n1 MARK         somebody asked for a restart there (`crm.cib.restart_marks` has the marks; Pacemaker has
    none) unprobed n1 …             nothing is known of the resources there, but for what is said; without names:
    anywhere

Operations count as older the earlier they are told. Names are those of the status: `a:0` for an instance of a globally
unique clone, `b-docker-0`, `b-ip-192.168.1.2`, and `b-0` for the parts of a bundle's replica.
"""

from __future__ import annotations

from hashlib import md5

from lxml import etree

from tests.scenarios.implied import Implied, implied, parts_of

WORDS = ("running", "promoted", "stopped", "failed", "ran", "pending", "attribute", "restart", "unprobed")
_UUID = "00000000-0000-0000-0000-000000000000"
_OK, _NOT_RUNNING, _RUNNING_PROMOTED = "0", "7", "8"


class History:
    """Writes what happened into a CIB's status."""

    def __init__(self, root: etree._Element, status: etree._Element, now: int) -> None:
        self.root, self.status, self.now = root, status, now
        self._online: list[str] = []
        self._unprobed: set[str] = set()
        self._calls = 0

    def node(self, name: str, is_online: bool) -> None:
        """A node, whose resources are known if it is online."""
        if is_online:
            self._online.append(name)

    def tell(self, word: str, words: list[str]) -> None:
        """One line."""
        plain = [each for each in words if "=" not in each]
        pairs = dict(each.split("=", 1) for each in words if "=" in each)
        match word:
            case "running":
                self._run(plain[0], plain[1], pairs)
            case "promoted":
                self._entry(plain[0], "start", plain[1], {})
                self._entry(plain[0], "promote", plain[1], pairs)
                self._monitors(plain[0], plain[1], ("Promoted", "Master"), _RUNNING_PROMOTED)
            case "stopped":
                self._entry(plain[0], "stop", plain[1], pairs)
            case "failed":
                self._fail(plain[0], plain[1], plain[2], pairs)
            case "ran":
                self._entry(plain[0], plain[1], plain[2], pairs)
            case "pending":
                self._entry(plain[0], plain[1], plain[2], {"rc": "193", "status": "-1", "call": "-1"} | pairs)
            case "attribute":
                self.attribute(plain[0], plain[1], plain[2])
            case "restart":
                self._holder(plain[0], plain[1], None).set("restart-requested", plain[2])
            case "unprobed":
                self._unprobed |= set(plain) or {"*"}

    def attribute(self, node: str, name: str, value: str) -> None:
        """Set a transient attribute."""
        state = self._state(node)
        holder = state.find("transient_attributes")
        if holder is None:
            holder = etree.SubElement(state, "transient_attributes", id=node)
            etree.SubElement(holder, "instance_attributes", id=f"{node}-transient")
        block = holder[0]
        etree.SubElement(block, "nvpair", id=f"{node}-transient-{len(block)}", name=name, value=value)

    def complete(self) -> None:
        """Whatever is not mentioned was probed and found not to run."""
        for node in self._online:
            for name in () if self._unprobed & {"*", node} else self._names(node):
                if self.status.find(f"node_state[@id='{node}']/lrm/lrm_resources/lrm_resource[@id='{name}']") is None:
                    self._entry(name, "monitor", node, {"rc": _NOT_RUNNING})

    # Entries

    def _run(self, resource: str, node: str, pairs: dict[str, str]) -> None:
        self._entry(resource, "start", node, pairs)
        self._monitors(resource, node, (None, "Started", "Unpromoted", "Slave"), _OK)

    def _monitors(self, resource: str, node: str, roles: tuple[str | None, ...], rc: str) -> None:
        definition = self._definition(resource)
        part = self._implied.get(resource)
        if part is not None:  # It is watched by itself.
            self._entry(resource, "monitor", node, {"interval": part.interval, "key": _OK})
        if definition is None:
            return
        for operation in definition.iterfind("operations/op"):
            is_meant = operation.get("name") == "monitor" and operation.get("role") in roles
            if is_meant and operation.get("interval") != "0":
                pairs = {"interval": str(operation.get("interval")), "rc": rc, "key": rc}
                self._entry(resource, "monitor", node, pairs)

    def _fail(self, resource: str, task: str, node: str, pairs: dict[str, str]) -> None:
        given = {"rc": "1", "status": "4" if pairs.get("rc") != _NOT_RUNNING else "0", "ago": "60"} | pairs
        if task == "monitor":
            given.setdefault("interval", "10s")
        count = given.pop("count", "1")
        key = {"7": "0"}.get(given["rc"], _OK)
        self._entry(resource, task, node, {"key": key, "id": "last_failure_0"} | given)
        operation = f"{task}_{_milliseconds(given.get('interval', '0'))}"
        name = resource.split(":")[0]
        self.attribute(node, f"fail-count-{name}#{operation}", count)
        self.attribute(node, f"last-failure-{name}#{operation}", str(self.now - int(given["ago"])))

    def _entry(self, resource: str, task: str, node: str, pairs: dict[str, str]) -> None:
        given = dict(pairs)
        self._calls += 1
        call, interval = given.pop("call", str(self._calls)), _milliseconds(given.pop("interval", "0"))
        rc, status, ago = given.pop("rc", _OK), given.pop("status", "0"), int(given.pop("ago", "3600"))
        is_probe = task == "monitor" and interval == "0"
        expected = given.pop("key", _NOT_RUNNING if is_probe else _OK)
        key = f"{self._calls}:1:{expected}:{_UUID}"
        holder = self._holder(resource, node, given.pop("agent", None))
        identity = given.pop("id", f"monitor_{interval}" if task == "monitor" and interval != "0" else "last_0")
        identity = f"{resource}_{identity}"
        for older in holder.iterfind(f"*[@id='{identity}']"):
            older.set("id", f"{identity}-{older.get('call-id')}")
        when = str(self.now - ago)
        values = {
            "id": identity,
            "operation": task,
            "operation_key": f"{resource}_{task}_{interval}",
            "crm_feature_set": "3.16.2",
            "transition-key": key,
            "transition-magic": f"{status}:{rc};{key}",
            "on_node": node,
            "call-id": call,
            "rc-code": rc,
            "op-status": status,
            "interval": interval,
            "last-rc-change": when,
        }
        values |= self._digests(resource, node, task, interval, given)
        etree.SubElement(holder, "lrm_rsc_op", values | given)

    def _digests(self, resource: str, node: str, task: str, interval: str, given: dict[str, str]) -> dict[str, str]:
        """Those of the parameters that it was run with: those of now, unless it is said otherwise."""
        parameters = {key: value if value != "#uname" else node for key, value in self._parameters(resource).items()}
        for name in [each for each in given if each.startswith("was.")]:
            parameters[name.removeprefix("was.")] = given.pop(name)
        parameters = {name: value for name, value in parameters.items() if value != "nothing"}
        restart: dict[str, str] = {}
        if "unreloadable" in given:
            names = given.pop("unreloadable").split(",")
            of_them = {name: value for name, value in parameters.items() if name in names}
            restart = {"op-force-restart": f" {' '.join(names)} ", "op-restart-digest": _digest(of_them)}
        if interval != "0":
            part = self._implied.get(resource)
            parameters["CRM_meta_timeout"] = self._timeout(resource, task, interval) if part is None else part.timeout
        return {"op-digest": _digest(parameters)} | restart

    def _parameters(self, resource: str) -> dict[str, str]:
        definition = self._definition(resource)
        if definition is None:
            return dict(self._implied[resource].parameters) if resource in self._implied else {}
        pairs = definition.iterfind("instance_attributes/nvpair")
        return {str(pair.get("name")): str(pair.get("value")) for pair in pairs}

    def _timeout(self, resource: str, task: str, interval: str) -> str:
        definition = self._definition(resource)
        for operation in definition.iterfind("operations/op") if definition is not None else ():
            is_it = operation.get("name") == task and _milliseconds(str(operation.get("interval"))) == interval
            if is_it and operation.get("timeout") is not None:
                return _milliseconds(str(operation.get("timeout")))
        return "20000"

    def _holder(self, resource: str, node: str, agent: str | None) -> etree._Element:
        state = self._state(node)
        lrm = state.find("lrm")
        if lrm is None:
            lrm = etree.SubElement(state, "lrm", id=node)
            etree.SubElement(lrm, "lrm_resources")
        found = lrm[0].find(f"*[@id='{resource}']")
        if found is not None:
            return found
        return etree.SubElement(lrm[0], "lrm_resource", {"id": resource} | self._agent(resource, agent))

    def _state(self, node: str) -> etree._Element:
        found = self.status.find(f"node_state[@id='{node}']")
        assert found is not None, f"no status of {node}"
        return found

    # What the names stand for

    def _definition(self, resource: str) -> etree._Element | None:
        return self.root.find(f"configuration/resources//primitive[@id='{resource.split(':')[0]}']")

    def _agent(self, resource: str, given: str | None) -> dict[str, str]:
        definition = self._definition(resource)
        if given is None and definition is not None:
            template = self.root.find(f"configuration/resources/template[@id='{definition.get('template')}']")
            source = template if template is not None else definition
            names = ("class", "provider", "type")
            return {name: str(source.get(name)) for name in names if source.get(name) is not None}
        part = self._implied.get(resource)
        standard, provider, kind = (given or (part.agent if part else "ocf:pacemaker:Dummy")).split(":")
        return {"class": standard, "provider": provider, "type": kind}

    @property
    def _implied(self) -> dict[str, Implied]:
        return implied(self.root)

    def _names(self, node: str) -> list[str]:
        """What is probed there, as the status names it."""
        found: list[str] = []
        resources = self.root.find("configuration/resources")
        assert resources is not None
        is_remote = self._state(node).get("remote_node") == "true"
        for top in resources:
            if top.tag == "bundle":
                found += [] if is_remote else list(parts_of(top))
                continue
            for primitive in (top,) if top.tag == "primitive" else tuple(top.iter("primitive")):
                found += _instances(top, str(primitive.get("id")))
        return found if not is_remote else [name for name in found if self._can_run_on_remote(name)]

    def _can_run_on_remote(self, name: str) -> bool:
        agent = self._agent(name, None)
        return agent["class"] != "stonith" and agent["type"] != "remote"


def _digest(parameters: dict[str, str]) -> str:
    element = etree.Element("parameters", dict(sorted(parameters.items())))
    return md5(f" {etree.tostring(element).decode()}\n".encode(), usedforsecurity=False).hexdigest()


def _instances(top: etree._Element, name: str) -> list[str]:
    def meta(option: str) -> str | None:
        found = top.find(f"meta_attributes/nvpair[@name='{option}']")
        return None if found is None else found.get("value")

    if top.tag == "clone" and meta("globally-unique") == "true":
        return [f"{name}:{number}" for number in range(int(meta("clone-max") or "1"))]
    return [name]


def _milliseconds(interval: str) -> str:
    units = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
    for unit, factor in units.items():
        if interval.endswith(unit) and interval.removesuffix(unit).isdigit():
            return str(int(interval.removesuffix(unit)) * factor)
    return str(int(interval) * 1000)

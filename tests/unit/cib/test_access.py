"""Access control lists: what one user may read and write."""

from __future__ import annotations

import pytest

from crm.cib.access import Acl
from crm.cib.changes import Edit, EditVerb
from crm.cib.document import Document
from crm.cib.errors import CibError

CIB = """<cib validate-with="pacemaker-3.9" epoch="5"><configuration>
<crm_config><cluster_property_set id="o"><nvpair id="o1" name="enable-acl" value="{enabled}"/></cluster_property_set>
</crm_config>
<nodes><node id="1" uname="one"/></nodes>
<resources><primitive id="db" class="ocf" provider="crmd" type="Dummy"><instance_attributes id="db-i">
<nvpair id="db-secret" name="password" value="geheim"/><nvpair id="db-port" name="port" value="1"/>
</instance_attributes>
<meta_attributes id="db-m"><nvpair id="db-role" name="target-role" value="Started"/></meta_attributes></primitive>
<primitive id="web" class="ocf" provider="crmd" type="Dummy"/></resources><constraints/>
<acls>
<acl_role id="operator"><acl_permission id="p1" kind="read" xpath="/cib"/>
<acl_permission id="p2" kind="write" xpath="//nvpair[@name='target-role']"/>
<acl_permission id="p3" kind="deny" reference="db-secret"/></acl_role>
<acl_role id="web"><acl_permission id="p4" kind="write" reference="web"/></acl_role>
<acl_role id="nobody"><acl_permission id="p5" kind="deny" xpath="/cib"/></acl_role>
<acl_target id="anna"><role id="operator"/></acl_target>
<acl_target id="wim"><role id="web"/></acl_target>
<acl_target id="zoe"><role id="operator"/><role id="nobody"/></acl_target>
<acl_group id="staff"><role id="operator"/></acl_group></acls></configuration><status/></cib>"""


def _document(enabled: str = "true") -> Document:
    return Document.parse(CIB.format(enabled=enabled))


def _seen(user: str, *groups: str) -> str:
    acl = Acl.of(_document(), user, groups)
    assert acl is not None
    return acl.readable(_document()).to_bytes().decode()


@pytest.mark.parametrize(("user", "enabled"), [("root", "true"), ("hacluster", "true"), ("anna", "false")])
def test_some_are_above_the_lists_and_without_the_option_all(user: str, enabled: str) -> None:
    assert Acl.of(_document(enabled), user) is None


def test_who_is_in_no_list_reads_nothing() -> None:
    assert "primitive" not in _seen("bob")
    assert "nvpair" not in _seen("bob", "users")


def test_a_role_reads_all_but_what_is_denied() -> None:
    seen = _seen("anna")
    assert "db-port" in seen
    assert "geheim" not in seen
    assert 'id="db-secret"' not in seen


def test_groups_have_roles_but_a_user_of_the_same_name_has_not() -> None:
    assert "db-port" in _seen("bob", "users", "staff")
    assert "db-port" not in _seen("staff")


def test_what_leads_to_something_readable_is_seen_bare() -> None:
    seen = _seen("wim")
    assert '<primitive id="web" class="ocf"' in seen
    assert 'id="db"' not in seen


def test_deny_is_stronger_than_read_on_the_same_element_but_a_nearer_mark_than_a_farther() -> None:
    seen = _seen("zoe")
    assert "db-port" not in seen
    assert 'id="db-role"' in seen


CHANGES = {
    "stop": Edit(EditVerb.MODIFY, '<nvpair id="db-role" value="Stopped"/>', "resources"),
    "port": Edit(EditVerb.MODIFY, '<nvpair id="db-port" value="2"/>', "resources"),
    "delete-web": Edit(EditVerb.DELETE, '<primitive id="web"/>'),
    "extend-web": Edit(EditVerb.MODIFY, '<primitive id="web"><meta_attributes id="m"/></primitive>'),
    "new": Edit(EditVerb.CREATE, '<primitive id="n" class="ocf" provider="crmd" type="Dummy"/>', "resources"),
    "lists-off": Edit(EditVerb.MODIFY, '<nvpair id="o1" value="false"/>', "crm_config"),
}
ALLOWED = {"anna": {"stop"}, "wim": {"extend-web", "delete-web"}, "zoe": {"stop"}, "bob": set[str]()}


@pytest.mark.parametrize("user", ALLOWED)
@pytest.mark.parametrize("name", CHANGES)
def test_what_may_be_changed(user: str, name: str) -> None:
    before = _document()
    after = before.apply(CHANGES[name])
    assert after is not before
    acl = Acl.of(before, user)
    assert acl is not None
    if name in ALLOWED[user]:
        acl.check_change(before, after)
    else:
        with pytest.raises(CibError, match="may not") as caught:
            acl.check_change(before, after)
        assert caught.value.code == "permission-denied"

"""A CIB from anywhere, ready to be read and planned with: parsed safely, brought to the newest schema."""

from __future__ import annotations

from lxml import etree

from crm.cib.document import Document
from crm.cib.upgrade import upgrade


def newest_root(data: bytes | str) -> etree._Element:
    """The root element, with an (empty) status if there is none. Raises CibError for what is no CIB."""
    upgraded, _ = upgrade(Document.parse(data))
    root: etree._Element = upgraded.root
    if root.find("status") is None:
        etree.SubElement(root, "status")
    return root

"""Patches between two CIBs: made here, applied by `Document.apply`. How they are written: `crm.cib.patch_format`.

The source version must be exactly the document's, the target newer; a patch without versions fits any document in which
its changes find their places, and steps the version as an edit does. What a change is: `crm.cib.tree_diff`.
"""

from __future__ import annotations

from crm.cib import patch_format, tree_diff
from crm.cib.changes import Patch
from crm.cib.document import Document
from crm.cib.errors import CibError


def make(old: Document, new: Document) -> Patch:
    """The patch from `old` to `new`. Cheap if `new` was made by `old.apply`. Raises CibError unless `new` is newer."""
    if new.version <= old.version:
        raise CibError("not-newer", f"Version {new.version} is not newer than {old.version}")
    changes = new.changes_since(old)
    if changes is None:
        changes = tree_diff.make(old.root, new.root)
    return patch_format.written(changes, (old.version, new.version))


def between(old: Document, new: Document, *, versions: bool) -> Patch | None:
    """The patch that gives `old` what `new` has, None if that is nothing: for people, who do not step versions.

    The root's own attributes (who changed it last, versions) are left as they are. With `versions` it leads to that of
    `new`, or to the next one if that is not newer.
    """
    changes = [each for each in tree_diff.make(old.root, new.root)
               if each.get("path") != "/cib" or each.get("operation") != "modify"]
    if not changes:
        return None
    target = new.version if new.version > old.version else old.version.after_configuration_change()
    return patch_format.written(changes, (old.version, target) if versions else None)

"""Corosync's C libraries as ctypes sees them: structures, constants, functions. Nothing else happens here.

Each declaration names the header of corosync 3 that it stands for (`<corosync/...>`). The version check is in the
sonames: these numbers belong to corosync 3 and change when a structure does.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_int,
    c_int32,
    c_size_t,
    c_uint,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache

from crm.messaging.layer import LayerError

SONAMES = {"cpg": 4, "quorum": 5, "votequorum": 8, "cmap": 4, "cfg": 7}

# corotypes.h: cs_error_t
OK, LIBRARY, VERSION, TRY_AGAIN, BAD_HANDLE, ACCESS, NOT_EXIST = 1, 2, 3, 6, 9, 11, 12
ERRORS = {
    2: "corosync does not answer", 3: "the library and the running corosync are of different versions",
    4: "initialization failed", 5: "corosync did not answer in time", 6: "corosync is busy", 7: "invalid parameter",
    8: "out of memory", 9: "the connection is gone", 11: "access denied", 12: "does not exist", 14: "exists already",
    18: "no resources left", 19: "not supported", 26: "too large", 100: "security",
}
# corotypes.h: cs_dispatch_flags_t and the track flags
DISPATCH_ONE_NONBLOCKING = 4
TRACK_CURRENT, TRACK_CHANGES = 1, 2

# cpg.h
CPG_TYPE_AGREED = 2
CPG_MODEL_V1 = 1
CPG_DELIVER_INITIAL_TOTEM_CONF = 1
CPG_REASON_LEAVE, CPG_REASON_NODEDOWN, CPG_REASON_PROCDOWN = 2, 3, 5

# quorum.h
QUORUM_SET = 1

# votequorum.h: flags of votequorum_info
TWO_NODE, WAIT_FOR_ALL, LAST_MAN_STANDING, ALLOW_DOWNSCALE, QDEVICE_REGISTERED = 1, 4, 8, 32, 64

# cmap.h
TRACK_ADD, TRACK_DELETE, TRACK_MODIFY, TRACK_PREFIX = 4, 1, 2, 8
KEY_NAME_BYTES = 255

# cfg.h
SHUTDOWN_REQUEST, SHUTDOWN_NO = 0, 0


class CpgName(Structure):
    """cpg.h: struct cpg_name."""

    _fields_ = (("length", c_uint32), ("value", c_char * 128))


class CpgAddress(Structure):
    """cpg.h: struct cpg_address."""

    _fields_ = (("node", c_uint32), ("process", c_uint32), ("reason", c_uint32))


class RingId(Structure):
    """cpg.h: struct cpg_ring_id."""

    _fields_ = (("node", c_uint32), ("sequence", c_uint64))


class IoVector(Structure):
    """sys/uio.h: struct iovec."""

    _fields_ = (("base", c_char_p), ("length", c_size_t))


class NotifyValue(Structure):
    """cmap.h: struct cmap_notify_value."""

    _fields_ = (("type", c_int), ("length", c_size_t), ("data", c_void_p))


CpgDeliver = CFUNCTYPE(None, c_uint64, POINTER(CpgName), c_uint32, c_uint32, c_void_p, c_size_t)
CpgChange = CFUNCTYPE(None, c_uint64, POINTER(CpgName), POINTER(CpgAddress), c_size_t, POINTER(CpgAddress), c_size_t,
                      POINTER(CpgAddress), c_size_t)
CpgRing = CFUNCTYPE(None, c_uint64, RingId, c_uint32, POINTER(c_uint32))
QuorumNotify = CFUNCTYPE(None, c_uint64, c_uint32, c_uint64, c_uint32, POINTER(c_uint32))
ShutdownAsked = CFUNCTYPE(None, c_uint64, c_int)
KeyChanged = CFUNCTYPE(None, c_uint64, c_uint64, c_int32, c_char_p, NotifyValue, NotifyValue, c_void_p)


class CpgModelV1(Structure):
    """cpg.h: cpg_model_v1_data_t."""

    _fields_ = (("model", c_int), ("deliver", CpgDeliver), ("change", CpgChange), ("ring", CpgRing), ("flags", c_uint))


class QuorumCallbacks(Structure):
    """quorum.h: quorum_callbacks_t."""

    _fields_ = (("notify", QuorumNotify),)


class ConfigurationCallbacks(Structure):
    """cfg.h: corosync_cfg_callbacks_t."""

    _fields_ = (("shutdown", ShutdownAsked),)


class VoteInfo(Structure):
    """votequorum.h: struct votequorum_info."""

    _fields_ = (
        ("node", c_uint), ("state", c_uint), ("votes", c_uint), ("expected_of_node", c_uint),
        ("highest_expected", c_uint), ("total", c_uint), ("quorum", c_uint), ("flags", c_uint),
        ("qdevice_votes", c_uint), ("qdevice_name", c_char * 255),
    )


_HANDLE = POINTER(c_uint64)
_SIGNATURES: dict[str, dict[str, tuple[object, ...]]] = {
    "cpg": {
        "cpg_model_initialize": (_HANDLE, c_int, POINTER(CpgModelV1), c_void_p),
        "cpg_finalize": (c_uint64,),
        "cpg_fd_get": (c_uint64, POINTER(c_int)),
        "cpg_dispatch": (c_uint64, c_int),
        "cpg_join": (c_uint64, POINTER(CpgName)),
        "cpg_leave": (c_uint64, POINTER(CpgName)),
        "cpg_local_get": (c_uint64, POINTER(c_uint)),
        "cpg_max_atomic_msgsize_get": (c_uint64, POINTER(c_uint32)),
        "cpg_mcast_joined": (c_uint64, c_int, POINTER(IoVector), c_uint),
    },
    "quorum": {
        "quorum_initialize": (_HANDLE, POINTER(QuorumCallbacks), POINTER(c_uint32)),
        "quorum_finalize": (c_uint64,),
        "quorum_fd_get": (c_uint64, POINTER(c_int)),
        "quorum_dispatch": (c_uint64, c_int),
        "quorum_trackstart": (c_uint64, c_uint),
    },
    "votequorum": {
        "votequorum_initialize": (_HANDLE, c_void_p),
        "votequorum_finalize": (c_uint64,),
        "votequorum_getinfo": (c_uint64, c_uint, POINTER(VoteInfo)),
    },
    "cmap": {
        "cmap_initialize": (_HANDLE,),
        "cmap_finalize": (c_uint64,),
        "cmap_fd_get": (c_uint64, POINTER(c_int)),
        "cmap_dispatch": (c_uint64, c_int),
        "cmap_get_string": (c_uint64, c_char_p, POINTER(c_void_p)),
        "cmap_get_uint32": (c_uint64, c_char_p, POINTER(c_uint32)),
        "cmap_get_uint8": (c_uint64, c_char_p, POINTER(c_uint8)),
        "cmap_track_add": (c_uint64, c_char_p, c_int32, KeyChanged, c_void_p, _HANDLE),
    },
    "cfg": {
        "corosync_cfg_initialize": (_HANDLE, POINTER(ConfigurationCallbacks)),
        "corosync_cfg_finalize": (c_uint64,),
        "corosync_cfg_fd_get": (c_uint64, POINTER(c_int)),
        "corosync_cfg_dispatch": (c_uint64, c_int),
        "corosync_cfg_trackstart": (c_uint64, c_uint8),
        "corosync_cfg_replyto_shutdown": (c_uint64, c_int),
    },
}


@cache
def library(name: str) -> ctypes.CDLL:
    """One of the libraries, its functions declared. Raises LayerError (corosync-not-installed)."""
    file = f"lib{name}.so.{SONAMES[name]}"
    try:
        loaded = ctypes.CDLL(file)
        for function, arguments in _SIGNATURES[name].items():
            getattr(loaded, function).argtypes = arguments
            getattr(loaded, function).restype = c_int
    except (OSError, AttributeError) as error:
        raise LayerError("corosync-not-installed", f"the library {file} of corosync 3 cannot be used: {error}",
                         "install corosync 3 (package corosync), or choose another message layer") from None
    return loaded


def release(pointer: c_void_p) -> None:
    """Give back what cmap_get_string allocated."""
    ctypes.CDLL(None).free(pointer)


def explain(code: int, doing: str) -> LayerError:
    """The error for a cs_error_t, with what to do."""
    said = ERRORS.get(code, f"error {code}")
    match code:
        case 2 | 6 | 9:
            return LayerError("no-corosync", f"{doing}: {said}",
                              "start it on this node (systemctl start corosync) and look into its log if it ends")
        case 3:
            return LayerError("corosync-version", f"{doing}: {said}", "restart corosync after its update")
        case 11 | 100:
            return LayerError("corosync-access", f"{doing}: {said}",
                              "run crmd as root, or allow its user in a file of /etc/corosync/uidgid.d")
        case _:
            return LayerError("corosync-error", f"{doing}: {said}", "look into the log of corosync")

"""What `crm_mon` shows: sections of a cluster's state, as text, XML or HTML.

    view        which sections, and how: from the command line to the daemon and back (standard library only)
    situation   what is known: the understood CIB, and what only a running daemon knows
    text        the sections as text          nodes     nodes, with their resources where that is wanted
    records     operations, fail counts, fencing: lists of what happened
    xml, html   the same for programs and for browsers             simple    in one line
    arguments   the command line                                   display   from a request to what is shown

Made in the daemon, because understanding a CIB takes libraries that a command should not have to load; or in the
command itself for a CIB in a file (`CIB_file`). Sections, options and layout are those of Pacemaker's tool of that
name. Apart from `status_text`, which `crm_simulate` shares: a single picture without choices.
"""

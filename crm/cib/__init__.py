"""The only place that knows XML: parse safely, validate, read into the model, write back, patch, version, store.

    edits           changes of a configuration, made from what somebody asks for
    objects         the objects of a configuration as typed values, which the API speaks as JSON
    reading         from the XML of a CIB to the model (`crm.model`)
    schema          is this CIB one that we can take, and what in it is probably not meant? The answer is a list of
                    reports
    access          who may read and write what of the CIB: its own access control lists, evaluated for one user
    acl_changes     a change that somebody made of the CIB as they see it, carried over to the whole CIB
    change_events   what a step of the CIB tells those who look on: its differences, in the words of the field
    changes         changes of a CIB as plain data: what a person or a controller asks for, before anybody applies it
    cib_parts       a CIB cut into parts named by their digests, so that another process is sent only those that it does
                    not have
    diff_summary    what differs between two CIBs, for people: which object was added, removed or changed, and in what
    document        a CIB as an immutable value: its XML tree, its version, and how a change makes the next one of it
    errors          the one exception of this package
    expressions     XPath expressions as texts: names put into them safely, and how much work an expression may ask for
    history_entry   how a finished operation is recorded: the attributes of its `lrm_rsc_op` entries, by entry id
    model_cache     what reading a CIB has found, kept for the next one
    newest          a CIB from anywhere, ready to be read and planned with: parsed safely, brought to the newest schema
    parsing         text to XML elements, safely: the only place where bytes from outside become a tree
    patch           patches between two CIBs: make them, apply them
    patch_format    Pacemaker's patch format 2 as text and elements: written, read, refused
    paths           where an element stands, said so that it can be found again in another copy of the tree
    queries         what others ask a CIB: answers as plain values
    redaction       which values of a CIB are secrets, and how it looks without them
    restart_marks   restarts that somebody has asked for, as marks in the status
    sections        the sections of a CIB: their names, their order, and which kind of object stands in which
    selection       what of a CIB is asked for: all of it, a section, or what an XPath selects
    simulated_cib   a CIB to play with, whose status can be changed as if things had happened
    stamp           who changed the configuration last, when, with what, at which node: attributes of the CIB's root
    status_edits    what the cluster writes of itself when it is told something
    status_updates  notes on what happened, written into the status section
    store           the CIB on disk: one file, replaced as a whole, with numbered backups of what it was before
    synced_files    files that are whole after a power cut
    token_lists     the lists of tokens in the cluster's options
    tree_diff       differences between two trees as the `<change>` elements of Pacemaker's patch format 2
    trees           a tree for each thread that reads it: threads may share documents, but not trees
    upgrade         a CIB written for Pacemaker 1.x or 2.x, said in the vocabulary of 3.x
    version         the version of a CIB: three counters that order all its states within one history
"""

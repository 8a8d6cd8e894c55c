"""The tools that Pacemaker has, under its names, with its options, texts, XML and exit statuses.

    arguments                 command lines of the field's tools that agents call at every monitor
    attribute_places          where an attribute can stand, for `crm_attribute` and its like
    brief_text                resources counted by agent, for clusters with many: how many run where, of how many there
                              are
    cib_file                  a CIB in a file in place of the running cluster's
    cibadmin                  `cibadmin`: query and change the CIB of the cluster, or of a file (CIB_file)
    crm_attribute             `crm_attribute`, `crm_master`, `attrd_updater`
    crm_diff                  `crm_diff`: what turns one CIB into another, as a patch for `cibadmin --patch`; or a CIB
                              with a patch applied
    crm_mon                   `crm_mon`: the cluster's state as text, XML or HTML, once or again and again
    crm_node                  `crm_node`: who this node is and who is here, as agents and scripts ask; and forgetting a
                              node that is gone for good
    crm_resource              `crm_resource`: what scripts and agents ask about resources and have done to them, with
                              Pacemaker's option names
    crm_verify                `crm_verify`: is this configuration one that the cluster can use, and what in it is
                              probably not meant?
    crmadmin                  `crmadmin`: who leads, in which state a node's daemon is, who belongs to the cluster; with
                              Pacemaker's option names
    list_text                 how lists look in text output, and what a display may show or leave out
    resource_data             what `crm_resource` asks the daemon, for its text and its XML alike
    resource_text             resources as text: a line per primitive, instances of clones together by role, replicas of
                              bundles by their guest
    resource_words            what is said of one resource in a word or two: its id, its agent, its state, an exit code
    resource_xml              what `crm_resource` answers with `--output-as=xml`
    result_xml                the frame of every `--output-as=xml`
    section_text              further sections of a status display: node attributes, fail counts, failed operations
    sections                  text output in sections, spaced as Pacemaker's tools space theirs
    standby_failcount_ticket  `crm_standby`, `crm_failcount`, `crm_ticket`
    state_words               what is done with a resource, in a word: for the API's answers as for what the planner
                              knows
    status_text               a cluster's state as text, as Pacemaker's tools print it
    status_xml                a cluster's state as XML, as Pacemaker's tools give it with `--output-as=xml`
    stonith_admin             `stonith_admin`: fencing as scripts and shells know it, with Pacemaker's option names
    tool                      what the field's tools that do one thing per call have in common
"""

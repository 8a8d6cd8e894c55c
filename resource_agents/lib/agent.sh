# What every shell agent of crmd needs, and nothing else: exit codes, a folder for state, the dispatch of actions.
# Sourced by agents, which then define agent_metadata, agent_start, agent_stop, agent_monitor and call `dispatch "$@"`.
# Source of names and numbers: OCF resource agent API 1.1.
# shellcheck shell=sh disable=SC2034

OCF_SUCCESS=0
OCF_ERR_GENERIC=1
OCF_ERR_ARGS=2
OCF_ERR_UNIMPLEMENTED=3
OCF_ERR_PERM=4
OCF_ERR_INSTALLED=5
OCF_ERR_CONFIGURED=6
OCF_NOT_RUNNING=7
OCF_RUNNING_PROMOTED=8
OCF_FAILED_PROMOTED=9

INSTANCE=${OCF_RESOURCE_INSTANCE:-default}

# The executor names a folder; by hand, take one that this user can write.
state_folder() {
    folder=${HA_RSCTMP:-/run/crmd-agents}
    mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] || {
        folder=${TMPDIR:-/tmp}/crmd-agents-$(id -u)
        mkdir -p "$folder"
    }
    printf '%s\n' "$folder"
}

# Why an action fails, for the person who reads the status.
exit_reason() {
    printf '%s%s\n' "${OCF_EXIT_REASON_PREFIX:-ocf-exit-reason:}" "$*" >&2
}

# Tell the cluster how well this node would do as promoted one. Without a cluster (ocf-tester) nobody listens.
promotion_score() {
    command -v crm_attribute >/dev/null 2>&1 || return 0
    crm_attribute --promotion "$INSTANCE" --lifetime reboot "$@" >/dev/null 2>&1 || return 0
}

# The beginning of an agent's metadata. The document type that tools check against is that of OCF 1.0; the lines within
# the brackets teach it what OCF 1.1 has added.
metadata_head() {
    cat <<END
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [
<!ATTLIST parameter reloadable (0|1) #IMPLIED unique-group CDATA #IMPLIED>
<!ATTLIST action name NMTOKEN #REQUIRED>
]>
END
}

is_whole_number() {
    case $1 in
        '' | *[!0-9]*) return 1 ;;
    esac
}

defines() {
    command -v "$1" >/dev/null 2>&1
}

# Run the function of an action. An agent supports what it defines.
dispatch() {
    action=$1
    case $action in
        meta-data)
            agent_metadata
            exit "$OCF_SUCCESS"
            ;;
        validate-all)
            if defines agent_validate; then agent_validate; fi
            exit $?
            ;;
        start | stop | monitor | promote | demote | notify | reload | migrate_to | migrate_from) handler=agent_$action ;;
        reload-agent) handler=agent_reload_agent ;;
        *)
            echo "usage: $0 {start|stop|monitor|validate-all|meta-data}" >&2
            exit "$OCF_ERR_UNIMPLEMENTED"
            ;;
    esac
    defines "$handler" || exit "$OCF_ERR_UNIMPLEMENTED"
    if defines agent_validate; then agent_validate || exit $?; fi
    "$handler"
    exit $?
}

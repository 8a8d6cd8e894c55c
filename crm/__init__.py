"""crmd: a cluster resource manager.

Start reading at `crm.policy_engine` (what is decided), `crm.controller` (who decides) or `crm.daemon` (what runs).
"""

"""crmd: a cluster resource manager. Start reading at crm/policy_engine (what is decided) or crm/controller (who decides)."""

"""crmctl_commands."""

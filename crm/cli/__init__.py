"""Commands: crmd, crmctl and the Pacemaker-named tools. Hold no logic."""

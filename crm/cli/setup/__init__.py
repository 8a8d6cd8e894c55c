"""Setting up a cluster on machines: `crmctl cluster init` and `join`, and the files that they write."""

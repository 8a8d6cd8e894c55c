"""What a cluster is: frozen data and its arithmetic. Imports nothing of crm; knows no XML, no clock, no I/O."""

"""What the jobs share: settings, session, tables, views, the ledger and the console."""

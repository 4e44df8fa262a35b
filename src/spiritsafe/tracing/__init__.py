"""Attribution, radioactivity and the audit of a suspect model."""

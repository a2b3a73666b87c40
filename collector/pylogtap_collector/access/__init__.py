"""Who may do what: rights, visitors, tokens, passwords and stored secrets; pure."""

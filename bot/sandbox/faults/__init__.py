"""What can fail on purpose: one table for the page's panel, the scenarios and the documents."""

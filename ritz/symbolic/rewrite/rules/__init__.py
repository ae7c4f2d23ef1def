"""Rule books: lists of rules that read like mathematics."""

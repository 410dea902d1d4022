"""Growth of a book: forks, merges, reinvestment, contributions and withdrawals (protocol 10)."""

"""A comparison for people: tables, plots, pictures and a page of their own."""

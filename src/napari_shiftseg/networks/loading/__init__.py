"""Models by name or place, whoever made them: opened, looked into, known again."""

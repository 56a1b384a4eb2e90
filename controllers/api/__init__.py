"""The JSON API below /api/: the nouns of the site for programs, for bots and for the page of tasks (docs/api.rst)."""

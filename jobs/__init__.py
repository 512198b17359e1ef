"""Work done later: jobs, their schedule and workers; and what `bin/run` starts: supervisor and demo mail."""

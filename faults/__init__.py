"""The fault harness: four processes behind Nginx, clients that never give up, and everything that goes wrong.

With `--engine=postgresql` the processes are on two machines, as far as one can play them on one: they share nothing
but the database's server, and each machine has its own Nginx. With `--engine=mongodb` that is two servers: MongoDB has
the log, and PostgreSQL the people and rooms.

`python -m faults` proves the promise of docs/architecture.rst: what was acknowledged is on disk, and every member sees
every message exactly once, in one order, whatever happens to processes, machines, connections, the disk and the
database's server. That goes for edits, deletions and reactions, too: all see the same fold of the log, which is done
once more here, no text comes back that was replaced or deleted, and what is refused is refused for a reason. Who is put
out of a closed room hears no more, and who writes to the same people always comes to the same room. A read position
goes back only where its member said so. When all is quiet, it and what is new are what a recount says. Of two who
change the same version of a task one is told that the other was faster, each list of tasks is the fold of the log, and
no text is left of what was removed.
"""

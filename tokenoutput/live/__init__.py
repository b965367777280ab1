"""Pages that follow what happens: sockets that are pushed to, and the same state to be asked for."""

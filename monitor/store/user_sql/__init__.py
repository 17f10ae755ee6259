"""SQL that a person wrote: one SELECT, checked by what it is made of, run by a child process over a snapshot of the store.

`tree` says what may stand in it, `child` is the process, `readers` starts, asks and ends such processes. Three walls, each enough
for its own fault: what writes or looks out is not in the list of nodes and functions; the child has a copy that is opened
read-only; and what eats memory or time eats the child's, which has an end.
"""

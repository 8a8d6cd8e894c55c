"""Recorded cases of Pacemaker's own answers: those of `tests.scenarios.recorded` always, many more from `../shared`.

`../shared` lies beside the repository of whoever develops this; a clone runs without it, and one line of the run says
how many cases that leaves out (`test_everything_is_there`).
"""

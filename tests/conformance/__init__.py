"""Recorded cases of Pacemaker's own answers, from `../shared` beside the repository; skipped with a word without it."""

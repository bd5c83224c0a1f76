"""The report of a run: gather its artefacts, judge them, draw them, and write one page."""

"""Turn a plan into files in staging. Parent: schedule, tasks, journal. Workers: all the rest."""

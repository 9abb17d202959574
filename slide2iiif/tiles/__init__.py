"""Turn a plan into files in staging. Parent process: schedule, tasks, journal. Workers: all other modules."""

"""The process in which model code runs: preloaded once, forked for each task. Started by packages/workers."""

"""``build-native bench``: how fast functions start, measured side by side.

matrix       what runs (contenders) and what it does (workloads), as data
contenders   one way to run a function: built, installed, or told why it cannot be
timing       one start of a process, by timer.c
conditions   a share of the CPU, a cold page cache
measure      all cells, in turns, appended to samples.jsonl
stats        medians, percentiles, bootstrap intervals
summary      samples to numbers: what every report is made from
report       report.html and report.md
compare      two runs
aws          the same on real Lambda
"""

"""Runs one program and writes what it cost: measure.py OUT OUTPUT SECONDS PROGRAM [ARGS...]

Python, because Node can't ask for the resources of a child (getrusage knows RUSAGE_SELF alone there). wait4 counts the
program with every descendant that it waited for. Peak memory is the largest single process's, as the kernel saw it.
"""
import json
import os
import signal
import sys
import time

out, output, limit_seconds, program = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
before = time.monotonic()
child = os.fork()
if child == 0:
    try:
        os.setpgid(0, 0)
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.execv(program[0], program)
    finally:
        os._exit(127)


def stop(*_):
    os.killpg(child, signal.SIGKILL)


signal.signal(signal.SIGALRM, stop)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
signal.alarm(limit_seconds)
_, status, usage = os.wait4(child, 0)
seconds = time.monotonic() - before
with open(out, 'w', encoding='utf8') as file:
    json.dump({
        'status': os.waitstatus_to_exitcode(status),
        'seconds': seconds,
        'cpuSeconds': usage.ru_utime + usage.ru_stime,
        'peakBytes': usage.ru_maxrss * 1024,
    }, file)

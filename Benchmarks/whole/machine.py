"""Where the figures come from: machine, kernel, compilers, day."""

import datetime
import os
import platform
import subprocess


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def facts():
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        # Without what a distribution or host appends.
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "swift": first_line(["swift", "--version"]),
        "cc": first_line(["cc", "--version"]),
    }

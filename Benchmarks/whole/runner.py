"""Runs wsload against the servers, which take turns, and keeps every run's figures."""

import json
import os
import resource
import subprocess

import servers as serving
from servers import warn

# Percent of a core that other processes may take before a run is not trusted.
OTHER_LIMIT = 5
# Percent of a core that the processes were charged for while the machine's clock ticks did not see it: a
# virtual machine that its host held back, which makes every message look dearer.
MISSING_LIMIT = 10
EXTRA_TRIES = 2
# A compressed load answered without compression is another load.
FEW_PLAIN = 0.01


class RunFailed(Exception):
    pass


def build_wsload(source, binary):
    if os.path.exists(binary) and os.path.getmtime(binary) >= os.path.getmtime(source):
        return binary
    os.makedirs(os.path.dirname(binary), exist_ok=True)
    command = ["cc", "-O3", "-march=native", "-Wall", "-Wextra", "-o", binary, source, "-lz", "-lm"]
    if subprocess.run(command).returncode:
        raise SystemExit("wsload did not build")
    return binary


def raise_file_limit():
    """For the servers and wsload, which inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cores():
    """One for the server and one for wsload."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise SystemExit("this needs two cores: one for the server, one for wsload")
    return usable[0], usable[1]


class Runner:
    def __init__(self, wsload, logs, seconds, warmup):
        self.wsload = wsload
        self.logs = logs
        self.seconds = seconds
        self.warmup = warmup
        self.server_core, self.load_core = cores()

    def once(self, server, load):
        """One run against a fresh server; the figures of wsload."""
        with serving.running(server, load, self.server_core, self.logs) as (pid, port):
            command = ["taskset", "-c", str(self.load_core), self.wsload, *load.arguments]
            command += server.arguments(load)
            command += ["--port", str(port), "--pid", str(pid), "--name", server.name, "--json"]
            if load.timed:
                command += ["--seconds", str(self.seconds), "--warmup", str(self.warmup)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=self.seconds + 300)
            except subprocess.TimeoutExpired as error:
                raise RunFailed("wsload did not end") from error
        said = done.stderr.strip().splitlines()
        if done.returncode:
            raise RunFailed("; ".join(line.removeprefix("wsload: ") for line in said[:3]) or "wsload failed")
        figures = json.loads(done.stdout)
        check(figures, load)
        return figures

    def quiet(self, server, load):
        """A run that nothing else disturbed; failing that the least disturbed one, marked."""
        best = None
        for _ in range(1 + EXTRA_TRIES):
            try:
                figures = self.once(server, load)
            except (RunFailed, serving.ServerFailed) as error:
                failure = str(error)
                continue
            figures["disturbance"] = disturbance(figures)
            if best is None or figures["disturbance"] < best["disturbance"]:
                best = figures
            best["disturbed"] = best["disturbance"] > 1
            if not best["disturbed"]:
                break
        if best is None:
            raise RunFailed(failure)
        return best


def disturbance(figures):
    """Above 1 if the run is not to be trusted."""
    other = figures.get("other_cpu", 0) * 100
    return max(other / OTHER_LIMIT, -other / MISSING_LIMIT)


def check(figures, load):
    """Refuses figures that would flatter a server."""
    if figures[load.cost] <= 0:
        raise RunFailed("no CPU time or memory seen: the command must be the server itself, not a wrapper")
    if load.timed and load.needs == "deflate" and figures["plain_replies"] > FEW_PLAIN * figures["msgs"]:
        raise RunFailed(f"{figures['plain_replies']} of {figures['msgs']} replies were not compressed")


def run_all(runner, servers, loads, repeats, results, save):
    """Fills results["runs"][load][server] with a list of runs, and results["failed"] with what did not go.

    The servers take turns within a repeat, so that what drifts with time drifts for all of them. A server
    that cannot take a load is left out of its later repeats.
    """
    runs, failed = results["runs"], results["failed"]
    for repeat in range(repeats):
        for load in loads:
            for server in servers:
                if not server.takes(load) or server.name in failed.get(load.name, {}):
                    continue
                where = f"[{repeat + 1}/{repeats}] {load.name:<14} {server.name:<16}"
                try:
                    figures = runner.quiet(server, load)
                except RunFailed as error:
                    failed.setdefault(load.name, {})[server.name] = str(error)
                    warn(f"{where} FAILED, left out from here on: {error}")
                    continue
                figures["repeat"] = repeat
                runs.setdefault(load.name, {}).setdefault(server.name, []).append(figures)
                print(f"{where} {line(figures, load)}", flush=True)
        save(results)


def line(figures, load):
    text = f"{figures[load.cost]:10.3f} {load.cost_unit}/{load.unit}  {figures[load.rate]:>11,.0f}/s"
    if "srv_cpu" in figures:
        text += f"  server {figures['srv_cpu']:4.0%}, wsload {figures['gen_cpu']:4.0%}"
        text += f", other {figures['other_cpu'] * 100:.1f} %"
    if figures.get("lost"):
        text += f", {figures['lost']} lost"
    return text + ("  DISTURBED" if figures["disturbed"] else "")

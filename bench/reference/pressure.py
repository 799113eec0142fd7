"""pressure.py BENCH GALLERIST GALLERY PROBES.npy [options]: a server of galleries under pressure, beside a client at a quarter of its capacity.

Measures the latency of that client alone; beside 500 enrolled templates a second (10 requests of 50); beside 500 connections that send their heads
slowly, and 500 that send their bodies slowly; during four times the capacity, with the statuses and the memory of the server; and right
after it. Prints a JSON line each. The templates are enrolled into GALLERY: use a copy.
"""

import argparse
import json
import socket
import subprocess
import threading
import time
import urllib.request

import numpy as np

import serve


class Pressed(serve.Server):
    def load(self, connections, rate, seconds=None):
        seconds = seconds or OPTIONS.seconds
        path = f"{self.base}/identify?top_k=5&threshold=0.59"
        command = [OPTIONS.bench, "load", self.address, path, OPTIONS.probes, connections, rate, seconds]
        command.append(f"Authorization: Bearer {self.token}")
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def memory(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("RssAnon"):
                return int(line.split()[1]) // 1024

    def enroll(self, rows, subject):
        url = f"http://{self.address}{self.base}/faces?subject={subject}"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/octet-stream"}
        request = urllib.request.Request(url, rows.astype("<f4").tobytes(), headers, method="POST")
        with urllib.request.urlopen(request) as reply:
            assert reply.status == 201, reply.status


def show(what, line):
    print(json.dumps({"what": what, **line, "memory_mib": SERVER.memory()}), flush=True)


def enrolling(stop, counts):
    random = np.random.default_rng(int(time.time()))
    due = time.monotonic()
    while not stop.is_set():
        rows = random.standard_normal((50, DIMENSION)).astype("f4")
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        SERVER.enroll(rows, f"writer-{len(counts)}")
        counts.append(time.monotonic())
        due += 0.1
        time.sleep(max(0, due - time.monotonic()))


def slow(stop, head):
    """Keeps 500 connections busy with unfinished requests."""
    host, port = SERVER.address.split(":")
    start = f"POST {SERVER.base}/identify HTTP/1.1\r\nHost: {SERVER.address}\r\n"
    if not head:
        start += f"Authorization: Bearer {SERVER.token}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    sockets = []
    while not stop.is_set():
        while len(sockets) < 500:
            try:
                sockets.append(socket.create_connection((host, int(port)), timeout=5))
                sockets[-1].sendall(start.encode())
            except OSError:
                break
        for one in list(sockets):
            time.sleep(0.001)
            try:
                one.sendall(b"X" if head else b" ")
            except OSError:
                sockets.remove(one)


def beside(what, rate, *threads):
    stop = threading.Event()
    running = [threading.Thread(target=target, args=(stop, *rest), daemon=True) for target, *rest in threads]
    for thread in running:
        thread.start()
    time.sleep(3)
    show(what, SERVER.load(8, rate))
    stop.set()
    for thread in running:
        thread.join()


def main():
    most = SERVER.load(64, 0)
    show("capacity", most)
    capacity = most["replies_per_second"]
    rate = round(capacity / 4, 1)
    show("alone", SERVER.load(8, rate))
    counts = []
    beside("beside 500 enrolled templates a second", rate, (enrolling, counts))
    print(json.dumps({"what": "enrolled", "templates": 50 * len(counts), "a_second": 50 * len(counts) / (counts[-1] - counts[0])}), flush=True)
    beside("beside 500 slow heads", rate, (slow, True))
    beside("beside 500 slow bodies", rate, (slow, False))
    show("alone", SERVER.load(8, rate))
    over = threading.Thread(target=lambda: show("four times the capacity", SERVER.load(1500, 4 * capacity, 20)))
    over.start()
    for _ in range(4):
        time.sleep(5)
        print(json.dumps({"what": "during it", "memory_mib": SERVER.memory()}), flush=True)
    over.join()
    show("right after it", SERVER.load(8, rate))
    SERVER.process.terminate()
    SERVER.process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["bench", "gallerist", "gallery", "probes"]:
        parser.add_argument(name)
    parser.add_argument("--seconds", type=int, default=15)
    OPTIONS = parser.parse_args()
    DIMENSION = np.load(OPTIONS.probes, mmap_mode="r").shape[1]
    SERVER = Pressed(OPTIONS.gallerist, OPTIONS.gallery)
    main()

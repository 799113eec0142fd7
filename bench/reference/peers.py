"""peers.py BENCH DIRECTORY GALLERY.npy PROBES.npy [options]: compares the engine with other libraries, on the same rows and probes.

BENCH is the benchmark program of the engine (gallerist-bench, whose `peers` runs this script), DIRECTORY its index. The other libraries build
their indexes with the same rows, and with the same M and efConstruction if they have these parameters. Then, for each search width and R
times, all search for the same probes in turn, on one thread. Queries per second are of processor time, the median of the rounds, and at the
end once more of two threads by the clock. recall@10 is against exact search. Prints a JSON line per system. Then, for each library and each
method of the engine, prints the queries per second of the engine divided by those of the library, at the recall of the library. The rate of
the engine is interpolated between its two nearest points (recall against the logarithm of the rate), or is that of a method that always
has this recall. chart.py draws the result.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np

K = 10
KINDS = ["recall", "recall_mated", "recall_non_mated"]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]
THREADS = os.cpu_count()


class Ours:
    """Graph widths are one curve; each method of complete search is a separate system."""

    def __init__(self, arguments):
        command = [arguments.bench, "graph", arguments.directory, arguments.gallery, arguments.probes]
        degree = arguments.degree if arguments.our_graph else 0
        numbers = [arguments.mated, degree, arguments.build_width, "-"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*command, *map(str, numbers)], stdin=pipe, stdout=pipe, text=True)
        self.said = []
        while "exact" not in (line := json.loads(self.process.stdout.readline())).values():
            self.said.append(line)

    def way(self, name, widths):
        return OurWay(self, name, widths)


class OurWay:
    def __init__(self, ours, name, widths):
        self.ours, self.name, self.widths, self.complete, self.of_two = ours, name, widths, None, {}

    def about(self):
        about = {key: value for line in self.ours.said for key, value in line.items() if key != "statistics"}
        about["bytes_per_row"] = sum(
            os.path.getsize(os.path.join(OPTIONS.directory, name)) for name in os.listdir(OPTIONS.directory)
        ) / about["rows"]
        return about | {"complete": self.complete}

    def ask(self, width):
        self.ours.process.stdin.write(f"{width if self.name == 'graph' else self.name}\n")
        self.ours.process.stdin.flush()
        line = json.loads(self.ours.process.stdout.readline())
        self.complete, self.of_two[width] = line["complete"], line["queries_per_second_of_two_threads"]
        recalls = [line["recall"], line["recall_mated"], line["recall_non_mated"]]
        return line["queries_per_second"], recalls, line["median_ms"], line["p99_ms"]


    def ask_two(self, width):
        return self.of_two[width]


class Peer:
    """A system whose recall is computed here."""

    widths = WIDTHS
    threads = 1

    def __init__(self, rows, probes, best, mated):
        self.probes, self.best, self.mated, self.rows = probes, best, mated, len(rows)
        started, used = time.time(), time.process_time()
        self.build(rows)
        self.seconds, self.used = time.time() - started, time.process_time() - used

    def ask_two(self, width):
        self.set_width(width)
        self.threads = 2
        self.use_threads()
        started = time.perf_counter()
        self.search(self.probes)
        rate = len(self.probes) / (time.perf_counter() - started)
        self.threads = 1
        self.use_threads()
        return rate

    def use_threads(self):
        pass

    def about(self):
        about = {"build_seconds": round(self.seconds, 1), "build_processor_seconds": round(self.used, 1)}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "index")
            self.save(path)
            about["bytes_per_row"] = round(os.path.getsize(path) / self.rows, 1)
        return about

    def ask(self, width):
        self.set_width(width)
        started = time.process_time()
        found = self.search(self.probes)
        rate = len(self.probes) / (time.process_time() - started)
        right = np.array([len(np.intersect1d(a, b)) for a, b in zip(found, self.best)]) / K
        parts = [right, right[: self.mated], right[self.mated :]]
        alone = []
        for at in range(0, len(self.probes), max(1, len(self.probes) // 200)):
            started = time.perf_counter()
            self.search(self.probes[at : at + 1])
            alone.append((time.perf_counter() - started) * 1e3)
        recalls = [float(part.mean()) if len(part) else None for part in parts]
        return rate, recalls, float(np.median(alone)), float(np.quantile(alone, 0.99))


class Hnswlib(Peer):
    def build(self, rows):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=rows.shape[1])
        self.index.init_index(max_elements=len(rows), M=OPTIONS.degree, ef_construction=OPTIONS.build_width)
        self.index.add_items(rows, num_threads=THREADS)

    def set_width(self, width):
        self.index.set_ef(width)

    def search(self, probes):
        return self.index.knn_query(probes, k=K, num_threads=self.threads)[0]

    def save(self, path):
        self.index.save_index(path)


class Usearch(Peer):
    dtype = "f32"

    def build(self, rows):
        from usearch.index import Index

        shape = dict(connectivity=OPTIONS.degree, expansion_add=OPTIONS.build_width)
        self.index = Index(ndim=rows.shape[1], metric="ip", dtype=self.dtype, **shape)
        self.index.add(np.arange(len(rows)), rows, threads=THREADS)

    def about(self):
        return super().about() | {"instructions": self.index.hardware_acceleration}

    def set_width(self, width):
        self.index.expansion_search = width

    def search(self, probes):
        return np.atleast_2d(self.index.search(probes, K, threads=self.threads).keys)

    def save(self, path):
        self.index.save(path)


class UsearchI8(Usearch):
    dtype = "i8"


class Voyager(Peer):
    def build(self, rows):
        import voyager

        shape = dict(M=OPTIONS.degree, ef_construction=OPTIONS.build_width)
        self.index = voyager.Index(voyager.Space.InnerProduct, rows.shape[1], **shape)
        self.index.add_items(rows, num_threads=THREADS)

    def set_width(self, width):
        self.width = max(width, K)

    def search(self, probes):
        return self.index.query(probes, k=K, num_threads=self.threads, query_ef=self.width)[0]

    def save(self, path):
        self.index.save(path)


class Svs(Peer):
    """Scalable Vector Search: a flat graph over vectors of 16 bits (its codes run on the processors of one vendor only)."""

    def build(self, rows):
        import svs

        # For scalar products alpha must be below 1.
        shape = dict(graph_max_degree=2 * OPTIONS.degree, window_size=OPTIONS.build_width, alpha=0.95)
        parameters = svs.VamanaBuildParameters(**shape)
        self.index = svs.Vamana.build(parameters, rows.astype(np.float16), svs.DistanceType.MIP, num_threads=THREADS)
        self.use_threads()

    def use_threads(self):
        self.index.num_threads = self.threads

    def set_width(self, width):
        self.index.search_window_size = max(width, K)

    def search(self, probes):
        return self.index.search(probes, K)[0]

    def about(self):
        return {"build_seconds": round(self.seconds, 1), "build_processor_seconds": round(self.used, 1)}


class Zvec(Peer):
    """A database: one probe at a time, on a number of threads that it chooses."""

    def build(self, rows):
        import zvec

        field = zvec.VectorSchema(
            "v", zvec.DataType.VECTOR_FP32, rows.shape[1],
            index_param=zvec.HnswIndexParam(
                metric_type=zvec.MetricType.IP, m=2 * OPTIONS.degree, ef_construction=OPTIONS.build_width,
                quantize_type=zvec.QuantizeType.INT8,
            ),
        )
        self.folder = tempfile.TemporaryDirectory()
        schema = zvec.CollectionSchema(name="rows", vectors=field)
        self.index = zvec.create_and_open(path=os.path.join(self.folder.name, "rows"), schema=schema)
        for first in range(0, len(rows), 1024):
            some = rows[first : first + 1024]
            self.index.insert([zvec.Doc(id=str(first + at), vectors={"v": row.tolist()}) for at, row in enumerate(some)])
        self.index.optimize()

    def set_width(self, width):
        self.width = max(width, K)

    def search(self, probes):
        import zvec

        found = np.full((len(probes), K), -1)
        for at, probe in enumerate(probes):
            query = zvec.VectorQuery("v", vector=probe.tolist(), param=zvec.HnswQueryParam(ef=self.width))
            hits = [int(hit.id) for hit in self.index.query(query, topk=K)]
            found[at, : len(hits)] = hits
        return found

    def about(self):
        return {"build_seconds": round(self.seconds, 1), "build_processor_seconds": round(self.used, 1)}


class Faiss(Peer):
    """A faiss index for a factory string."""

    def build(self, rows):
        import faiss

        faiss.omp_set_num_threads(THREADS)
        self.index = faiss.index_factory(rows.shape[1], self.shape(len(rows)), faiss.METRIC_INNER_PRODUCT)
        self.configure()
        self.index.train(rows)
        self.index.add(rows)
        self.use_threads()

    def use_threads(self):
        import faiss

        faiss.omp_set_num_threads(self.threads)

    def configure(self):
        pass

    def search(self, probes):
        return self.index.search(probes, K)[1]

    def save(self, path):
        import faiss

        faiss.write_index(self.index, path)


class FaissHnsw(Faiss):
    storage = "Flat"

    def shape(self, rows):
        return f"HNSW{OPTIONS.degree},{self.storage}"

    def configure(self):
        self.index.hnsw.efConstruction = OPTIONS.build_width

    def set_width(self, width):
        self.index.hnsw.efSearch = width


class FaissHnswSq8(FaissHnsw):
    storage = "SQ8"


class FaissIvf(Faiss):
    """Lists of vectors around centres; a width is the number of lists that are searched."""

    storage = "Flat"
    widths = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

    def shape(self, rows):
        return f"IVF{1024 if rows >= 150_000 else 256},{self.storage}"

    def set_width(self, width):
        self.index.nprobe = width


class FaissIvfSq8(FaissIvf):
    storage = "SQ8"


class Symqg(Peer):
    """SymphonyQG: a graph whose nodes contain the codes of their neighbours."""

    def build(self, rows):
        import rabitqlib

        self.index = rabitqlib.SymqgIndex(rows.shape[1], 2 * OPTIONS.degree, "ip")
        self.index.build(rows, OPTIONS.build_width, THREADS)

    def set_width(self, width):
        self.width = max(width, K)

    def search(self, probes):
        return np.asarray(self.index.search(probes, K, self.width, self.threads)[0]).reshape(len(probes), K)

    def save(self, path):
        self.index.save(path)


class IvfRabitq(Peer):
    """RaBitQ-Library's lists of one-bit codes, with the vectors to compute the best scores again."""

    widths = FaissIvf.widths

    def build(self, rows):
        import faiss
        import rabitqlib

        lists = 1024 if len(rows) >= 150_000 else 256
        means = faiss.Kmeans(rows.shape[1], lists, niter=10, seed=1, max_points_per_centroid=128)
        means.train(rows)
        of = means.index.search(rows, 1)[1].ravel().astype(np.uint32)
        self.index = rabitqlib.IvfIndex(rows.shape[1], len(rows), lists, 32, "ip")
        self.index.build(rows, means.centroids, of, THREADS)

    def set_width(self, width):
        self.width = width

    def search(self, probes):
        return np.asarray(self.index.search(probes, K, self.width, None, self.threads)[0]).reshape(len(probes), K)

    def save(self, path):
        self.index.save(path)


def exact(rows, probes):
    """The ten best rows of each probe."""
    best = np.empty((len(probes), K), dtype=np.int64)
    for at in range(0, len(probes), 100):
        scores = probes[at : at + 100] @ rows.T
        best[at : at + 100] = np.argpartition(-scores, K, axis=1)[:, :K]
    return best


def rate_at(recall, curve):
    """The rate of a curve of (recall, rate) at a recall: that of its first point below its range, None above its range."""
    if len(curve) == 1 and recall <= curve[0][0]:
        return curve[0][1]
    for (low, fast), (high, slow) in zip(curve, curve[1:]):
        if low <= recall <= high:
            part = (recall - low) / (high - low) if high > low else 0
            return math.exp(math.log(fast) + part * (math.log(slow) - math.log(fast)))
    return None


def ratios(our_curve, peer_curve):
    line = {}
    for at, kind in enumerate(KINDS):
        known = [(recalls[at], rate) for recalls, rate in our_curve if recalls[at] is not None]
        points = []
        for recalls, rate in peer_curve:
            own = None if recalls[at] is None else rate_at(recalls[at], known)
            if own:
                points.append({"recall": round(recalls[at], 4), "ratio": round(own / rate, 3)})
        line[kind] = points
    return line


def main():
    rows, probes = np.load(OPTIONS.gallery), np.load(OPTIONS.probes)
    best = exact(rows, probes)
    ours = Ours(OPTIONS)
    systems = {f"ours, {name}": ours.way(name, [name]) for name in OPTIONS.ways}
    if OPTIONS.our_graph:
        systems["ours, graph"] = ours.way("graph", OPTIONS.widths or WIDTHS)
    for name, peer in PEERS.items():
        if name in OPTIONS.peers:
            systems[name] = peer(rows, probes, best, OPTIONS.mated)
            if OPTIONS.widths and peer.widths == WIDTHS:
                systems[name].widths = OPTIONS.widths
    asked = {name: {width: [] for width in system.widths} for name, system in systems.items()}
    for _ in range(OPTIONS.rounds):
        for place in range(max(len(system.widths) for system in systems.values())):
            for name, system in systems.items():
                if place < len(system.widths):
                    width = system.widths[place]
                    asked[name][width].append(system.ask(width))

    curves = {}
    for name, system in systems.items():
        line = {"system": name, "rows": len(rows), "dimension": rows.shape[1], "degree": OPTIONS.degree}
        line |= {"build_width": OPTIONS.build_width} | system.about()
        line["widths"], curves[name] = [], []
        for width in system.widths:
            rates, recalls, medians, p99s = zip(*asked[name][width])
            rate = statistics.median(rates)
            curves[name].append((recalls[0], rate))
            times = {"rate": round(rate, 1), "rate_of_two": round(system.ask_two(width), 1), "median_ms": round(min(medians), 3), "p99_ms": round(min(p99s), 3)}
            line["widths"].append({"width": width, **dict(zip(KINDS, recalls[0])), **times})
        print(json.dumps(line), flush=True)
    ours.process.stdin.close()
    for own in systems:
        for name in systems:
            if own.startswith("ours") and not name.startswith("ours"):
                print(json.dumps({"over": name, "system": own, **ratios(curves[own], curves[name])}))


PEERS = {
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "usearch-i8": UsearchI8,
    "faiss HNSW": FaissHnsw,
    "faiss HNSW SQ8": FaissHnswSq8,
    "faiss IVF": FaissIvf,
    "faiss IVF SQ8": FaissIvfSq8,
    "SymphonyQG": Symqg,
    "IVF RaBitQ": IvfRabitq,
    "voyager": Voyager,
    "SVS": Svs,
    "zvec": Zvec,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")
    for name in ["bench", "directory", "gallery", "probes"]:
        parser.add_argument(name)
    parser.add_argument("--mated", type=int, default=0, help="of the first rows, in order")
    parser.add_argument("--degree", type=int, default=16)
    parser.add_argument("--build-width", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", type=lambda text: [int(width) for width in text.split(",")], help="of graphs")
    parser.add_argument("--ways", type=words, default=["scan"], help="to search completely: scan, scan:1e-3, exact")
    parser.add_argument("--our-graph", action="store_true", help="build and search a graph of ours, too")
    parser.add_argument("--peers", type=words, default=list(PEERS), help=", ".join(PEERS))
    OPTIONS = parser.parse_args()
    main()

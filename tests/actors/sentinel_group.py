# SPDX-License-Identifier: Apache-2.0
"""A master, its replica, and the Sentinels that watch them: real processes of Redis."""

import os

import redis

from .process import Process
from .redis_server import free_port

MASTER = "mymaster"


class Sentinel:
    def __init__(self, directory, master_port, quorum, password=None):
        self.port = free_port()
        conf = os.path.join(directory, f"sentinel-{self.port}.conf")
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {directory}",
                 f"sentinel monitor {MASTER} 127.0.0.1 {master_port} {quorum}",
                 f"sentinel down-after-milliseconds {MASTER} 800",
                 f"sentinel failover-timeout {MASTER} 4000"]
        if password:
            lines += [f"requirepass {password}", f"sentinel sentinel-pass {password}"]
        with open(conf, "w") as f:
            f.write("\n".join(lines) + "\n")
        self.process = Process(["redis-server", conf, "--sentinel"], name="redis-sentinel")
        self.process.wait_line(r"\+monitor master")
        self.password = password

    def client(self):
        return redis.Redis(host="127.0.0.1", port=self.port, password=self.password,
                           decode_responses=True)


class SentinelGroup:
    """`stage` ends what this starts."""

    def __init__(self, stage, sentinels=3, password=None):
        self.master = stage.redis()
        self.replica = stage.redis(replicaof=f"127.0.0.1 {self.master.port}")
        self.replica.process.wait_line("MASTER <-> REPLICA sync: Finished with success")
        self.sentinels = []
        for n in range(sentinels):
            directory = stage.path(f"sentinel{n}")
            os.mkdir(directory)
            sentinel = Sentinel(directory, self.master.port, sentinels // 2 + 1, password)
            self.sentinels.append(sentinel)
            stage.process(sentinel.process)
        for sentinel in self.sentinels:  # each must know the replica before it can promote it
            sentinel.process.wait_line(r"\+slave slave", 20)

    def url(self, db=0):
        return ";".join(f"sentinel://127.0.0.1:{s.port}/{db}" for s in self.sentinels)

    def options(self, **more):
        return {"master_name": MASTER, **more}

    def config(self, **more):
        return {"broker_transport_options": self.options(**more),
                "result_backend_transport_options": self.options(**more)}

    def fail_over(self):
        """By hand, with a master that lives. A Sentinel that has not asked the replica yet
        finds it unfit."""

        def accepted(_):
            try:
                return self.sentinels[1].client().execute_command("SENTINEL", "FAILOVER", MASTER)
            except redis.ResponseError as e:
                assert "NOGOODSLAVE" in str(e)

        self.replica.until(accepted, 30, what="a fail-over that the Sentinel accepts")

    def wait_agreement(self, seconds=40):
        """Until every Sentinel names the replica: before, a producer may still be sent to
        the old master, and what it writes there is lost."""

        def agreed(_):
            return all(s.client().sentinel_get_master_addr_by_name(MASTER)[1] == self.replica.port
                       for s in self.sentinels)

        self.replica.until(agreed, seconds, what="Sentinels that agree")

    def wait_promotion(self, seconds=40):
        self.replica.process.wait_line("MASTER MODE enabled", seconds)

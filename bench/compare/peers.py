"""The queues that notifyd is held against: how each is started, on free loopback ports and in a directory of its own, and by whom it is called.

A peer is a function (place) -> (processes, environment of its client). `place` says where things are (compare.py's Place).
"""
import json
import os
import time
import urllib.request

from measure import Process, free_port


def worker(place, name, **env):
    return Process(name, ["node", name + ".mjs"], place.dir, cwd=place.node, env=dict(env, RECEIVER=place.receiver)).wait_for("ready")


def rabbitmq(place):
    """quorum queue, one node: confirmed once it is synced"""
    port, dist, epmd_port = free_port(), free_port(), free_port()
    home = place.fresh("rabbitmq")
    with open(home + "/.erlang.cookie", "w") as f:
        f.write("COMPARE")
    os.chmod(home + "/.erlang.cookie", 0o400)
    erlang = place.root + "/usr/lib/erlang/bin"
    path = erlang + ":" + place.root + "/usr/bin:" + os.environ["PATH"]
    epmd = Process("epmd", [place.root + "/usr/bin/epmd", "-address", "127.0.0.1", "-port", str(epmd_port)], place.dir,
                   env={"PATH": path}).wait_port(epmd_port)
    env = {"HOME": home, "PATH": path, "RABBITMQ_NODENAME": f"compare{port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
           "RABBITMQ_NODE_PORT": str(port), "RABBITMQ_DIST_PORT": str(dist), "RABBITMQ_MNESIA_BASE": home + "/mnesia", "RABBITMQ_LOG_BASE": home,
           "RABBITMQ_LOGS": "-", "RABBITMQ_ENABLED_PLUGINS_FILE": home + "/plugins", "RABBITMQ_CONFIG_FILE": home + "/none",
           "RABBITMQ_CONF_ENV_FILE": home + "/none", "RABBITMQ_PID_FILE": home + "/pid", "ERL_EPMD_ADDRESS": "127.0.0.1",
           "ERL_EPMD_PORT": str(epmd_port), "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"}
    server = Process("rabbitmq", [place.root + "/usr/lib/rabbitmq/bin/rabbitmq-server"], place.dir, env=env).wait_port(port)
    # The port opens before everything behind it is there.
    server.wait_for("completed with")
    return [epmd, server, worker(place, "rabbitmq-worker", PORT=str(port))], {"PORT": str(port)}


def bullmq(place):
    """Redis with appendfsync always: answered once it is synced"""
    port = free_port()
    libraries = place.root + "/usr/lib/x86_64-linux-gnu:" + place.root + "/usr/lib/aarch64-linux-gnu"
    redis = Process("redis", [place.root + "/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", place.fresh("redis"),
                              "--appendonly", "yes", "--appendfsync", "always"], place.dir,
                    env={"LD_LIBRARY_PATH": libraries}).wait_port(port)
    return [redis, worker(place, "bullmq-worker", PORT=str(port))], {"PORT": str(port)}


def beanstalkd(place):
    """binlog, synced every 50 ms, which is its default: answered after its write"""
    port = free_port()
    server = Process("beanstalkd", [place.root + "/usr/bin/beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", place.fresh("beanstalkd"), "-f", "50"],
                     place.dir).wait_port(port)
    return [server, worker(place, "beanstalkd-worker", PORT=str(port))], {"PORT": str(port)}


def restate(place):
    """one node: answered once it is in its log, which is synced"""
    ingress, admin, fabric, service = free_port(), free_port(), free_port(), free_port()
    base = place.fresh("restate")
    env = {"RESTATE_BASE_DIR": base, "RESTATE_BIND_IP": "127.0.0.1", "RESTATE_ADVERTISED_HOST": "127.0.0.1", "RESTATE_LISTEN_MODE": "tcp",
           "RESTATE_BIND_PORT": str(fabric), "RESTATE_INGRESS__BIND_PORT": str(ingress), "RESTATE_ADMIN__BIND_PORT": str(admin),
           "RESTATE_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "RESTATE_LOG_FILTER": "warn", "RESTATE_ADMIN__DISABLE_WEB_UI": "true"}
    server = Process("restate", [place.node + "/node_modules/@restatedev/restate-server-linux-x64/bin/restate-server", "--no-logo"], place.dir, cwd=base,
                     env=env)
    called = worker(place, "restate-worker", PORT=str(service), NODE_ENV="production", RESTATE_LOGGING="ERROR").wait_port(service)
    server.wait_port(ingress).wait_port(admin)
    register = urllib.request.Request(f"http://127.0.0.1:{admin}/deployments", method="POST", headers={"content-type": "application/json"},
                                      data=json.dumps({"uri": f"http://127.0.0.1:{service}", "force": True}).encode())
    end = time.time() + 30
    while True:
        try:
            urllib.request.urlopen(register, timeout=10).read()
            return [server, called], {"PORT": str(ingress)}
        except OSError:
            if time.time() > end:
                raise
            time.sleep(0.3)


# Name, what stands behind an acknowledgement, and how it is started.
PEERS = {"rabbitmq": ("RabbitMQ, quorum queue", "its sync to disk", rabbitmq),
         "bullmq": ("BullMQ on Redis, appendfsync always", "its sync to disk", bullmq),
         "beanstalkd": ("beanstalkd, binlog synced every 50 ms", "its write", beanstalkd),
         "restate": ("Restate", "its sync to disk", restate)}

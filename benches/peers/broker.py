"""One Apache Kafka for the peers: started on free ports with its data in a folder, stopped with the block that holds it.

Never takes a broker that is there already, and keeps nothing.
"""

import contextlib
import shutil
import socket
import subprocess
import time

# Any 16 bytes in Base64, as Kafka writes them.
CLUSTER_ID = "ZGlhbHdhdGNoLXBlZXJzIQ"
PATIENCE_S = 120

PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CONTROLLER://127.0.0.1:{controller},PLAIN://127.0.0.1:{plain}
advertised.listeners=PLAIN://127.0.0.1:{plain}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs={data}
log.retention.ms=-1
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


@contextlib.contextmanager
def running(jars, folder):
    """A broker of the jars, with its data in the folder: where its clients begin."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    controller, plain = free_ports(2)
    settings = folder / "server.properties"
    settings.write_text(PROPERTIES.format(controller=controller, plain=plain, data=folder / "data"))
    java = ["java", "-Xmx1g", "-cp", f"{jars}/*"]
    with open(folder / "broker.log", "w") as log:
        talk = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", settings], check=True, **talk)
        broker = subprocess.Popen([*java, "kafka.Kafka", settings], **talk)
    try:
        wait(broker, plain)
        yield f"127.0.0.1:{plain}"
    finally:
        broker.kill()
        broker.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait(broker, port):
    """Waits until somebody listens; clients wait for the rest themselves."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        if broker.poll() is not None:
            raise RuntimeError("the broker has ended: see broker.log")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline_s:
                raise RuntimeError("no broker answers") from None
            time.sleep(0.2)

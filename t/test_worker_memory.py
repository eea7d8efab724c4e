"""No memory: an allocation that fails ends a request or a client, never a
worker, and nothing stays behind."""

import hunger
from fault import Hunger
from nginx import FAULT_MODULE


def test_allocations_fail(vhost, nginx, tmp_path, monkeypatch):
    path = tmp_path / "alloc"
    hungry = Hunger(path)
    monkeypatch.setenv("ESS_FAULT_ALLOC", str(path))
    n = nginx(hunger.CONF, workers=2, module=FAULT_MODULE, amqp=vhost.url)
    crowd = hunger.starve(n, vhost, hungry, 1, 400)
    hunger.recovered(crowd)

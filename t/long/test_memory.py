"""Allocations fail for minutes.  ESS_SEED names the first seed, ESS_SEEDS says
how many there are."""

import os
import random

import pytest

import hunger
from fault import Hunger
from nginx import FAULT_MODULE


@pytest.mark.seconds(600)
@pytest.mark.parametrize("seed",
                         range(int(os.environ.get("ESS_SEEDS") or 10)))
def test_allocations_fail_for_minutes(vhost, nginx, tmp_path, monkeypatch,
                                      seed):
    seed += int(os.environ.get("ESS_SEED") or random.randrange(1 << 30))
    print("ESS_SEED=%d" % seed)
    path = tmp_path / "alloc"
    hungry = Hunger(path)
    monkeypatch.setenv("ESS_FAULT_ALLOC", str(path))
    n = nginx(hunger.CONF, workers=2, module=FAULT_MODULE, amqp=vhost.url)
    crowd = hunger.starve(n, vhost, hungry, seed, 4000)
    hunger.recovered(crowd)

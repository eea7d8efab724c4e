"""The client libraries of docs/clients.md: each of its programs, exactly as it
stands there, gets 1,000 of 1,000 events, in order, each once, over a reload
and the death of all workers.  What ran is printed at the end."""

import pytest

import peers
from resume import goes_on, is_told_of_a_gap


@pytest.mark.seconds(240)
@pytest.mark.parametrize("broker", ["http", "rabbitmq"])
@pytest.mark.parametrize("name", peers.CLIENTS)
def test_every_event_once(name, broker, nginx, tmp_path, request,
                          record_property):
    peer = [name + ", " + broker, peers.version(name), ""]
    record_property("peer", peer)
    command = peers.client(name)
    vhost = request.getfixturevalue("vhost") if broker == "rabbitmq" else None
    peer[2] = goes_on(nginx, tmp_path, command,
                      peers.CLIENTS[name].transport, peers.ends(name), vhost)


@pytest.mark.parametrize("name", peers.CLIENTS)
def test_a_gap_is_told(name, nginx, tmp_path):
    is_told_of_a_gap(nginx, tmp_path, peers.client(name),
                     peers.CLIENTS[name].transport)

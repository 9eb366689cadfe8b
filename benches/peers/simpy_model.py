"""SimPy 4.1.2 on CPython: processes and a Resource. Prints CPU time [ns] and the mean wait."""

import random
import sys
import time

import simpy

LAMBDA = 6.4
SERVERS = 8


def queue(customers):
    rng = random.Random(1)
    env = simpy.Environment()
    servers = simpy.Resource(env, capacity=SERVERS)
    waits = [0.0]

    def customer():
        since = env.now
        with servers.request() as turn:
            yield turn
            waits[0] += env.now - since
            yield env.timeout(rng.expovariate(1.0))

    def source():
        for _ in range(customers):
            env.process(customer())
            yield env.timeout(rng.expovariate(LAMBDA))

    env.process(source())
    env.run()
    return waits[0] / customers


def hold(timers, events):
    rng = random.Random(1)
    env = simpy.Environment()
    left = [events]
    over = env.event()

    def timer():
        while True:
            yield env.timeout(rng.expovariate(1.0))
            left[0] -= 1
            if left[0] == 0:
                over.succeed()

    for _ in range(timers):
        env.process(timer())
    env.run(until=over)
    return env.now


def main():
    work, size, units = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    begun = time.process_time_ns()
    value = queue(units) if work == "queue" else hold(size, units)
    print(time.process_time_ns() - begun, value)


main()
